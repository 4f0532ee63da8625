import type { ErrorName } from '../core/errors.ts';
import { NO_OFFSET, type Offset } from '../core/offset.ts';
import { BatchSearch, EntriesGoneError } from '../journal/batch-search.ts';
import type { CachedEntry } from '../journal/entry-cache.ts';
import type { Journal } from '../journal/journal.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { bytesOf, isUnreadable, loadPayloads } from '../journal/read.ts';
import { type AbortedRange, abortedBetween, emptyPartition, lastStableOffset } from '../journal/view.ts';
import { each } from '../kit/each.ts';
import { epochProblem, NO_EPOCH } from './leader-epoch.ts';

export type IsolationLevel = 'read_uncommitted' | 'read_committed';

/** A partition to read, with its open journal. */
export interface PartitionToRead {
  readonly open: OpenJournal;
  readonly partition: number;
  readonly offset: Offset;
  readonly maxBytes: number;
  /** The leader epoch that the client knows; -1 for none. The journal's epoch must not differ. */
  readonly currentLeaderEpoch: number;
  /**
   * The epoch under which this process leads the journal; undefined if it answers under any epoch.
   */
  readonly leaderEpoch?: number | undefined;
}

export interface FetchedPartition {
  readonly error: ErrorName;
  /** Why the store could not be read; only with KAFKA_STORAGE_ERROR. */
  readonly reason?: string;
  readonly highWatermark: Offset;
  readonly lastStableOffset: Offset;
  readonly logStartOffset: Offset;
  /** Undefined for read_uncommitted. */
  readonly aborted: readonly AbortedRange[] | undefined;
  /** Whole batches. The first may start before the requested offset. */
  readonly batches: readonly Buffer[];
  readonly size: number;
  /**
   * The bytes that count towards `minBytes`. If a limit excluded batches, this is at least the
   * limit, as in Kafka, because waiting would not make the answer larger.
   */
  readonly readable: number;
}

/** Journals that one request catches up at the same time, with one query each. */
const CATCH_UPS_MAX = 64;

/** Pages of entries that one request reads at the same time, up to 1 MiB each. */
const PAGES_AT_ONCE_MAX = 16;

/** Size of the smallest record batch. With less space left, no page is read; bytes. */
const BATCH_BYTES_MIN = 61;

/** The partitions whose journals could not be caught up, with the reasons. */
export type CatchUpFailures = ReadonlyMap<PartitionToRead, string>;

/** Catches up the journals of partitions that have no new data, with one query per journal. */
export async function catchUpWhereNeeded(
  partitions: readonly PartitionToRead[],
  isolation: IsolationLevel,
): Promise<CatchUpFailures> {
  const atEnd = partitions.filter((one) => !hasSomething(one, isolation));
  const behind = new Map<OpenJournal, boolean>();
  for (const one of atEnd) {
    const past = one.offset > (one.open.journal.view.partitions.get(one.partition)?.nextOffset ?? 0);
    // Only a strongly consistent read can show that an offset past the end is an error.
    behind.set(one.open, behind.get(one.open) === true || past);
  }
  const reasons = new Map<OpenJournal, string>();
  await each({ atOnce: CATCH_UPS_MAX }, [...behind], async ([open, strong]) => {
    try {
      await open.journal.catchUp(strong);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      reasons.set(open, error.message);
    }
  });
  const failures = new Map<PartitionToRead, string>();
  for (const one of atEnd) {
    const reason = reasons.get(one.open);
    if (reason !== undefined) failures.set(one, reason);
  }
  return failures;
}

/** Whether the view has records at the offset that the client may read. */
function hasSomething(one: PartitionToRead, isolation: IsolationLevel): boolean {
  const partition = one.open.journal.view.partitions.get(one.partition) ?? emptyPartition(one.partition);
  return one.offset < (isolation === 'read_committed' ? lastStableOffset(partition) : partition.nextOffset);
}

/**
 * Reads partitions, at most `maxBytes` together, as Kafka does (ReplicaManager.readFromLog):
 * partitions are filled in order, and the first batch of the first partition with data may exceed
 * the limits. Partitions are read from the store concurrently. A batch that cannot be read is an
 * error of its partition, reported only once the batches before it have been returned.
 */
export async function readPartitions(
  partitions: readonly PartitionToRead[],
  isolation: IsolationLevel,
  maxBytes: number,
  failures: CatchUpFailures,
): Promise<FetchedPartition[]> {
  // A negative total limit applies to the first partition; for the others it counts as 0.
  const readings = partitions.map((one, at) =>
    begin(one, isolation, failures.get(one), at === 0 ? Math.min(one.maxBytes, maxBytes) : one.maxBytes),
  );
  const open = readings.filter((one) => 'search' in one);
  for (;;) {
    const lacking = locate(open, Math.max(0, maxBytes));
    if (lacking.length === 0) break;
    await Promise.all(lacking.map(loadPage));
  }
  const unread = await loadPayloads(
    open.flatMap(({ journal, search }) => search.found.map((found) => ({ journal, found }))),
  );
  return readings.map((one) => ('search' in one ? finish(one, unread) : one));
}

