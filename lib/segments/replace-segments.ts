import { NAME_WITHIN_MS } from '../journal/checkpoint.ts';
import type { ReplaceEntry } from '../journal/entry.ts';
import { decodeItem } from '../journal/journal.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { entriesFrom, type JournalView } from '../journal/view.ts';
import { entryPk, entrySk } from '../storage/items/journal-entry.ts';
import type { LiveSegment } from '../storage/items/segment.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import type { DueList } from './due-list.ts';
import type { SegmentSet } from './format/segment-set.ts';
import { newObjectDue } from './object-due.ts';
import type { SegmentIndex } from './segment-index.ts';
import type { Replacement } from './write-replace.ts';

export interface ReplaceEnvironment {
  readonly index: SegmentIndex;
  readonly due: DueList;
}

/** New segments of one partition and the old ones with the same offsets. */
export interface MadeSegments {
  readonly partition: number;
  /** Side by side, ascending; none of the newest seal. */
  readonly old: readonly LiveSegment[];
  /** `replacedSeq` of the partition when the old segments were listed (rule R6). */
  readonly replacedSeq: number;
  readonly key: string;
  readonly set: SegmentSet;
  readonly cleaned: NonNullable<Replacement['cleaned']>;
}

/**
 * - `replaced`: the new segments are named by the entry in slot `seq`.
 * - `lost`: another process has replaced or removed old ones since.
 * - `timedOut`: the deadline came first. The new segments may still be named.
 */
export type ReplaceOutcome =
  | { readonly kind: 'replaced'; readonly seq: number }
  | { readonly kind: 'lost' | 'timedOut' };

/**
 * Stores an object with new segments, names it by a `replace` entry, and writes the segment items.
 * After a crash in between, `repairReplacement` writes them. Throws StoreUnavailableError.
 *
 * @param deadline by Clock.monotonic(); ms
 */
export async function replaceSegments(
  { index, due }: ReplaceEnvironment,
  { journal, queue }: OpenJournal,
  made: MadeSegments,
  deadline: number,
): Promise<ReplaceOutcome> {
  const { stores } = journal.env;
  const { key, set, old } = made;
  const unnamed = await due.add(newObjectDue(key, stores.journal.now()));
  const stored = await stores.blobs.put(key, set.chunks);
  if (stored.kind !== 'stored') throw new StoreUnavailableError(`object ${key} was not stored: ${stored.message}`);
  const signBefore = stored.storeTime + NAME_WITHIN_MS;
  let named: { readonly entry: ReplaceEntry; readonly seq: number } | undefined;
  let isTooOld = false;
  const result = await queue.appendEntry(
    (view, time) => {
      isTooOld = !(time < signBefore);
      if (isTooOld || !isPossible(view, made)) return undefined;
      named = { entry: entryOf(made, time), seq: view.seq + 1 };
      return named.entry;
    },
    deadline,
    { signBefore },
  );
  if (result !== 'written' || named === undefined) {
    return { kind: result === 'timedOut' || isTooOld ? 'timedOut' : 'lost' };
  }
  // The items that name the old objects may go with the next step.
  for (const oldKey of new Set(old.map((segment) => segment.key))) {
    await due.add(newObjectDue(oldKey, stores.journal.now()));
  }
  const { entry, seq } = named;
  await index.writeReplace(journal.id, { ...entry, seq, cleaned: made.cleaned }, journal.confirmedAt);
  await due.done(unnamed);
  return { kind: 'replaced', seq };
}

function isPossible(view: JournalView, { partition, old, replacedSeq }: MadeSegments): boolean {
  const found = view.partitions.get(partition);
  if (view.closed || found === undefined || found.replacedSeq !== replacedSeq) return false;
  return old[0]!.baseOffset >= found.segmentsFrom && old.at(-1)!.nextOffset <= entriesFrom(found);
}

function entryOf({ partition, old, key, set }: MadeSegments, time: number): ReplaceEntry {
  return {
    kind: 'replace',
    time,
    partition,
    baseOffset: old[0]!.baseOffset,
    nextOffset: old.at(-1)!.nextOffset,
    key,
    parts: set.parts,
    removedSegments: old.length,
    removedBytes: old.reduce((sum, { log }) => sum + log.length, 0),
  };
}

/**
 * Writes the items of a partition's newest replacement that are missing, so that the segment index
 * lists the segments that the view counts. A seal does the same for all replacements before it, and
 * a replacement for the one before it. The view must have been confirmed just before. Throws
 * StoreUnavailableError.
 */
export async function repairReplacement(
  { index }: Pick<ReplaceEnvironment, 'index'>,
  { journal }: OpenJournal,
  partition: number,
): Promise<void> {
  const seq = journal.view.partitions.get(partition)?.replacedSeq ?? -1;
  if (seq <= journal.view.sealedSeq) return;
  const { item } = await journal.env.stores.journal.get(entryPk(journal.id), entrySk(seq), true);
  const entry = item && decodeItem(item).entry;
  if (entry?.kind !== 'replace') throw new StoreUnavailableError(`slot ${seq} of journal ${journal.id} is missing`);
  await index.writeReplace(journal.id, { ...entry, seq }, journal.confirmedAt);
}
