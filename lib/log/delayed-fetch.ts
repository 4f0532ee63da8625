import type { SegmentReader } from '../segments/segment-reader.ts';
import type { HeldReaders } from './held-readers.ts';
import type { ReadBudget } from './read-budget.ts';
import {
  catchUpWhereNeeded,
  type FetchedPartition,
  type IsolationLevel,
  type PartitionToRead,
  readPartitions,
} from './read-partitions.ts';

export interface FetchLimits {
  readonly minBytes: number;
  /**
   * Limit over all partitions; bytes. The first batch of the first partition with data may exceed
   * it. May be negative.
   */
  readonly maxBytes: number;
  readonly isolation: IsolationLevel;
  /** By Clock.monotonic(); ms. At this time the answer is sent with the data found so far. */
  readonly deadline: number;
  /** Aborts the wait. */
  readonly signal: AbortSignal;
  readonly budget: ReadBudget;
  readonly segments: SegmentReader;
  readonly heldReaders: HeldReaders;
}

/**
 * Reads partitions from their offsets, in order. Waits until it has `minBytes`, an error, or the
 * deadline passes (Kafka: DelayedFetch). One query catches up each journal in which a partition has
 * no new data. During the wait the journals' shared tails do that.
 */
export async function delayedFetch(
  partitions: readonly PartitionToRead[],
  limits: FetchLimits,
): Promise<FetchedPartition[]> {
  const clock = partitions[0]?.open.journal.env.clock;
  const failures = await catchUpWhereNeeded(partitions, limits.isolation);
  for (;;) {
    const news = watch(partitions);
    const held = limits.isolation === 'read_committed' ? limits.heldReaders : undefined;
    const lookIn = held?.notice(partitions) ?? Number.POSITIVE_INFINITY;
    try {
      let maxBytes = limits.maxBytes;
      const fetched = await limits.budget.run(Math.max(0, limits.maxBytes), (bytes) => {
        maxBytes = Math.min(limits.maxBytes, bytes);
        return readPartitions(partitions, limits.isolation, maxBytes, failures, limits.segments);
      });
      const readable = fetched.reduce((sum, one) => sum + one.readable, 0);
      const failed = fetched.some((one) => one.error !== 'NONE');
      const enough = readable >= Math.min(limits.minBytes, maxBytes);
      if (clock === undefined || failed || enough || limits.signal.aborted) return fetched;
      const left = limits.deadline - clock.monotonic();
      if (left <= 0) return fetched;
      const cancelTimer = clock.setTimer(Math.min(left, lookIn), news.wake);
      limits.signal.addEventListener('abort', news.wake, { once: true });
      await news.came;
      cancelTimer();
      limits.signal.removeEventListener('abort', news.wake);
    } finally {
      news.end();
    }
  }
}

/**
 * Watches the tails of all journals. Called before the journals are read, so that no entry is
 * missed.
 */
function watch(partitions: readonly PartitionToRead[]) {
  let wake = () => {};
  const came = new Promise<void>((resolve) => {
    wake = resolve;
  });
  const tails = new Set(partitions.map((one) => one.open.tail));
  const ends = [...tails].map((tail) => tail.watch(wake));
  return {
    came,
    wake,
    end: () => {
      for (const end of ends) end();
    },
  };
}
