import type { Offset } from '../core/offset.ts';
import { type ChangeEnvironment, changeItem } from '../kit/change-item.ts';
import {
  type EpochStart,
  encodeSegment,
  type LiveSegment,
  type StoredSegment,
  segmentSk,
} from '../storage/items/segment.ts';
import { MAX_SIGNATURE_AGE_MS, type StoreTime } from '../storage/ports.ts';
import { holdsOffset, type SegmentItems } from './segment-items.ts';

/**
 * An item is signed within this time after a strongly consistent read showed the entry that names
 * its segment; ms. As long as a view may be used for appends (rule R3).
 */
export const ITEM_SIGNED_WITHIN_MS = 60 * 60 * 1000;

/**
 * A put of an item that was there by a certain time can no longer land this long after that time;
 * ms.
 */
export const ITEM_SETTLED_AFTER_MS = ITEM_SIGNED_WITHIN_MS + MAX_SIGNATURE_AGE_MS;

/** What stands at the base offset of a segment that is to be written. */
export type Place =
  /** The segment, or a newer one, or a newer one that holds its offsets as well. */
  | { readonly kind: 'written' }
  /** `before`: the live segment before it. */
  | { readonly kind: 'free'; readonly before: LiveSegment | undefined }
  /** An item that an earlier entry named. */
  | { readonly kind: 'older'; readonly segment: StoredSegment };

/**
 * Whether the segment that the entry in slot `seq` named at `baseOffset` was written. A segment
 * that was replaced since counts as written, also after its item has gone: a newer segment holds
 * its offsets then. Strongly consistent. Throws StoreUnavailableError.
 */
export async function placeOf(items: SegmentItems, baseOffset: Offset, seq: number): Promise<Place> {
  const found = await items.last(baseOffset, true);
  if (found?.baseOffset === baseOffset) {
    return found.seq >= seq ? { kind: 'written' } : { kind: 'older', segment: found };
  }
  const live = found?.state === 'replaced' ? await items.lastLive(baseOffset, true) : found;
  if (live !== undefined && holdsOffset(live, baseOffset) && live.seq > seq) return { kind: 'written' };
  return { kind: 'free', before: live };
}

/**
 * Puts the item of a segment in place of one that an earlier entry named; a newer one stays (rule
 * R9). Throws StoreUnavailableError, also if it is too late to sign the put.
 */
export async function putSegment(
  env: ChangeEnvironment,
  pk: string,
  segment: StoredSegment,
  place: Exclude<Place, { kind: 'written' }>,
  signBefore: StoreTime,
): Promise<void> {
  const { seq, baseOffset } = segment;
  const put = { kind: 'put', version: seq, body: encodeSegment(segment), options: { signBefore } } as const;
  await changeItem(
    env,
    { pk, sk: segmentSk(baseOffset) },
    (current) => (current !== undefined && current.version >= seq ? { kind: 'keep', result: undefined } : put),
    {
      ...put,
      condition: place.kind === 'free' ? { kind: 'absent' } : { kind: 'version', version: place.segment.seq },
    },
  );
}

/** The live segment before `baseOffset`. Strongly consistent. Throws StoreUnavailableError. */
export async function segmentBefore(items: SegmentItems, baseOffset: Offset): Promise<LiveSegment | undefined> {
  return baseOffset === 0 ? undefined : items.lastLive(baseOffset - 1, true);
}

/** The epochs, ascending, that have offsets in [baseOffset, nextOffset). */
export function epochsIn(epochs: readonly EpochStart[], baseOffset: Offset, nextOffset: Offset): readonly EpochStart[] {
  return epochs.filter(({ startOffset }, index) => {
    const end = epochs[index + 1]?.startOffset ?? Number.POSITIVE_INFINITY;
    return startOffset < nextOffset && end > baseOffset;
  });
}

/** The epochs of segments of a partition, ascending, each once. An epoch's start is the same in all. */
export function epochsOf(segments: readonly StoredSegment[]): readonly EpochStart[] {
  const all = new Map(segments.flatMap(({ epochs }) => epochs).map((one) => [one.epoch, one]));
  return [...all.values()].sort((a, b) => a.epoch - b.epoch);
}
