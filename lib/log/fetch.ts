import type { ErrorName } from '../core/errors.ts';
import { NO_OFFSET, type Offset } from '../core/offset.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { EntriesGoneError, readBatches } from '../journal/read.ts';
import { type AbortedRange, abortedBetween, emptyPartition, lastStableOffset } from '../journal/view.ts';
import { epochProblem } from './leader-epoch.ts';
import type { ReadBudget } from './read-budget.ts';

export type IsolationLevel = 'read_uncommitted' | 'read_committed';

/** One partition's part of a Fetch request, on its open journal. */
export interface PartitionToFetch {
  readonly open: OpenJournal;
  readonly partition: number;
  readonly offset: Offset;
  readonly maxBytes: number;
  /** The leader epoch the client knows, -1 for none. */
  readonly currentLeaderEpoch: number;
  /** The epoch under which this process leads the journal; undefined for one that shows what it has under any. */
  readonly leaderEpoch?: number | undefined;
}

export interface FetchLimits {
  readonly minBytes: number;
  /** Over all partitions; the first batch of the first partition that has one comes whole in any case. */
  readonly maxBytes: number;
  readonly isolation: IsolationLevel;
  /** By Clock.monotonic(): when to answer with what is there; ms. */
  readonly deadline: number;
  /** Ends the waiting at once. */
  readonly signal: AbortSignal;
  readonly budget: ReadBudget;
}

export interface FetchedPartition {
  readonly error: ErrorName;
  readonly highWatermark: Offset;
  readonly lastStableOffset: Offset;
  readonly logStartOffset: Offset;
  /** Undefined for read_uncommitted. */
  readonly aborted: readonly AbortedRange[] | undefined;
  /** Whole batches; the first may begin before the offset that was asked for. */
  readonly batches: readonly Buffer[];
  readonly size: number;
  /**
   * What counts towards `minBytes`: where a limit cut whole batches off, as much as the limit allows, as in Kafka. Waiting
   * would not make such an answer larger.
   */
  readonly readable: number;
}

/**
 * Reads partitions from their offsets on, in order, and waits until there are `minBytes`, an error, or no time left
 * (Kafka: DelayedFetch). Every journal of which a partition has nothing new is caught up once, with one query; while
 * waiting, its shared tail does that. Throws StoreUnavailableError.
 */
export async function fetch(partitions: readonly PartitionToFetch[], limits: FetchLimits): Promise<FetchedPartition[]> {
  const clock = partitions[0]?.open.journal.env.clock;
  await catchUpWhereNeeded(partitions, limits.isolation);
  for (;;) {
    const news = watch(partitions);
    try {
      let maxBytes = limits.maxBytes;
      const fetched = await limits.budget.run(limits.maxBytes, (bytes) => {
        maxBytes = bytes;
        return readAll(partitions, limits.isolation, bytes);
      });
      const readable = fetched.reduce((sum, one) => sum + one.readable, 0);
      const failed = fetched.some((one) => one.error !== 'NONE');
      const enough = readable >= Math.min(limits.minBytes, maxBytes);
      if (clock === undefined || failed || enough || limits.signal.aborted) return fetched;
      const left = limits.deadline - clock.monotonic();
      if (left <= 0) return fetched;
      const cancelTimer = clock.setTimer(left, news.wake);
      limits.signal.addEventListener('abort', news.wake, { once: true });
      await news.came;
      cancelTimer();
      limits.signal.removeEventListener('abort', news.wake);
    } finally {
      news.end();
    }
  }
}

/** Watches the tails of all journals concerned, from before they are read, so that nothing comes unnoticed. */
function watch(partitions: readonly PartitionToFetch[]) {
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

function endOf(one: PartitionToFetch, isolation: IsolationLevel): Offset {
  const partition = one.open.journal.view.partitions.get(one.partition);
  if (partition === undefined) return 0;
  return isolation === 'read_committed' ? lastStableOffset(partition) : partition.nextOffset;
}

async function catchUpWhereNeeded(partitions: readonly PartitionToFetch[], isolation: IsolationLevel): Promise<void> {
  const behind = new Map<OpenJournal, boolean>();
  for (const one of partitions) {
    const end = endOf(one, isolation);
    const past = one.offset > (one.open.journal.view.partitions.get(one.partition)?.nextOffset ?? 0);
    if (one.offset < end) continue;
    // An offset past the end is an error only if that is so by a strongly consistent read.
    behind.set(one.open, behind.get(one.open) === true || past);
  }
  await Promise.all([...behind].map(([open, strong]) => open.journal.catchUp(strong)));
}

async function readAll(
  partitions: readonly PartitionToFetch[],
  isolation: IsolationLevel,
  maxBytes: number,
): Promise<FetchedPartition[]> {
  const fetched: FetchedPartition[] = [];
  let left = maxBytes;
  let empty = true;
  for (const one of partitions) {
    const result = await readOne(one, isolation, Math.min(one.maxBytes, left), empty);
    fetched.push(result);
    left = Math.max(0, left - result.size);
    if (result.size > 0) empty = false;
  }
  return fetched;
}

async function readOne(
  one: PartitionToFetch,
  isolation: IsolationLevel,
  maxBytes: number,
  atLeastOne: boolean,
): Promise<FetchedPartition> {
  const { journal } = one.open;
  const { view } = journal;
  if (view.closed) return failed('UNKNOWN_TOPIC_OR_PARTITION');
  const partition = view.partitions.get(one.partition) ?? emptyPartition(one.partition);
  if (one.leaderEpoch !== undefined && one.leaderEpoch !== view.leaderEpoch) return failed('NOT_LEADER_OR_FOLLOWER');
  const fenced = epochProblem(view, one.currentLeaderEpoch);
  if (fenced !== undefined) return failed(fenced);
  const bounds = {
    highWatermark: partition.nextOffset,
    lastStableOffset: lastStableOffset(partition),
    logStartOffset: partition.logStartOffset,
  };
  const outside = { ...failed('OFFSET_OUT_OF_RANGE'), ...bounds };
  if (one.offset < partition.logStartOffset || one.offset > partition.nextOffset) return outside;
  const to = isolation === 'read_committed' ? bounds.lastStableOffset : bounds.highWatermark;
  // Before anything is awaited: with the log start, the view forgets what was aborted below it.
  const abortedBefore = isolation === 'read_committed' ? abortedBetween(partition, one.offset, to) : undefined;
  try {
    const range = { partition: one.partition, from: one.offset, to, maxBytes, atLeastOne };
    const batches = await readBatches(journal, range);
    const last = batches.at(-1)?.meta;
    const until = last === undefined ? one.offset : last.baseOffset + last.lastOffsetDelta + 1;
    const size = batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
    const aborted = abortedBefore?.filter((range) => range.firstOffset < until);
    const readable = until < to ? Math.max(size, maxBytes) : size;
    return { error: 'NONE', ...bounds, aborted, batches: batches.map((batch) => batch.bytes), size, readable };
  } catch (error) {
    if (error instanceof EntriesGoneError) return outside;
    throw error;
  }
}

function failed(error: ErrorName): FetchedPartition {
  return {
    error,
    highWatermark: NO_OFFSET,
    lastStableOffset: NO_OFFSET,
    logStartOffset: NO_OFFSET,
    aborted: undefined,
    batches: [],
    size: 0,
    readable: 0,
  };
}
