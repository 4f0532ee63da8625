import type { ErrorName } from '../core/errors.ts';
import { NO_OFFSET, type Offset } from '../core/offset.ts';
import { BatchSearch, EntriesGoneError, type SearchState } from '../journal/batch-search.ts';
import type { CachedEntry } from '../journal/entry-cache.ts';
import type { Journal } from '../journal/journal.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { bytesOf, isUnreadable, loadPayloads } from '../journal/read.ts';
import {
  type AbortedRange,
  abortedBetween,
  emptyPartition,
  entriesFrom,
  isWithinImport,
  lastStableOffset,
} from '../journal/view.ts';
import { each } from '../kit/each.ts';
import { ObjectMissingError } from '../segments/object-ranges.ts';
import type { SegmentReader } from '../segments/segment-reader.ts';
import { SegmentSearch } from '../segments/segment-search.ts';
import { SegmentMissingError } from '../segments/segment-source.ts';
import { topicIdOf } from '../storage/items/journal-entry.ts';
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

/**
 * With at most this much space left, partitions read segments beside each other although not all of
 * their batches will fit: one after the other, each would wait for the store; bytes.
 */
const READ_BESIDE_BYTES_MAX = 1024 * 1024;

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
    const partition = one.open.journal.view.partitions.get(one.partition) ?? emptyPartition(one.partition);
    // Only a strongly consistent read can show that an offset past the end is an error.
    const isStrong = one.offset > partition.nextOffset || isWithinImport(partition);
    behind.set(one.open, behind.get(one.open) === true || isStrong);
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
  if (isWithinImport(partition)) return false;
  return one.offset < (isolation === 'read_committed' ? lastStableOffset(partition) : partition.nextOffset);
}

/**
 * Reads partitions, at most `maxBytes` together, as Kafka does (ReplicaManager.readFromLog):
 * partitions are filled in order, and the first batch of the first partition with data may exceed
 * the limits. Partitions are read from the store concurrently. A batch that cannot be read is an
 * error of its partition, reported only once the batches before it have been returned.
 *
 * A partition that is read from an offset of the sealed history gets batches of segments only. The
 * next fetch goes on where this one ends.
 */
export async function readPartitions(
  partitions: readonly PartitionToRead[],
  isolation: IsolationLevel,
  maxBytes: number,
  failures: CatchUpFailures,
  segments: SegmentReader,
): Promise<FetchedPartition[]> {
  // A negative total limit applies to the first partition; for the others it counts as 0.
  const readings = partitions.map((one, at) =>
    begin(one, isolation, failures.get(one), at === 0 ? Math.min(one.maxBytes, maxBytes) : one.maxBytes, segments),
  );
  const open = readings.filter((one) => 'search' in one);
  for (;;) {
    const lacking = locate(open, Math.max(0, maxBytes));
    if (lacking.length === 0) break;
    await Promise.all(lacking.map((one) => loadMore(one, segments)));
  }
  const unread = await loadPayloads(
    open.flatMap(({ journal, search }) =>
      search instanceof SegmentSearch ? [] : search.found.map((found) => ({ journal, found })),
    ),
  );
  const aborted = open.some(needsAborted) ? await loadAborted(open, segments) : undefined;
  return readings.map((one) => {
    if (!('search' in one)) return one;
    const { search } = one;
    if (!(search instanceof SegmentSearch)) return finish(one, unread);
    return finishSealed(one, search, aborted?.get(one), segments);
  });
}

