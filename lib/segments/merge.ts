import { MalformedBytesError } from '../core/bytes.ts';
import { newNonce } from '../core/nonce.ts';
import type { Offset } from '../core/offset.ts';
import type { Journal } from '../journal/journal.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { entriesFrom } from '../journal/view.ts';
import { topicIdOf } from '../storage/items/journal-entry.ts';
import type { LiveSegment } from '../storage/items/segment.ts';
import { partitionSegmentKey } from '../storage/items/segment-object.ts';
import { type SegmentSet, SegmentSetBuilder } from './format/segment-set.ts';
import type { AbortedTransaction } from './format/transaction-index.ts';
import { decideMerge, MERGE_SEGMENTS_MAX, type MergeLimits } from './merge-plan.ts';
import { repairReplace, replaceSegments } from './replace.ts';
import { reportFailure } from './report-failure.ts';
import type { SealEnvironment } from './seal-environment.ts';
import type { Unreadable } from './seal-read.ts';
import { batchWindows, DamagedBatchError, SegmentGoneError, transactionsOf } from './segment-batches.ts';
import { epochsOf } from './write-segment.ts';

/**
 * - `merged`: neighbouring segments are one now. More may be due.
 * - `nothingDue`: nothing was done.
 * - `lost`: another process has replaced or removed some of them.
 * - `timedOut`: the deadline came first. The merged segment may still be named.
 * - `unreadable`: bytes of an old segment cannot be read. Nothing was replaced.
 */
export type MergeOutcome =
  | { readonly kind: 'merged'; readonly segments: number; readonly bytes: number }
  | { readonly kind: 'nothingDue' | 'lost' | 'timedOut' }
  | Unreadable;

/**
 * Merges one run of small neighbouring segments of a partition into one object, if there is one.
 * Any process may do it at any time, several at once and after a crash at any point. Holds the
 * batches of the run in memory, in the slot that seals use.
 *
 * @param deadline by Clock.monotonic(); ms
 * @throws StoreUnavailableError
 */
export async function mergeSegments(
  env: SealEnvironment,
  open: OpenJournal,
  partition: number,
  limits: MergeLimits,
  deadline: number,
): Promise<MergeOutcome> {
  const { clock } = open.journal.env;
  const waitMs = Math.max(0, deadline - clock.monotonic());
  const merged = await env.slots.runWithin(clock, waitMs, async (): Promise<MergeOutcome> => {
    try {
      return await merge(env, open, partition, limits, deadline);
    } catch (error) {
      // A segment item. What is in objects is an outcome of the merge.
      if (!(error instanceof MalformedBytesError)) throw error;
      return unreadable(open, error.message);
    }
  });
  return merged?.value ?? { kind: 'timedOut' };
}

function unreadable({ journal: { id, env } }: OpenJournal, message: string): MergeOutcome {
  reportFailure(env, 'error', { event: 'merge_unreadable', journal: id, message });
  return { kind: 'unreadable', message };
}

async function merge(
  env: SealEnvironment,
  open: OpenJournal,
  partition: number,
  limits: MergeLimits,
  deadline: number,
): Promise<MergeOutcome> {
  const { journal } = open;
  await journal.catchUp(true);
  await repairReplace(env, journal, partition);
  const old = decideMerge(await newest(env, journal, partition), limits);
  if (old === undefined) return { kind: 'nothingDue' };
  const [first] = old;
  const key = partitionSegmentKey(topicIdOf(journal.id), partition, first!.baseOffset, newNonce(journal.env.random));
  const set = await mergedSet(journal, key, old, limits, () => journal.env.clock.monotonic() >= deadline);
  if (set === undefined) return { kind: 'timedOut' };
  if ('kind' in set) {
    // Their objects go a while after they were replaced or removed.
    const isThere = await env.index.find(topicIdOf(journal.id), partition, set.offset, { consistent: true });
    if (isThere === undefined || !old.some((one) => one.key === isThere.key)) return { kind: 'lost' };
    return unreadable(open, set.message);
  }
  const outcome = await replaceSegments(env, open, { partition, old, key, set }, deadline);
  if (outcome !== 'replaced') return { kind: outcome };
  const bytes = set.parts[0]!.log.length;
  journal.env.observer?.wroteHistory('merge', bytes);
  return { kind: 'merged', segments: old.length, bytes };
}

/**
 * The newest segments that may be merged, ascending: small ones are at the end. Those of the newest
 * seal are not among them: until the next one their items may be written again.
 */
async function newest({ index }: SealEnvironment, journal: Journal, partition: number): Promise<LiveSegment[]> {
  const view = journal.view.partitions.get(partition);
  const end = view === undefined ? 0 : entriesFrom(view);
  if (view === undefined || end === 0) return [];
  const request = { from: end - 1, order: 'descending', limit: MERGE_SEGMENTS_MAX, consistent: true } as const;
  const { segments } = await index.list(topicIdOf(journal.id), partition, request);
  const isCounted = ({ baseOffset, nextOffset }: LiveSegment) => baseOffset >= view.segmentsFrom && nextOffset <= end;
  return segments.filter(isCounted).toReversed();
}

interface UnreadableAt extends Unreadable {
  /** An offset of the segment. */
  readonly offset: Offset;
}

/** The set of the merged segment; undefined if it became late. */
async function mergedSet(
  journal: Journal,
  key: string,
  old: readonly LiveSegment[],
  { indexIntervalBytes }: MergeLimits,
  isLate: () => boolean,
): Promise<SegmentSet | UnreadableAt | undefined> {
  const {
    turns,
    stores: { blobs },
  } = journal.env;
  const builder = new SegmentSetBuilder({ key, ...(indexIntervalBytes !== undefined && { indexIntervalBytes }) });
  const aborted: AbortedTransaction[] = [];
  builder.begin(old[0]!.partition, old[0]!.baseOffset);
  for (const segment of old) {
    if (isLate()) return undefined;
    try {
      const transactions = transactionsOf(blobs, segment);
      // It may fail while the batches are read.
      transactions.catch(() => {});
      // One GET: a segment that is merged is small.
      for await (const batches of batchWindows(blobs, segment, segment.log.length)) {
        for (const { bytes } of batches) {
          await turns.turn();
          builder.append(bytes);
        }
      }
      aborted.push(...(await transactions));
    } catch (error) {
      const message = messageOf(segment, error);
      if (message === undefined) throw error;
      return { kind: 'unreadable', message, offset: segment.baseOffset };
    }
  }
  builder.end(old.at(-1)!.nextOffset, aborted, epochsOf(old));
  return builder.finish();
}

/** What is wrong with a segment that cannot be read; undefined for any other error. */
function messageOf({ key }: LiveSegment, error: unknown): string | undefined {
  if (error instanceof DamagedBatchError) return `object ${key}: the batch at offset ${error.baseOffset} is damaged`;
  return error instanceof MalformedBytesError || error instanceof SegmentGoneError ? error.message : undefined;
}
