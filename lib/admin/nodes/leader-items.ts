import { newNonce } from '../../journal/environment.ts';
import type { JournalId } from '../../storage/items/journal-entry.ts';
import {
  decodeLeader,
  encodeLeader,
  LEADERS_PK,
  type LeaderRecord,
  leadersOfTopic,
} from '../../storage/items/leader.ts';
import { type Item, type PutCondition, StoreUnavailableError } from '../../storage/ports.ts';
import { putItem } from '../../storage/put-item.ts';
import type { NodesEnvironment } from './environment.ts';

/** A topic's epochs are read anew once they are this old; ms. Clients ask when something has changed, and all at once. */
const FRESH_MS = 1_000;

/** Topics whose epochs are remembered; beyond it the oldest are read again. */
const TOPICS_MAX = 20_000;

interface KnownEpochs {
  readonly readAt: number;
  readonly epochs: ReadonlyMap<JournalId, number>;
}

/** The leader items, for whoever has to tell the epoch of a journal without reading the journal itself. */
export class LeaderItems {
  readonly #env: NodesEnvironment;
  readonly #known = new Map<string, KnownEpochs>();

  constructor(env: NodesEnvironment) {
    this.#env = env;
  }

  /** The epochs of a topic's journals that were taken over at all; read strongly, at most once a second. Throws StoreUnavailableError. */
  async epochsOf(topicId: string): Promise<ReadonlyMap<JournalId, number>> {
    const known = this.#known.get(topicId);
    if (known !== undefined && this.#env.clock.monotonic() - known.readAt < FRESH_MS) return known.epochs;
    const readAt = this.#env.clock.monotonic();
    const epochs = this.#notBack(await this.#read(leadersOfTopic(topicId)));
    this.#known.delete(topicId);
    this.#known.set(topicId, { readAt, epochs });
    const oldest = this.#known.keys().next();
    if (this.#known.size > TOPICS_MAX && !oldest.done) this.#known.delete(oldest.value);
    return epochs;
  }

  /** Those of all topics, in a listing. Throws StoreUnavailableError. */
  async allEpochs(): Promise<ReadonlyMap<JournalId, number>> {
    return this.#notBack(await this.#read({}));
  }

  /** Writes down that a journal was taken over, after the entry that says so (rule R10). Throws StoreUnavailableError. */
  async put(leader: LeaderRecord): Promise<void> {
    const { journal, leaderEpoch } = leader;
    const nonce = newNonce(this.#env.random);
    const item: Item = { pk: LEADERS_PK, sk: journal, version: leaderEpoch, nonce, body: encodeLeader(leader) };
    // Most often the epoch before was taken over as well.
    let condition: PutCondition = leaderEpoch > 1 ? { kind: 'version', version: leaderEpoch - 1 } : { kind: 'absent' };
    for (;;) {
      const put = await putItem(this.#env.state, item, condition, this.#env.clock, this.#env.random);
      if (put.kind === 'committed') return;
      if (put.kind !== 'conflict') throw new StoreUnavailableError(put.message);
      if (put.existing === undefined) condition = { kind: 'absent' };
      else if (put.existing.version >= leaderEpoch) return;
      else condition = { kind: 'version', version: put.existing.version };
    }
  }

  /** Another read, begun later, may have ended before this one: what a process tells does not go back. */
  #notBack(read: ReadonlyMap<JournalId, number>): ReadonlyMap<JournalId, number> {
    const epochs = new Map<JournalId, number>();
    for (const [journal, epoch] of read) {
      epochs.set(journal, Math.max(epoch, this.#known.get(topicOf(journal))?.epochs.get(journal) ?? 0));
    }
    return epochs;
  }

  async #read(range: { readonly from?: string; readonly to?: string }): Promise<ReadonlyMap<JournalId, number>> {
    const epochs = new Map<JournalId, number>();
    let next = range;
    for (;;) {
      const page = await this.#env.state.query({ pk: LEADERS_PK, ...next, consistent: true });
      for (const item of page.items) {
        const { journal, leaderEpoch } = decodeLeader(item.body);
        epochs.set(journal, leaderEpoch);
      }
      const last = page.items.at(-1);
      if (!page.more || last === undefined) return epochs;
      next = { ...range, from: `${last.sk}\0` };
    }
  }
}

function topicOf(journal: JournalId): string {
  return journal.slice(0, journal.lastIndexOf('/'));
}