/** The state of reading one partition, with the facts of its view at the start. */
interface Reading {
  readonly partition: number;
  readonly from: Offset;
  readonly to: Offset;
  readonly maxBytes: number;
  readonly bounds: Pick<FetchedPartition, 'highWatermark' | 'lastStableOffset' | 'logStartOffset'>;
  /** Aborted transactions that may overlap the batches; undefined for read_uncommitted. */
  aborted: readonly AbortedRange[] | undefined;
  /** `aborted` has those that ended at or above this offset. */
  abortedFrom: Offset;
  readonly journal: Journal;
  search: BatchSearch | SegmentSearch;
  /** The bytes that earlier partitions left, at most the partition's own limit. */
  limit: number;
  /** What the finds may reach with the next load of segments; bytes. */
  loadBytes: number;
  stop: Stop | undefined;
  /** Why the view has to be caught up before the first batch is looked up once more. */
  again: Stop | undefined;
  hasLookedAgain: boolean;
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
  segments: SegmentReader,
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
  const sealedTo = entriesFrom(partition);
  return {
    partition: one.partition,
    from,
    to,
    maxBytes: Math.max(0, one.maxBytes),
    bounds,
    // Computed before the first await, because a log start that rises removes aborted ranges from
    // the view.
    aborted: isolation === 'read_committed' ? abortedBetween(partition, from, to) : undefined,
    abortedFrom: sealedTo,
    journal,
    search:
      from < sealedTo
        ? sealedSearch(segments, journal, one.partition, from, Math.min(to, sealedTo))
        : new BatchSearch(journal, { partition: one.partition, from, to }),
    limit: 0,
    loadBytes: 0,
    stop: undefined,
    again: undefined,
    hasLookedAgain: false,
  };
}

function sealedSearch(segments: SegmentReader, journal: Journal, partition: number, from: Offset, to: Offset) {
  return segments.search({ topicId: topicIdOf(journal.id), partition, from, to });
}

/**
 * Finds the batches that are in memory, partition by partition. Returns the partitions that need to
 * read next. Such a partition counts with the bytes found so far, so later partitions may find too
 * much; the next pass drops the excess. How much a segment has left is known before it is read, so
 * later partitions read no more than that leaves.
 */
function locate(readings: readonly Reading[], maxBytes: number): Reading[] {
  const lacking: Reading[] = [];
  let left = maxBytes;
  let isEmpty = true;
  let reserved = 0;
  for (const one of readings) {
    one.limit = Math.min(one.maxBytes, left);
    const state = advance(one, isEmpty);
    if (state === 'gone') stopAt(one, { kind: 'gone', at: one.search.next });
    const room = isEmpty || left > READ_BESIDE_BYTES_MAX ? left - reserved : left;
    const isFirst = isEmpty && reserved === 0;
    const isWanted = (isFirst || room >= BATCH_BYTES_MIN) && one.stop?.at !== one.search.next;
    const needsMore = state === 'page' || one.again !== undefined;
    if (needsMore && isWanted && lacking.length < PAGES_AT_ONCE_MAX) {
      lacking.push(one);
      one.loadBytes = Math.min(one.limit, room);
      if (one.search instanceof SegmentSearch) {
        reserved += Math.max(0, Math.min(one.loadBytes - one.search.size, one.search.ahead));
      }
    }
    left = Math.max(0, left - one.search.size);
    if (one.search.size > 0) isEmpty = false;
  }
  return lacking;
}

/** Goes on with the entries if the segments have no batch left at or above the offset. */
function advance(one: Reading, isEmpty: boolean): SearchState {
  const { search, partition, journal, to } = one;
  const state = search.advance(one.limit, isEmpty);
  if (state !== 'end' || !(search instanceof SegmentSearch) || search.size > 0 || search.range.to >= to) return state;
  one.search = new BatchSearch(journal, { partition, from: search.range.to, to });
  return one.search.advance(one.limit, isEmpty);
}

async function loadMore(one: Reading, segments: SegmentReader): Promise<void> {
  const { search } = one;
  const at = search.next;
  try {
    if (one.again !== undefined) await lookAgain(one, one.again, segments);
    else if (search instanceof SegmentSearch) await search.load(one.loadBytes);
    else await search.loadPage();
  } catch (error) {
    if (error instanceof EntriesGoneError) stopAt(one, { kind: 'gone', at });
    else if (isUnreadable(error)) {
      const stop = { kind: 'unreadable', at, reason: error.message } as const;
      if (isMissing(error)) stopAt(one, stop);
      else one.stop = stop;
    } else throw error;
  }
}

/** Whether the view may be too old to know that the records were moved or deleted. */
function isMissing(error: Error): boolean {
  return error instanceof ObjectMissingError || error instanceof SegmentMissingError;
}

