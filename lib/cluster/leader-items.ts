import { boundedMap } from '../kit/bounded-map.ts';
import { changeItem, type ItemPut } from '../kit/change-item.ts';
import { SharedReads } from '../kit/shared-reads.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import { encodeLeader, LEADERS_PK, type LeaderRecord, leadersOfTopic } from '../storage/items/leader.ts';
import type { PutCondition } from '../storage/ports.ts';
import type { NodesEnvironment } from './environment.ts';

/** Topics of which is remembered what was told last, the latest ones. */
const TOPICS_MAX = 20_000;

/** Stands for a listing of all topics; no topic has an empty id. */
const ALL = '';

/**
 * The leader items, for whoever has to tell the epoch of a journal without reading the journal itself. They are read for
 * every question: a client asks again because it was fenced by an epoch, and must not be told the one before. Clients that
 * ask all at once share a read.
 */
export class LeaderItems {
  readonly #env: NodesEnvironment;
  readonly #reads = new SharedReads<string, ReadonlyMap<JournalId, number>>();
  readonly #told = boundedMap<string, ReadonlyMap<JournalId, number>>(TOPICS_MAX);

  constructor(env: NodesEnvironment) {
    this.#env = env;
  }

  /**
   * The epochs of a topic's journals that were taken over at all, by a strongly consistent read that begins after the call.
   * Throws StoreUnavailableError.
   */
  epochsOf(topicId: string): Promise<ReadonlyMap<JournalId, number>> {
    return this.#reads.read(topicId, async () => {
      const epochs = this.#notBack(await this.#read(leadersOfTopic(topicId)));
      this.#told.set(topicId, epochs);
      return epochs;
    });
  }

  /** Those of all topics, in a listing. Throws StoreUnavailableError. */
  allEpochs(): Promise<ReadonlyMap<JournalId, number>> {
    return this.#reads.read(ALL, async () => this.#notBack(await this.#read({})));
  }

  /** Writes down that a journal was taken over, after the entry that says so (rule R10). Throws StoreUnavailableError. */
  async put(leader: LeaderRecord): Promise<void> {
    const { journal, leaderEpoch } = leader;
    const put: ItemPut = { kind: 'put', version: leaderEpoch, body: encodeLeader(leader) };
    // Most often the epoch before was taken over as well.
    const condition: PutCondition =
      leaderEpoch > 1 ? { kind: 'version', version: leaderEpoch - 1 } : { kind: 'absent' };
    await changeItem(
      this.#env,
      { pk: LEADERS_PK, sk: journal },
      (item) => (item !== undefined && item.version >= leaderEpoch ? { kind: 'keep', result: undefined } : put),
      { ...put, condition },
    );
  }

  /** Another read, of one topic or of all, may have begun later and ended before: what a process tells does not go back. */
  #notBack(read: ReadonlyMap<JournalId, number>): ReadonlyMap<JournalId, number> {
    const epochs = new Map<JournalId, number>();
    for (const [journal, epoch] of read) {
      epochs.set(journal, Math.max(epoch, this.#told.peek(topicOf(journal))?.get(journal) ?? 0));
    }
    return epochs;
  }

  async #read(range: { readonly from?: string; readonly to?: string }): Promise<ReadonlyMap<JournalId, number>> {
    const epochs = new Map<JournalId, number>();
    let next = range;
    for (;;) {
      const page = await this.#env.state.query({ pk: LEADERS_PK, ...next, consistent: true });
      // Key and version tell it, also where a newer program has written the body.
      for (const { sk, version } of page.items) epochs.set(sk, version);
      const last = page.items.at(-1);
      if (!page.more || last === undefined) return epochs;
      next = { ...range, from: `${last.sk}\0` };
    }
  }
}

function topicOf(journal: JournalId): string {
  return journal.slice(0, journal.lastIndexOf('/'));
}
