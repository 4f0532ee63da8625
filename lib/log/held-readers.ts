import type { Clock } from '../core/clock.ts';
import type { Offset } from '../core/offset.ts';
import { lastStableOffset } from '../journal/view.ts';
import { boundedMap } from '../kit/bounded-map.ts';
import { SharedReads } from '../kit/shared-reads.ts';
import type { LeftTransactions } from './open-transactions.ts';
import type { PartitionToRead } from './read-partitions.ts';

/**
 * A reader is held up this long, or nothing was appended for so long, before the transaction is looked
 * at: nearly all end by themselves before that; ms.
 */
const FIRST_LOOK_MS = 5_000;

/** Longest time between two looks, for a transaction whose process died while it was ended; ms. */
const LOOK_MAX_MS = 10_000;
const LOOK_MIN_MS = 1_000;

/** Partitions remembered. One that was evicted is held up anew. */
const HELD_MAX = 10_000;

interface Held {
  readonly producerId: number;
  readonly start: Offset;
  /** By Clock.monotonic(); ms. */
  lookAt: number;
  /** The look in progress. */
  look: Promise<void> | undefined;
}

/**
 * Looks after the `read_committed` readers that wait behind an open transaction. No timer aborts what
 * has timed out, and a producer that has died ends nothing: its readers have it done, at most
 * LOOK_MAX_MS after the time-out.
 */
export class HeldReaders {
  readonly #transactions: LeftTransactions;
  readonly #clock: Clock;
  readonly #held = boundedMap<string, Held>(HELD_MAX);
  readonly #looks = new SharedReads<number, number | undefined>();

  /** @param clock goes on while the process is frozen */
  constructor(transactions: LeftTransactions, clock: Clock) {
    this.#transactions = transactions;
    this.#clock = clock;
  }

  /**
   * Called for each read. Looks at the transactions that hold it up, in the background, if that is
   * due. The time until the next look is due; ms; Infinity if nothing is held up.
   */
  notice(partitions: readonly PartitionToRead[]): number {
    let next = Number.POSITIVE_INFINITY;
    for (const one of partitions) next = Math.min(next, this.#noticeOne(one));
    return next;
  }

  /** The same after the looks in progress, for a reader who is told when to ask again. */
  async lookedIn(partitions: readonly PartitionToRead[]): Promise<number> {
    await Promise.all(partitions.map((one) => this.#held.get(keyOf(one))?.look));
    return this.notice(partitions);
  }

  #noticeOne(one: PartitionToRead): number {
    const { open, partition, offset } = one;
    const { journal } = open;
    const view = journal.view.partitions.get(partition);
    if (view === undefined || view.openTransactions.size === 0) return Number.POSITIVE_INFINITY;
    const start = lastStableOffset(view);
    if (offset < start) return Number.POSITIVE_INFINITY;
    const first = [...view.openTransactions].find(([, from]) => from <= start);
    if (first === undefined) return Number.POSITIVE_INFINITY;
    const [producerId] = first;
    const now = this.#clock.monotonic();
    const key = keyOf(one);
    let held = this.#held.get(key);
    if (held?.producerId !== producerId || held.start !== start) {
      // Another process may have noticed it before: a request of the same reader reaches any of them.
      const quietMs = Math.max(0, journal.env.stores.journal.now() - journal.view.time);
      held = { producerId, start, lookAt: now + Math.max(0, FIRST_LOOK_MS - quietMs), look: undefined };
      this.#held.set(key, held);
    }
    if (now >= held.lookAt) {
      held.lookAt = now + LOOK_MAX_MS;
      held.look = this.#look(held, open);
    }
    return held.lookAt - now;
  }

  async #look(held: Held, { journal }: PartitionToRead['open']): Promise<void> {
    const { logger, stores } = journal.env;
    try {
      const { producerId } = held;
      const timesOutAt = await this.#looks.join(producerId, () => this.#transactions.meetProducer(producerId));
      if (timesOutAt === undefined) return;
      const left = timesOutAt - stores.state.now() + 1;
      held.lookAt = Math.min(held.lookAt, this.#clock.monotonic() + Math.max(left, LOOK_MIN_MS));
    } catch (error) {
      // The reader goes on, and the next look tries again.
      logger.log('warn', { event: 'transaction_not_met', journal: journal.id, message: String(error) });
    }
  }
}

function keyOf({ open: { journal }, partition }: PartitionToRead): string {
  return `${journal.id}/${partition}`;
}