/** The first batch is looked up once more, because the view may be too old. */
function stopAt(one: Reading, stop: Stop): void {
  const mayBeMoved = !one.hasLookedAgain && one.search.size === 0 && stop.at >= one.bounds.logStartOffset;
  if (mayBeMoved) one.again = stop;
  else one.stop = stop;
}

/** Catches the journal up. Entries may have been sealed and deleted, or the log start has risen. */
async function lookAgain(one: Reading, stop: Stop, segments: SegmentReader): Promise<void> {
  one.again = undefined;
  one.hasLookedAgain = true;
  const { journal } = one;
  await journal.catchUp(true);
  const partition = journal.view.partitions.get(one.partition) ?? emptyPartition(one.partition);
  const sealedTo = entriesFrom(partition);
  if (stop.at < partition.logStartOffset) one.stop = { kind: 'gone', at: stop.at };
  else if (stop.at >= sealedTo) one.stop = stop;
  else {
    if (one.aborted !== undefined) one.aborted = abortedBetween(partition, one.from, one.to);
    one.abortedFrom = sealedTo;
    one.search = sealedSearch(segments, journal, one.partition, stop.at, Math.min(one.to, sealedTo));
  }
}

/**
 * The aborted transactions of segments, for the partitions whose batches of segments may belong to
 * some (rule R11), or why they cannot be read.
 */
async function loadAborted(
  readings: readonly Reading[],
  segments: SegmentReader,
): Promise<ReadonlyMap<Reading, readonly AbortedRange[] | Error>> {
  const loaded = new Map<Reading, readonly AbortedRange[] | Error>();
  await each({}, readings.filter(needsAborted), async (one) => {
    const { topicId, partition } = (one.search as SegmentSearch).range;
    const range = { from: one.from, until: untilOf(one, one.search as SegmentSearch), to: one.abortedFrom };
    try {
      loaded.set(one, await segments.aborted(topicId, partition, range));
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      loaded.set(one, error);
    }
  });
  return loaded;
}

function needsAborted({ aborted, search }: Reading): boolean {
  return aborted !== undefined && search instanceof SegmentSearch && search.found.some((run) => run.isTransactional);
}

function finish(one: Reading, unread: ReadonlyMap<CachedEntry, Error>): FetchedPartition {
  const { stop } = one;
  const search = one.search as BatchSearch;
  const firstUnread = search.found.findIndex(({ cached }) => unread.has(cached));
  const read = firstUnread < 0 ? search.found : search.found.slice(0, firstUnread);
  if (firstUnread === 0) return unreadable(unread.get(search.found[0]!.cached)!.message);
  if (stop?.at === search.next && read.length === 0) return stopped(stop);
  const last = read.at(-1)?.meta;
  const until = last === undefined ? one.from : last.baseOffset + last.lastOffsetDelta + 1;
  return answer(one, read.map(bytesOf), until, one.aborted);
}

function finishSealed(
  one: Reading,
  search: SegmentSearch,
  aborted: readonly AbortedRange[] | Error | undefined,
  segments: SegmentReader,
): FetchedPartition {
  if (one.stop?.at === search.next && search.size === 0) return stopped(one.stop);
  if (aborted instanceof Error) return unreadable(aborted.message);
  const hot = one.aborted?.filter(({ lastOffset }) => lastOffset >= one.abortedFrom);
  return answer(one, segments.take(search), untilOf(one, search), hot && [...(aborted ?? []), ...hot]);
}

/** The offset after the batches found. */
function untilOf(one: Reading, { found }: SegmentSearch): Offset {
  const last = found.at(-1);
  return last === undefined ? one.from : last.lastOffset + 1;
}

function answer(
  { bounds, limit, to }: Reading,
  batches: readonly Buffer[],
  until: Offset,
  ranges: readonly AbortedRange[] | undefined,
): FetchedPartition {
  const size = batches.reduce((sum, bytes) => sum + bytes.length, 0);
  const aborted = ranges?.filter((range) => range.firstOffset < until);
  return { error: 'NONE', ...bounds, aborted, batches, size, readable: until < to ? Math.max(size, limit) : size };
}

function stopped(stop: Stop): FetchedPartition {
  return stop.kind === 'gone' ? failed('OFFSET_OUT_OF_RANGE') : unreadable(stop.reason);
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
