import type { Journal } from '../journal.ts';
import { fitsEntry, nextTier, RateMeter, type Tier } from '../tier.ts';
import type { WalOutcome, WalSource } from '../wal.ts';
import { expireRequests, Group, type Request } from './work.ts';

/** Maximum batches in one entry; keeps its list of batches far below the size limit of an item. */
const GROUP_BATCHES_MAX = 1_000;
/**
 * Maximum bytes of those batches; a single batch may be larger. Readers load an entry's bytes as a
 * whole, and waiting bytes are copied once.
 */
const GROUP_BYTES_MAX = 8 * 1024 * 1024;
/** Maximum groups whose bytes go to WAL objects while an earlier group commits. */
const GROUPS_AHEAD_MAX = 3;
/** Default of TierLimits.aheadBytes. */
const AHEAD_BYTES_MIN = 256 * 1024;

/**
 * - `open`: the next group may be made as soon as the queue has room for it.
 * - `gathering`: more batches are expected within `gatherMs`.
 * - `promised`: the next WAL object takes the waiting batches.
 */
type State =
  | { readonly kind: 'open' }
  | { readonly kind: 'gathering'; readonly cancel: () => void }
  | { readonly kind: 'promised' };

const OPEN: State = { kind: 'open' };

/** The queue that groups go to. */
export interface GroupQueue {
  /** Works that are not finished. */
  readonly length: number;
  push(group: Group): void;
}

/**
 * Holds the batches that wait for a group. Decides when to make the next group, and where its bytes
 * go: into the entry, or first to a WAL object if they are large or frequent.
 */
export class Intake {
  readonly #journal: Journal;
  readonly #queue: GroupQueue;
  readonly #rate = new RateMeter();
  readonly #walSource: WalSource;
  #state: State = OPEN;
  #tier: Tier = 'inline';
  #waiting: Request[] = [];
  #waitingBytes = 0;

  constructor(journal: Journal, queue: GroupQueue) {
    this.#journal = journal;
    this.#queue = queue;
    const intake = this;
    this.#walSource = {
      journal: journal.id,
      get waitingBytes() {
        return intake.#waitingBytes;
      },
      take: () => this.#takeForObject(),
    };
  }

  get waiting(): readonly Request[] {
    return this.#waiting;
  }

  /**
   * Adds a batch and makes a group if there is room for one. With `gatherMs` (functions, where
   * requests come in bursts), an idle queue waits that long first.
   */
  add(request: Request): void {
    const { gatherMs, clock } = this.#journal.env;
    const bytes = request.batch.bytes.length;
    this.#waiting.push(request);
    this.#waitingBytes += bytes;
    this.#rate.add(bytes, clock.monotonic());
    const gathers = gatherMs !== undefined && this.#queue.length === 0 && this.#state.kind !== 'promised';
    if (!gathers) this.makeGroup();
    if (!gathers || this.#state.kind === 'gathering') return;
    const cancel = clock.setTimer(gatherMs, () => {
      this.#state = OPEN;
      this.makeGroup();
    });
    this.#state = { kind: 'gathering', cancel };
  }

  /**
   * Makes a group of the waiting batches if there is room for one, or lets the next WAL object take
   * them.
   */
  makeGroup(): void {
    if (this.#waiting.length === 0) return;
    const { tier: limits, clock, wal } = this.#journal.env;
    if (this.#state.kind === 'promised') {
      // More bytes wait now, perhaps enough to write the object early.
      wal.request(this.#walSource);
      return;
    }
    const ahead = this.#queue.length;
    const aheadBytes = limits.aheadBytes ?? AHEAD_BYTES_MIN;
    if (ahead > 0 && (this.#waitingBytes < aheadBytes || ahead >= GROUPS_AHEAD_MAX)) return;
    if (this.#state.kind === 'gathering') this.#state.cancel();
    this.#state = OPEN;
    const rate = this.#rate.perSecond(clock.monotonic());
    this.#tier = nextTier(this.#tier, rate, limits);
    if (this.#tier === 'inline' && fitsEntry(this.#waitingBytes, rate, limits)) {
      this.#queue.push(this.#takeGroup());
    } else {
      this.#state = { kind: 'promised' };
      wal.request(this.#walSource);
    }
  }

  /** Makes groups of all waiting batches, so that a control entry follows them. */
  makeAllGroups(): void {
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      const bytes = group.requests.reduce((sum, { batch }) => sum + batch.bytes.length, 0);
      if (bytes > this.#journal.env.tier.inlineMaxBytes) group.storeAgain(this.#journal);
      this.#queue.push(group);
    }
  }

  /** Answers the requests whose deadline has passed. */
  expire(now: number): void {
    this.#waiting = expireRequests(this.#waiting, now);
    this.#waitingBytes = this.#waiting.reduce((sum, { batch }) => sum + batch.bytes.length, 0);
  }

  #takeGroup(): Group {
    let bytes = 0;
    let count = 0;
    for (const { batch } of this.#waiting) {
      const fits = count < GROUP_BATCHES_MAX && bytes + batch.bytes.length <= GROUP_BYTES_MAX;
      if (!fits && count > 0) break;
      bytes += batch.bytes.length;
      count += 1;
    }
    this.#waitingBytes -= bytes;
    return new Group(this.#waiting.splice(0, count));
  }

  /**
   * Called when an object is made: this journal's part of it becomes a group that waits for the
   * PUT.
   */
  #takeForObject(): { chunks: Buffer[]; done: (outcome: WalOutcome) => void } {
    this.#state = OPEN;
    const group = this.#takeGroup();
    if (group.requests.length === 0) return { chunks: [], done: () => {} };
    let done: (outcome: WalOutcome) => void = () => {};
    group.object = new Promise((resolve) => {
      done = resolve;
    });
    const chunks = group.chunks();
    this.#queue.push(group);
    this.makeGroup();
    return { chunks, done };
  }
}
