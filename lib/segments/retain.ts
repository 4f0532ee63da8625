import { MalformedBytesError } from '../core/bytes.ts';
import type { LogStart } from '../journal/entry.ts';
import type { Journal } from '../journal/journal.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { entriesFrom, type JournalView, type PartitionView } from '../journal/view.ts';
import { each } from '../kit/each.ts';
import { earliest } from '../kit/earliest.ts';
import { topicIdOf } from '../storage/items/journal-entry.ts';
import type { StoredSegment } from '../storage/items/segment.ts';
import type { SegmentPart } from '../storage/items/segment-part.ts';
import type { StoreTime } from '../storage/ports.ts';
import {
  decideRetention,
  type RetainedSegment,
  type RetentionDecision,
  type RetentionLimits,
} from './decide-retention.ts';
import type { DueList } from './due-list.ts';
import { putUnnamedDue } from './due-objects.ts';
import { reportFailure } from './report-failure.ts';
import type { SegmentIndex } from './segment-index.ts';

/** What ending and removing segments needs beside the journal. */
export interface RetainEnvironment {
  readonly index: SegmentIndex;
  readonly due: DueList;
}

/** Partitions of a journal that are looked at, or whose items are removed, at the same time. */
const AT_ONCE = 16;

/** Segments in the first page of a partition: a look that deletes nothing needs the oldest one. */
const FIRST_PAGE = 16;

/** Segments in a page once the first page has ended. */
const PAGE = 1_000;

/** A partition with items that cannot be read is looked at again after this time; ms. */
const DAMAGED_AGAIN_MS = 60 * 60 * 1000;

/** Log starts of one entry, at most 40 bytes each: half of what an item may have. */
const STARTS_MAX = 5_000;

export interface RetainOutcome {
  /** False if the deadline came before the end. */
  readonly isComplete: boolean;
  /** When the next records expire, if nothing else changes; undefined: not by time. */
  readonly nextAt: StoreTime | undefined;
  readonly counts: {
    /** Log starts raised. */
    readonly starts: number;
    /** Segments that ended. */
    readonly segments: number;
    /** Segment items removed. */
    readonly items: number;
  };
}

/**
 * Deletes what the retention of the topic no longer keeps in a journal. One `logStart` entry ends the
 * segments of all its partitions. Then the items of the ended segments are removed, after their
 * objects were put on the due list. Any process may do it at any time, several at once and after a
 * crash at any point: what is left undone is found by the next call.
 *
 * @param limits of the topic
 * @param deadline by Clock.monotonic(); ms
 * @param isConfirmed the caller has confirmed the view. The segments are listed after that, and a log
 *   start is void if the counts have changed since (rule R6)
 * @throws StoreUnavailableError, and MalformedBytesError for an item that cannot be read
 */
export async function retainJournal(
  { index, due }: RetainEnvironment,
  open: OpenJournal,
  limits: RetentionLimits,
  deadline: number,
  isConfirmed = false,
): Promise<RetainOutcome> {
  const { journal } = open;
  const { clock } = journal.env;
  const counts = { starts: 0, segments: 0, items: 0 };
  for (let isFresh = isConfirmed; ; isFresh = false) {
    if (!isFresh) await journal.catchUp(true);
    if (journal.view.closed) return { isComplete: true, nextAt: undefined, counts };
    const looks = await lookAtAll(index, journal, limits);
    const raised = await raise(open, looks, deadline);
    counts.starts += raised.length;
    counts.segments += raised.reduce((sum, { segments = 0 }) => sum + segments, 0);
    const removed = await removeItems({ index, due }, journal, looks, deadline);
    counts.items += removed.items;
    const wanted = looks.filter(({ decision }) => decision.start !== undefined).length;
    if (raised.length < wanted || !removed.isComplete) return { isComplete: false, nextAt: undefined, counts };
    if (!looks.some(({ decision }) => decision.hasMore))
      return { isComplete: true, nextAt: earliest(looks.map(({ decision }) => decision.nextAt)), counts };
    if (clock.monotonic() >= deadline) return { isComplete: false, nextAt: undefined, counts };
  }
}

/** A partition, with what was decided about it. */
interface Look {
  readonly partition: PartitionView;
  /** The counts that the decision was made on. */
  readonly on: Counted;
  readonly decision: RetentionDecision;
  /** There are items of segments that end now or have ended before. */
  readonly hasEnded: boolean;
}

type Counted = Pick<
  PartitionView,
  'logStartOffset' | 'segmentsFrom' | 'segments' | 'sealedBytes' | 'sealedOffset' | 'replacedSeq'
>;

function lookAtAll(index: SegmentIndex, journal: Journal, limits: RetentionLimits): Promise<Look[]> {
  const partitions = [...journal.view.partitions.values()].filter(({ nextOffset }) => nextOffset > 0);
  return each({ atOnce: AT_ONCE, turns: journal.env.turns }, partitions, async (partition) => {
    try {
      const first = await lookAt(index, journal, partition, limits, FIRST_PAGE);
      return first.decision.hasMore ? await lookAt(index, journal, partition, limits, PAGE) : first;
    } catch (error) {
      if (!(error instanceof MalformedBytesError)) throw error;
      return damaged(journal, partition, error);
    }
  });
}

