import type { Clock } from '../../lib/core/clock.ts';
import type { LogFields, LogLevel } from '../../lib/core/logger.ts';
import { type Random, randomInt } from '../../lib/core/random.ts';
import { encodeView } from '../../lib/journal/checkpoint-codec.ts';
import type { OpenJournal } from '../../lib/journal/open-journal.ts';
import { type ComposedBroker, composeBroker } from '../../lib/run/compose-broker.ts';
import type { Membership } from '../../lib/run/compose-nodes.ts';
import type { Settings } from '../../lib/settings/settings.ts';
import { StoreUnavailableError } from '../../lib/storage/ports.ts';
import { Process } from './process.ts';
import { processStores } from './process-stores.ts';
import type { World } from './world.ts';

export interface InstanceOptions {
  readonly name: string;
  readonly settings: Settings;
  /** How wrong the process's wall clock is; ms. */
  readonly skewMs: number;
  /** How coarse the store's answers tell the time; ms. */
  readonly granularityMs: number;
  /** Kinds of logged errors that this scenario brings about on purpose. */
  readonly expectErrors?: boolean;
}

/** Says what the engine's own guards must never have to say: any line of level `error` is a bug. */
function watchfulLogger(world: World, name: string, expectErrors: boolean) {
  return {
    log(level: LogLevel, fields: LogFields) {
      if (level === 'error' && !expectErrors) {
        world.report('engineError', `${name}: ${fields.event} ${String(fields.message ?? '').split('\n')[0]}`);
      }
    },
  };
}

/** How long a process that ends goes on with what it has begun; ms. */
const DRAIN_MS = 300;

/** Before a process whose id is taken asks for it again, as whoever restarts it would; ms. */
const REJOIN_MS = 3_000;

async function keepJoining(membership: Membership, clock: Clock, name: string): Promise<void> {
  for (;;) {
    try {
      const outcome = await membership.join([{ name: 'PLAINTEXT', host: name, port: 9092 }]);
      if (outcome.kind === 'joined') return;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
    await new Promise<void>((resolve) => clock.setTimer(REJOIN_MS, resolve));
  }
}

/** A broker process: the composed engine over its own way to the store. */
export class Instance {
  readonly process: Process;
  readonly world: World;
  #engine: ComposedBroker | undefined;
  readonly #ready: Promise<void>;
  readonly #leads: boolean;

  constructor(world: World, options: InstanceOptions) {
    this.world = world;
    this.#leads = options.settings.fleet;
    const { name, settings, skewMs, granularityMs } = options;
    this.process = new Process(name, world.clock, skewMs);
    const { clock } = this.process;
    const appends = (nonce: string) => world.leadership.appends(nonce, this);
    const stores = processStores(this.process, world.store.client({ clock, name }), granularityMs, appends);
    const logger = watchfulLogger(world, name, options.expectErrors === true);
    const random: Random = world.split();
    const advertised = () => ({ host: name, port: 9092 });
    this.#ready = (async () => {
      for (;;) {
        try {
          this.#engine = await composeBroker({ stores, clock, random, logger, settings, advertised });
          if (this.#engine.membership !== undefined) void keepJoining(this.#engine.membership, clock, this.name);
          return;
        } catch (error) {
          if (!(error instanceof StoreUnavailableError)) throw error;
          await new Promise<void>((resolve) => clock.setTimer(randomInt(random, 50, 500), resolve));
        }
      }
    })();
  }

  /** True for a gateway of a fleet, which leads; false for a sidecar or function, which appends beside the leaders. */
  get leads(): boolean {
    return this.#leads;
  }

  /** An orderly end: gives its place back, lets requests be finished, and is gone. */
  async stop(): Promise<void> {
    await this.ready();
    await this.engine.membership?.leave();
    await new Promise<void>((resolve) => this.process.clock.setTimer(DRAIN_MS, resolve));
    this.process.crash();
  }

  get name(): string {
    return this.process.name;
  }

  get engine(): ComposedBroker {
    return this.#engine!;
  }

  /** Resolves when requests can be handled: after the start, and after a thaw; never once it has crashed. */
  async ready(): Promise<void> {
    await this.process.pass();
    await this.#ready;
  }

  /** A partition's open journal, for what no client can ask for. Throws StoreUnavailableError; `undefined`: not there. */
  async open(topic: string, partition: number): Promise<OpenJournal | undefined> {
    await this.ready();
    const resolved = await this.engine.broker.log.partitions.resolve({ name: topic }, partition);
    if (resolved.kind !== 'open') return undefined;
    return resolved.open;
  }

  /** Tells the checkpoint log what this process takes the journals to be. */
  claimViews(): void {
    if (this.#engine === undefined || this.process.state === 'down') return;
    for (const id of this.world.ledger.journals.keys()) {
      const journal = this.engine.broker.admin.journals.peek(id)?.journal;
      if (journal === undefined || journal.view.seq < 0) continue;
      this.world.checkpoints.claim(id, journal.view.seq, encodeView(journal.view), `${this.name}'s view`);
    }
  }
}
