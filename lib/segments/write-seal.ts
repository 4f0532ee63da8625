import type { Offset } from '../core/offset.ts';
import type { LastSeal } from '../journal/view.ts';
import type { ChangeEnvironment } from '../kit/change-item.ts';
import { each } from '../kit/each.ts';
import { type JournalId, topicIdOf } from '../storage/items/journal-entry.ts';
import type { EpochStart } from '../storage/items/segment.ts';
import type { SegmentPart } from '../storage/items/segment-part.ts';
import type { ItemStore, StoreTime } from '../storage/ports.ts';
import { SegmentItems } from './segment-items.ts';
import { epochsIn, ITEM_SIGNED_WITHIN_MS, placeOf, putSegment, segmentBefore } from './write-segment.ts';

/** Parts of a seal that are worked on at the same time. */
const AT_ONCE = 16;

/** What the items say about a seal. */
export type NamedSeal = Pick<LastSeal, 'seq' | 'time' | 'key' | 'parts'>;

/** LiveSegment.abortsKnownTo of a part. */
export type AbortsKnownTo = (part: SegmentPart) => Offset | undefined;

/** See SegmentIndex.writeSeal. */
export async function writeSeal(
  env: ChangeEnvironment,
  journal: JournalId,
  seal: NamedSeal,
  confirmedAt: StoreTime,
  epochsOf: (partition: number) => readonly EpochStart[],
  abortsKnownTo?: AbortsKnownTo,
): Promise<void> {
  const write = async (part: SegmentPart) => {
    const items = new SegmentItems(env.state, topicIdOf(journal), part.partition);
    const { baseOffset, nextOffset } = part;
    const place = await placeOf(items, baseOffset, seal.seq);
    if (place.kind === 'written') return;
    const before = place.kind === 'free' ? place.before : await segmentBefore(items, baseOffset);
    const known = abortsKnownTo?.(part);
    const segment = {
      ...part,
      state: 'live',
      key: seal.key,
      journal,
      seq: seal.seq,
      namedAt: seal.time,
      maxTimestampSoFar: Math.max(before?.maxTimestampSoFar ?? -1, part.maxTimestamp),
      epochs: epochsIn(epochsOf(part.partition), baseOffset, nextOffset),
      ...(known !== undefined && { abortsKnownTo: known }),
    } as const;
    await putSegment(env, items.pk, segment, place, confirmedAt + ITEM_SIGNED_WITHIN_MS);
  };
  await each({ atOnce: AT_ONCE }, seal.parts, write);
}

/** See SegmentIndex.readBack. */
export async function readBack(state: ItemStore, journal: JournalId, seal: NamedSeal): Promise<boolean> {
  const isThere = async ({ partition, baseOffset }: SegmentPart) => {
    const place = await placeOf(new SegmentItems(state, topicIdOf(journal), partition), baseOffset, seal.seq);
    return place.kind === 'written';
  };
  return (await each({ atOnce: AT_ONCE }, seal.parts, isThere)).every(Boolean);
}
