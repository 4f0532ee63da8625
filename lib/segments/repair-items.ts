import type { ReplaceEntry } from '../journal/entry.ts';
import type { Journal } from '../journal/journal.ts';
import { abortsKnownTo, type LastSeal } from '../journal/view.ts';
import type { SegmentPart } from '../storage/items/segment-part.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import type { SegmentIndex } from './segment-index.ts';

/** A `replace` entry and its slot. */
export interface FoundReplace {
  readonly seq: number;
  readonly entry: ReplaceEntry;
}

/**
 * Makes sure that the items of the newest seal are there, whoever wrote its entry, and reads them
 * back (rule R15). The view must have been confirmed by a strongly consistent read just before.
 * Throws StoreUnavailableError.
 */
export async function repairLastSeal(index: SegmentIndex, journal: Journal): Promise<void> {
  const lastSeal = countedSeal(journal);
  if (lastSeal === undefined || (await index.readBack(journal.id, lastSeal))) return;
  await writeSealItems(index, journal);
  if (await index.readBack(journal.id, lastSeal)) return;
  throw new StoreUnavailableError(`the segment items of slot ${lastSeal.seq} of journal ${journal.id} are missing`);
}

/** Writes the items of the newest seal that are missing. Throws StoreUnavailableError. */
export async function writeSealItems(index: SegmentIndex, journal: Journal): Promise<void> {
  const lastSeal = countedSeal(journal);
  if (lastSeal === undefined) return;
  const { partitions } = journal.view;
  const epochsOf = (partition: number) => partitions.get(partition)?.epochs ?? [];
  const known = ({ partition, nextOffset }: SegmentPart) => {
    const view = partitions.get(partition);
    return view && abortsKnownTo(view, nextOffset);
  };
  await index.writeSeal(journal.id, lastSeal, journal.confirmedAt, epochsOf, known);
}

/**
 * The newest seal with the parts that still count. The items of the others are deleted, and must not
 * come back with the same version (rule R9).
 */
function countedSeal({ view: { lastSeal, partitions } }: Journal): LastSeal | undefined {
  if (lastSeal === undefined) return undefined;
  const counts = ({ partition, nextOffset }: SegmentPart) =>
    nextOffset > (partitions.get(partition)?.segmentsFrom ?? 0);
  return { ...lastSeal, parts: lastSeal.parts.filter(counts) };
}
