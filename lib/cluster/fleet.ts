import type { RequestContext } from '../core/context.ts';
import type { Journals, OpenJournal } from '../journal/open-journal.ts';
import { boundedMap } from '../kit/bounded-map.ts';
import { SharedReads } from '../kit/shared-reads.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import { journalsOf, type Topic } from '../topics/topics.ts';
import type { NodesEnvironment } from './environment.ts';
import { epochsOf } from './epochs.ts';
import type { LeaderItems } from './leader-items.ts';
import type { Claim, KnownEpochs, Leadership, Leads, NodeEndpoint } from './leadership.ts';
import type { NodeList } from './node-list.ts';
import type { Registration } from './registration.ts';
import { takeOver } from './take-over.ts';

export interface FleetOptions {
  readonly env: NodesEnvironment;
  readonly journals: Journals;
  readonly items: LeaderItems;
  readonly list: NodeList;
  readonly registration: Registration;
  readonly advertised: (listener: string) => { readonly host: string; readonly port: number };
}

/**
 * Before a client is sent to another node, the node list is refreshed if it is older than this; ms.
 * Limits those reads to two a second.
 */
const LOOK_MS = 500;

/**
 * Journals that this process remembers leading. If an evicted one is needed again, it is taken over
 * once more, which costs an entry.
 */
const LED_MAX = 20_000;

const ELSEWHERE: Claim = { kind: 'elsewhere' };
const FAILED: Claim = { kind: 'failed', error: 'KAFKA_STORAGE_ERROR' };

/** A journal that this process took over. */
interface Led {
  readonly nodeId: number;
  readonly epoch: number;
  /** True once the leader item is written, so that Metadata of every process shows this epoch. */
  isPublished: boolean;
  /**
   * NodeList.generation when leadership was last verified. If other nodes were live since then,
   * another node may have led the journal.
   */
  generation: number;
}

/**
 * A gateway of a fleet. It leads a journal if its hash for the journal is the highest of the live
 * nodes and this same process took the journal over. So only one process acknowledges appends under
 * an epoch.
 */
export class Fleet implements Leadership {
  readonly #options: FleetOptions;
  readonly #led = boundedMap<JournalId, Led>(LED_MAX);
  readonly #claims = new SharedReads<JournalId, Claim>();

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  get nodeId(): number {
    return this.#options.registration.nodeId;
  }

  /** Live nodes with the listener of the request. If there are none, this process alone. */
  nodes(context: RequestContext): readonly NodeEndpoint[] {
    const { list, advertised } = this.#options;
    const found: NodeEndpoint[] = [];
    for (const { nodeId, listeners, rack } of list.live()) {
      const at = listeners.find(({ name }) => name === context.listener);
      if (at !== undefined) found.push({ nodeId, host: at.host, port: at.port, rack });
    }
    return found.length > 0 ? found : [{ nodeId: this.nodeId, ...advertised(context.listener), rack: null }];
  }

  nodeOf(key: string): number | undefined {
    return this.#options.list.leaderOf(key);
  }

  look(): Promise<void> {
    return this.#options.list.fresh(LOOK_MS);
  }

  peek({ journal }: OpenJournal): Leads | undefined {
    if (!this.#shouldLead(journal.id)) return undefined;
    const led = this.#led.get(journal.id);
    if (led === undefined || !led.isPublished || led.nodeId !== this.nodeId) return undefined;
    if (led.generation !== this.#options.list.generation) return undefined;
    return led.epoch === journal.view.leaderEpoch ? { kind: 'leads', epoch: led.epoch } : undefined;
  }

  claim(open: OpenJournal): Promise<Claim> {
    return this.#claims.join(open.journal.id, () => this.#claim(open).catch((error: unknown) => this.#failed(error)));
  }

  async mayAnswer({ journal }: OpenJournal): Promise<boolean> {
    if (this.#shouldLead(journal.id)) return true;
    await this.look();
    return this.#shouldLead(journal.id);
  }

  /**
   * A journal that this process leads needs no read. For the others the leader items are newer than
   * a view that is not in use here.
   */
  async epochs(topics: readonly Topic[]): Promise<KnownEpochs> {
    const { journals, items } = this.#options;
    const known = await epochsOf(journals, items, topics, (journal) => {
      const open = journals.peek(journal);
      return open !== undefined && this.peek(open) !== undefined;
    });
    for (const { record } of topics) {
      for (const journal of journalsOf(record)) {
        // Metadata now shows clients a later epoch, so this process must not lead under the earlier
        // one.
        const led = this.#led.get(journal);
        if (led !== undefined && led.epoch < known.epochOf(journal)) this.#led.delete(journal);
      }
    }
    return known;
  }

  #shouldLead(journal: JournalId): boolean {
    const { list, registration } = this.#options;
    return registration.isLive && list.leaderOf(journal) === registration.nodeId;
  }

  async #claim(open: OpenJournal): Promise<Claim> {
    await this.look();
    const { id } = open.journal;
    if (!this.#shouldLead(id)) return ELSEWHERE;
    const { list } = this.#options;
    const { generation } = list;
    await open.journal.catchUp(true);
    const { view } = open.journal;
    const led = this.#led.get(id);
    if (led !== undefined && led.nodeId === this.nodeId && led.epoch === view.leaderEpoch) {
      led.generation = generation;
      return led.isPublished ? { kind: 'leads', epoch: led.epoch } : this.#publish(id, led);
    }
    if (view.leaderEpoch === 0 || view.leader === this.nodeId) return this.#takeOver(open, generation);
    // Another node took the journal over, perhaps by a newer list than this one. Two nodes with
    // old lists would otherwise take it from each other until both have read a new one.
    await list.refresh();
    return this.#shouldLead(id) ? this.#takeOver(open, list.generation) : ELSEWHERE;
  }

  async #takeOver(open: OpenJournal, generation: number): Promise<Claim> {
    const { id } = open.journal;
    const { nodeId } = this;
    const { env } = this.#options;
    const taken = await takeOver(open, nodeId, env.clock, () => this.#shouldLead(id) && this.nodeId === nodeId);
    if (taken.kind === 'not') return ELSEWHERE;
    if (taken.kind === 'timedOut') return FAILED;
    const led: Led = { nodeId, epoch: taken.epoch, isPublished: false, generation };
    this.#led.set(id, led);
    env.logger.log('debug', { event: 'taken_over', journal: id, leaderEpoch: led.epoch });
    return this.#publish(id, led);
  }

  /**
   * Writes the leader item before any request is served under the epoch, because a client that this
   * epoch fences looks for it in Metadata.
   */
  async #publish(journal: JournalId, led: Led): Promise<Claim> {
    await this.#options.items.put({ journal, leaderEpoch: led.epoch, leader: led.nodeId });
    led.isPublished = true;
    return { kind: 'leads', epoch: led.epoch };
  }

  #failed(error: unknown): Claim {
    if (!(error instanceof StoreUnavailableError)) throw error;
    this.#options.env.logger.log('warn', { event: 'store_unavailable', message: error.message });
    return FAILED;
  }
}
