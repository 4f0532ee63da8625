import { decodeEntry, type Entry, type SealEntry } from '../../../../lib/journal/entry.ts';
import { decodeItem } from '../../../../lib/segments/segment-items.ts';
import { entryPk, type JournalId, journalId, slotOf } from '../../../../lib/storage/items/journal-entry.ts';
import { type LiveSegment, type StoredSegment, segmentPk } from '../../../../lib/storage/items/segment.ts';
import type { Place } from './steps.ts';
import { partitionOf, type WholeWorld } from './world.ts';

export function journalOf(world: WholeWorld, place: Place): JournalId {
  return journalId(world.topicIds.get(partitionOf(place).topic)!, 0);
}

/** The entries of a journal that are stored, with their slots. */
export function entriesOf(world: WholeWorld, place: Place): { readonly seq: number; readonly entry: Entry }[] {
  const pk = entryPk(journalOf(world, place));
  return world.stores
    .contents()
    .journal.filter((item) => item.pk === pk)
    .map(({ sk, body }) => ({ seq: slotOf(sk), entry: decodeEntry(body) }));
}

/** The newest seal of a journal. Its entry is never deleted before the next one. */
export function newestSeal(world: WholeWorld, place: Place): SealEntry | undefined {
  return entriesOf(world, place)
    .flatMap(({ entry }) => (entry.kind === 'seal' ? [entry] : []))
    .at(-1);
}

export function itemsOf(world: WholeWorld, place: Place): StoredSegment[] {
  const { topic, partition } = partitionOf(place);
  const pk = segmentPk(world.topicIds.get(topic)!, partition);
  return world.stores
    .contents()
    .state.filter((item) => item.pk === pk)
    .map(decodeItem);
}

export function liveOf(world: WholeWorld, place: Place): LiveSegment[] {
  return itemsOf(world, place).filter((item): item is LiveSegment => item.state === 'live');
}

export function objectsOf(world: WholeWorld, prefix: string): string[] {
  return [...world.stores.contents().blobs.keys()].filter((key) => key.startsWith(prefix)).sort();
}
