import { type ErrorName, errorCode } from '../../../lib/core/errors.ts';
import { randomInt } from '../../../lib/core/random.ts';
import { ApiKey, type RequestInput } from '../../../lib/wire/apis.ts';
import { ANSWER_TIMEOUT_MS, Caller } from '../caller.ts';
import type { Cluster } from '../cluster.ts';
import type { Answer } from '../connection.ts';
import type { Sent } from '../ledger.ts';
import type { SimTopic } from '../topics.ts';
import type { SimTransaction } from './sim-transaction.ts';

const ATTEMPTS_MAX = 8;
const HASTY_MS = [40, 300] as const;

/** How clients behave while there are troubles. */
export interface Habits {
  /** The chance to have no patience: others are asked while the first still works on it. */
  readonly hasty: number;
  /** The chance to give up what had no answer. */
  readonly givesUp: number;
  /** Mean wait between two steps of a transaction; ms. */
  readonly thinkMs: number;
}

export const OK = errorCode('NONE');

export const RETRIED = codes([
  'REQUEST_TIMED_OUT',
  'KAFKA_STORAGE_ERROR',
  'NOT_ENOUGH_REPLICAS',
  'CONCURRENT_TRANSACTIONS',
  'COORDINATOR_NOT_AVAILABLE',
  'UNSTABLE_OFFSET_COMMIT',
]);

/** What somebody may be told who has lost its id or its transaction. */
export const LOST = codes([
  'INVALID_PRODUCER_EPOCH',
  'PRODUCER_FENCED',
  'INVALID_PRODUCER_ID_MAPPING',
  'INVALID_TXN_STATE',
  'TRANSACTION_ABORTABLE',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
]);

const GONE = codes(['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID', 'OPERATION_NOT_ATTEMPTED']);

/** What the attempts to commit offsets, or to add their group, are called. */
export const OFFSETS_OF = 'offsets of';

export type Outcome = 'done' | 'failed' | 'lost';
export type Step = () => Promise<Outcome>;

/** How a transactional producer asks: with little patience, and over a network that keeps copies. */
export class TransactionalCaller extends Caller {
  readonly #transactionalId: string;
  readonly #habits: Habits;

  constructor(cluster: Cluster, name: string, transactionalId: string, habits: Habits) {
    super(cluster, name);
    this.#transactionalId = transactionalId;
    this.#habits = habits;
  }

  protected get isOver(): boolean {
    return this.cluster.world.violations.length > 0;
  }

  protected get ledger() {
    return this.cluster.world.transactions;
  }

  protected get isTroubled(): boolean {
    return this.cluster.world.troubles.on;
  }

  protected async think(): Promise<void> {
    const { thinkMs } = this.#habits;
    if (thinkMs > 0) await this.sleep(this.random.next() * 2 * thinkMs);
  }

  /** Sends until there is an answer that stays. `ask` gives the error code; undefined without an answer. */
  protected async attempt(
    sim: SimTransaction,
    what: string,
    topic: SimTopic | undefined,
    ask: () => Promise<number | undefined>,
  ): Promise<Outcome> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX && !this.isOver; attempt++) {
      const wasOpen = this.ledger.isOpen(sim);
      const wasCurrent = this.ledger.state(sim.transactionalId)?.producerEpoch === sim.producerEpoch;
      const code = await ask();
      if (code !== undefined) this.ledger.zombies.answered(code, wasCurrent, what.startsWith(OFFSETS_OF));
      if (code === OK) return 'done';
      if (code !== undefined && GONE.has(code)) {
        if (topic?.deleting !== true) this.cluster.world.report('unknownTopic', `${sim.name}: ${what}`);
        return 'failed';
      }
      if (code !== undefined && LOST.has(code)) {
        if (wasOpen && this.ledger.isOpen(sim)) {
          this.cluster.world.report('wronglyRefused', `${sim.name} is open, and ${what} was answered ${code}`);
        }
        return 'lost';
      }
      if (code !== undefined && !RETRIED.has(code)) {
        this.unexpected(what, code);
        return 'failed';
      }
      // What it gives up may still come in.
      if (this.isTroubled && this.random.next() < this.#habits.givesUp) return 'failed';
      if (this.random.next() < 0.5) this.leave();
      await this.pause();
    }
    return 'failed';
  }

  /** Asks, and now and then the network keeps a copy that comes later, to any process. */
  protected askCopied<Key extends ApiKey>(
    apiKey: Key,
    version: number,
    body: RequestInput<Key>,
    { sent, arrives }: { readonly sent?: Sent; readonly arrives?: () => void } = {},
  ): Promise<Answer<Key>> {
    const { cluster, random } = this;
    if (sent !== undefined) sent.sends++;
    const copied = () => {
      if (sent !== undefined) sent.sends++;
      // InitProducerId may take the id away from whoever has got it meanwhile.
      if (apiKey === ApiKey.InitProducerId) this.ledger.inits(this.#transactionalId);
    };
    return this.connection.ask(apiKey, version, body, this.patienceMs(), {
      instance: cluster.pick(random),
      copied,
      ...(arrives === undefined ? {} : { arrives }),
    });
  }

  protected patienceMs(): number {
    const isHasty = this.isTroubled && this.random.next() < this.#habits.hasty;
    return isHasty ? randomInt(this.random, ...HASTY_MS) : ANSWER_TIMEOUT_MS;
  }

  protected unexpected(what: string, code: number): void {
    this.cluster.world.report('unexpectedError', `${this.name} was answered ${code} to ${what}`);
  }
}

function codes(names: readonly ErrorName[]): ReadonlySet<number> {
  return new Set(names.map((name) => errorCode(name)));
}