/** The state of reading one partition, with the facts of its view at the start. */
interface Reading {
  readonly from: Offset;
  readonly to: Offset;
  readonly maxBytes: number;
  readonly bounds: Pick<FetchedPartition, 'highWatermark' | 'lastStableOffset' | 'logStartOffset'>;
  /** Aborted transactions that may overlap the batches; undefined for read_uncommitted. */
  readonly aborted: readonly AbortedRange[] | undefined;
  readonly journal: Journal;
  readonly search: BatchSearch;
  /** The bytes that earlier partitions left, at most the partition's own limit. */
  limit: number;
  stop: Stop | undefined;
}

/** The batch at an offset cannot be read: it was deleted, or the store failed. */
type Stop = { readonly at: Offset } & (
  | { readonly kind: 'gone' }
  | { readonly kind: 'unreadable'; readonly reason: string }
);

function begin(
  one: PartitionToRead,
  isolation: IsolationLevel,
  failure: string | undefined,
  maxBytes: number,
): Reading | FetchedPartition {
  const { journal } = one.open;
  const { view } = journal;
  if (failure !== undefined && !hasSomething(one, isolation)) return unreadable(failure);
  if (view.closed) return failed('UNKNOWN_TOPIC_OR_PARTITION');
  const partition = view.partitions.get(one.partition) ?? emptyPartition(one.partition);
  if (one.leaderEpoch !== undefined && one.leaderEpoch !== view.leaderEpoch) return failed('NOT_LEADER_OR_FOLLOWER');
  const fenced = epochProblem(view, Math.max(NO_EPOCH, one.currentLeaderEpoch));
  if (fenced !== undefined) return failed(fenced);
  const bounds = {
    highWatermark: partition.nextOffset,
    lastStableOffset: lastStableOffset(partition),
    logStartOffset: partition.logStartOffset,
  };
  const from = one.offset;
  if (from < partition.logStartOffset || from > partition.nextOffset) return failed('OFFSET_OUT_OF_RANGE');
  const to = isolation === 'read_committed' ? bounds.lastStableOffset : bounds.highWatermark;
  // As in Kafka, only if there is data to read.
  if (maxBytes < 0 && from < to) return failed('UNKNOWN_SERVER_ERROR');
  return {
    from,
    to,
    maxBytes: Math.max(0, one.maxBytes),
    bounds,
    // Computed before the first await, because a log start that rises removes aborted ranges from
    // the view.
    aborted: isolation === 'read_committed' ? abortedBetween(partition, from, to) : undefined,
    journal,
    search: new BatchSearch(journal, { partition: one.partition, from, to }),
    limit: 0,
    stop: undefined,
  };
}

/**
 * Finds the batches that are in memory, partition by partition. Returns the partitions that need a
 * page next. Such a partition counts with the bytes found so far, so later partitions may find too
 * much; the next pass drops the excess.
 */
function locate(readings: readonly Reading[], maxBytes: number): Reading[] {
  const lacking: Reading[] = [];
  let left = maxBytes;
  let isEmpty = true;
  for (const one of readings) {
    one.limit = Math.min(one.maxBytes, left);
    const state = one.search.advance(one.limit, isEmpty);
    if (state === 'gone') one.stop = { kind: 'gone', at: one.search.next };
    const isWanted = (isEmpty || left >= BATCH_BYTES_MIN) && one.stop?.at !== one.search.next;
    if (state === 'page' && isWanted && lacking.length < PAGES_AT_ONCE_MAX) lacking.push(one);
    left = Math.max(0, left - one.search.size);
    if (one.search.size > 0) isEmpty = false;
  }
  return lacking;
}

async function loadPage(one: Reading): Promise<void> {
  const at = one.search.next;
  try {
    await one.search.loadPage();
  } catch (error) {
    if (error instanceof EntriesGoneError) one.stop = { kind: 'gone', at };
    else if (isUnreadable(error)) one.stop = { kind: 'unreadable', at, reason: error.message };
    else throw error;
  }
}

function finish(one: Reading, unread: ReadonlyMap<CachedEntry, Error>): FetchedPartition {
  const { search, bounds, to, stop } = one;
  const firstUnread = search.found.findIndex(({ cached }) => unread.has(cached));
  const read = firstUnread < 0 ? search.found : search.found.slice(0, firstUnread);
  if (firstUnread === 0) return unreadable(unread.get(search.found[0]!.cached)!.message);
  if (stop?.at === one.from && read.length === 0) {
    return stop.kind === 'gone' ? failed('OFFSET_OUT_OF_RANGE') : unreadable(stop.reason);
  }
  const last = read.at(-1)?.meta;
  const until = last === undefined ? one.from : last.baseOffset + last.lastOffsetDelta + 1;
  const batches = read.map(bytesOf);
  const size = batches.reduce((sum, bytes) => sum + bytes.length, 0);
  const aborted = one.aborted?.filter((range) => range.firstOffset < until);
  return { error: 'NONE', ...bounds, aborted, batches, size, readable: until < to ? Math.max(size, one.limit) : size };
}

function unreadable(reason: string): FetchedPartition {
  return { ...failed('KAFKA_STORAGE_ERROR'), reason };
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