/** Nothing of this partition is deleted, and the others are looked at. */
function damaged({ id, env }: Journal, partition: PartitionView, { message }: MalformedBytesError): Look {
  reportFailure(env, 'error', { event: 'retention_failed', journal: id, partition: partition.partition, message });
  const nextAt = env.stores.journal.now() + DAMAGED_AGAIN_MS;
  return { partition, on: partition, decision: { start: undefined, nextAt, hasMore: false }, hasEnded: false };
}

async function lookAt(
  index: SegmentIndex,
  { id, view, env }: Journal,
  partition: PartitionView,
  limits: RetentionLimits,
  limit: number,
): Promise<Look> {
  const { logStartOffset, segmentsFrom, segments, sealedBytes, sealedOffset, replacedSeq } = partition;
  const on: Counted = { logStartOffset, segmentsFrom, segments, sealedBytes, sealedOffset, replacedSeq };
  const newest = newestPart(view, partition);
  const page =
    sealedOffset === 0
      ? { segments: [], next: undefined }
      : await index.list(topicIdOf(id), partition.partition, { from: 0, limit, consistent: true });
  // The items of the newest seal may be missing; its parts are in the view.
  const from = newest?.baseOffset ?? sealedOffset;
  const known = page.segments.filter(({ baseOffset }) => baseOffset < from).map(fromItem);
  const contiguous = withoutGap(known);
  const reachesNewest = page.next === undefined || page.segments.length > known.length;
  const isComplete = reachesNewest && contiguous.length === known.length;
  const all = isComplete && newest !== undefined ? [...contiguous, fromPart(newest, view)] : contiguous;
  const history = { partition, segments: all, isComplete, lastEntryAt: view.time };
  const decided = decideRetention(history, limits, env.stores.journal.now());
  // Behind a gap there is nothing to go on with.
  const decision = { ...decided, hasMore: decided.hasMore && !reachesNewest };
  const end = decision.start?.segmentsFrom ?? segmentsFrom;
  return { partition, on, decision, hasEnded: page.segments.some(({ nextOffset }) => nextOffset <= end) };
}

/** The partition's part of the newest seal, if there is one. */
function newestPart({ lastSeal }: JournalView, partition: PartitionView): SegmentPart | undefined {
  if (entriesFrom(partition) >= partition.sealedOffset) return undefined;
  return lastSeal?.parts.find((part) => part.partition === partition.partition);
}

function fromItem({ baseOffset, nextOffset, maxTimestamp, namedAt, log }: StoredSegment): RetainedSegment {
  return { baseOffset, nextOffset, maxTimestamp, namedAt, bytes: log.length };
}

function fromPart({ baseOffset, nextOffset, maxTimestamp, log }: SegmentPart, view: JournalView): RetainedSegment {
  return { baseOffset, nextOffset, maxTimestamp, namedAt: view.lastSeal?.time ?? view.time, bytes: log.length };
}

/** The segments up to the first gap. There is none, unless items are lost: nothing behind it is deleted then. */
function withoutGap(segments: readonly RetainedSegment[]): readonly RetainedSegment[] {
  const gap = segments.findIndex(
    ({ baseOffset }, index) => baseOffset > (segments[index - 1]?.nextOffset ?? baseOffset),
  );
  return gap === -1 ? segments : segments.slice(0, gap);
}

/** Writes the log starts. Returns those that were written. */
async function raise(open: OpenJournal, looks: readonly Look[], deadline: number): Promise<readonly LogStart[]> {
  const wanted = looks.filter(({ decision }) => decision.start !== undefined).slice(0, STARTS_MAX);
  if (wanted.length === 0) return [];
  let starts: LogStart[] = [];
  const result = await open.writer.appendEntry((view, time) => {
    starts = view.closed ? [] : wanted.filter((look) => isUnchanged(view, look)).map(({ decision }) => decision.start!);
    return starts.length === 0 ? undefined : { kind: 'logStart', time, starts };
  }, deadline);
  return result === 'written' ? starts : [];
}

/**
 * A seal, a replacement or another log start changes the counts, so that those of the decision no
 * longer fit.
 */
function isUnchanged(view: JournalView, { partition: { partition: number }, on }: Look): boolean {
  const partition = view.partitions.get(number);
  if (partition === undefined) return false;
  return (Object.keys(on) as (keyof Counted)[]).every((field) => partition[field] === on[field]);
}

async function removeItems(
  { index, due }: RetainEnvironment,
  { id, view, env }: Journal,
  looks: readonly Look[],
  deadline: number,
): Promise<{ items: number; isComplete: boolean }> {
  const topicId = topicIdOf(id);
  const ended = looks.filter(({ hasEnded }) => hasEnded);
  const outcomes = await each({ atOnce: AT_ONCE }, ended, async ({ partition: { partition: number } }) => {
    // Only segments that the journal no longer counts may go, whatever was decided.
    const end = view.partitions.get(number)?.segmentsFrom ?? 0;
    return index.remove(topicId, number, end, {
      deadline,
      beforeDelete: (segments) => putUnnamedDue(due, segments, env.stores.state.now()),
    });
  });
  const items = outcomes.reduce((sum, { removed }) => sum + removed, 0);
  return { items, isComplete: outcomes.every(({ isComplete }) => isComplete) };
}
