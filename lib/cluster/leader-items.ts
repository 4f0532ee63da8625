import { boundedMap } from '../kit/bounded-map.ts';
import { changeItem, type ItemPut } from '../kit/change-item.ts';
import { SharedReads } from '../kit/shared-reads.ts';
import { type JournalId, topicIdOf } from '../storage/items/journal-entry.ts';
import { encodeLeader, LEADERS_PK, type LeaderRecord, leadersOfTopic } from '../storage/items/leader.ts';
import type { PutCondition } from '../storage/ports.ts';
import type { NodesEnvironment } from './environment.ts';

/** Topics whose last reported epochs are remembered. */
const TOPICS_MAX = 20_000;

/** Key of the read of all topics; no topic has an empty id. */
const ALL = '';

/**
 * The leader items, which give the epoch of a journal without a read of the journal. They are read
 * at each call, without a cache: a client asks again because an epoch fenced it, and must not get
 * the epoch before that one. Concurrent calls share a read.
 */
export class LeaderItems {
  readonly #env: NodesEnvironment;
  readonly #reads = new SharedReads<string, ReadonlyMap<JournalId, number>>();
  readonly #told = boundedMap<string, ReadonlyMap<JournalId, number>>(TOPICS_MAX);

  constructor(env: NodesEnvironment) {
    this.#env = env;
  }

  /**
   * The epochs of those journals of a topic that were ever taken over. The read is strongly
   * consistent and begins after the call. Throws StoreUnavailableError.
   */
  epochsOf(topicId: string): Promise<ReadonlyMap<JournalId, number>> {
    return this.#reads.read(topicId, async () => {
      const epochs = this.#notBack(await this.#read(leadersOfTopic(topicId)));
      this.#told.set(topicId, epochs);
      return epochs;
    });
  }

  /** The same for all topics, in one listing. Throws StoreUnavailableError. */
  allEpochs(): Promise<ReadonlyMap<JournalId, number>> {
    return this.#reads.read(ALL, async () => this.#notBack(await this.#read({})));
  }

  /** Records a takeover, after its entry was written (rule R10). Throws StoreUnavailableError. */
  async put(leader: LeaderRecord): Promise<void> {
    const { journal, leaderEpoch } = leader;
    const put: ItemPut = { kind: 'put', version: leaderEpoch, body: encodeLeader(leader) };
    // Usually the previous epoch has a leader item too.
    const condition: PutCondition =
      leaderEpoch > 1 ? { kind: 'version', version: leaderEpoch - 1 } : { kind: 'absent' };
    await changeItem(
      this.#env,
      { pk: LEADERS_PK, sk: journal },
      (item) => (item !== undefined && item.version >= leaderEpoch ? { kind: 'keep', result: undefined } : put),
      { ...put, condition },
    );
  }

  /**
   * Concurrent reads of one topic and of all topics can end in either order. This keeps the epochs
   * that a process reports from going back.
   */
  #notBack(read: ReadonlyMap<JournalId, number>): ReadonlyMap<JournalId, number> {
    const epochs = new Map<JournalId, number>();
    for (const [journal, epoch] of read) {
      epochs.set(journal, Math.max(epoch, this.#told.peek(topicIdOf(journal))?.get(journal) ?? 0));
    }
    return epochs;
  }

  async #read(range: { readonly from?: string; readonly to?: string }): Promise<ReadonlyMap<JournalId, number>> {
    const epochs = new Map<JournalId, number>();
    let next = range;
    for (;;) {
      const page = await this.#env.state.query({ pk: LEADERS_PK, ...next, consistent: true });
      // The key and the version are enough, so the body may be of a newer format.
      for (const { sk, version } of page.items) epochs.set(sk, version);
      const last = page.items.at(-1);
      if (!page.more || last === undefined) return epochs;
      next = { ...range, from: `${last.sk}\0` };
    }
  }
}
