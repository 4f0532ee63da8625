import { assert } from '../core/assert.ts';
import type { Offset } from '../core/offset.ts';
import type { CleanedSegments, ReplaceEntry } from '../journal/entry.ts';
import type { ChangeEnvironment } from '../kit/change-item.ts';
import { type JournalId, topicIdOf } from '../storage/items/journal-entry.ts';
import type { LiveSegment, StoredSegment } from '../storage/items/segment.ts';
import type { StoreTime } from '../storage/ports.ts';
import { holdsNoLess } from './covering.ts';
import { isLive, SegmentItems } from './segment-items.ts';
import { epochsIn, epochsOf, ITEM_SIGNED_WITHIN_MS, placeOf, putSegment, segmentBefore } from './write-segment.ts';

/** Items per query of the segments that are replaced. */
const PAGE = 1_000;

/** What the items say about a replacement. */
export interface Replacement
  extends Pick<ReplaceEntry, 'partition' | 'baseOffset' | 'nextOffset' | 'key' | 'parts' | 'time' | 'cleaned'> {
  /** Slot of the entry. */
  readonly seq: number;
}

/** See SegmentIndex.writeReplace. */
export async function writeReplace(
  env: ChangeEnvironment,
  journal: JournalId,
  replacement: Replacement,
  confirmedAt: StoreTime,
): Promise<void> {
  const { partition, baseOffset, nextOffset, parts, seq } = replacement;
  checkParts(replacement);
  const signBefore = confirmedAt + ITEM_SIGNED_WITHIN_MS;
  const items = new SegmentItems(env.state, topicIdOf(journal), partition);
  const before = await readRange(items, baseOffset, nextOffset);
  // Retention has removed the segments, or a later replacement has taken their place.
  if (!before.some(isLive)) return;
  const old = before.filter((one): one is LiveSegment => isLive(one) && one.seq < seq);
  const previous = await segmentBefore(items, baseOffset);
  const segments = segmentsOf(journal, replacement, before, previous);
  let live = [...(previous === undefined ? [] : [previous]), ...before.filter(isLive)];
  // From the last to the first: an old segment goes once new ones hold all of its offsets.
  for (const segment of segments.toReversed()) {
    const place = await placeOf(items, segment.baseOffset, seq);
    if (place.kind === 'written') continue;
    const then = withSegment(live, segment);
    if (!holdsNoLess(then, live, segment.baseOffset)) continue;
    await putSegment(env, items.pk, segment, place, signBefore);
    live = then;
  }
  const kept = new Set(parts.map((part) => part.baseOffset));
  // From the first to the last: at every moment the live segment with the largest base offset at or
  // below an offset holds it.
  for (const one of old) {
    if (kept.has(one.baseOffset)) continue;
    const then = live.filter(({ baseOffset: base }) => base !== one.baseOffset);
    if (!holdsNoLess(then, live, one.baseOffset)) continue;
    const replacedBy = parts.findLast((part) => part.baseOffset < one.baseOffset)!.baseOffset;
    const replacedAt = Math.floor(env.state.now());
    const tombstone = { ...one, state: 'replaced', seq, replacedAt, replacedBy } as const;
    await putSegment(env, items.pk, tombstone, { kind: 'older', segment: one }, signBefore);
    live = then;
  }
}

/** The segments with one more, in place of the one with the same base offset. */
function withSegment(live: readonly LiveSegment[], segment: LiveSegment): LiveSegment[] {
  const others = live.filter(({ baseOffset }) => baseOffset !== segment.baseOffset);
  return [...others, segment].sort((a, b) => a.baseOffset - b.baseOffset);
}

function checkParts({ partition, baseOffset, nextOffset, parts }: Replacement): void {
  let position = baseOffset;
  for (const part of parts) {
    assert(part.partition === partition && part.baseOffset === position, 'a replacement has a gap');
    position = part.nextOffset;
  }
  assert(position === nextOffset && parts.length > 0, `a replacement ends at ${position} instead of ${nextOffset}`);
}

function segmentsOf(
  journal: JournalId,
  { parts, key, seq, time, cleaned }: Replacement,
  old: readonly StoredSegment[],
  previous: LiveSegment | undefined,
): LiveSegment[] {
  const epochs = epochsOf(old);
  let maxTimestampSoFar = previous?.maxTimestampSoFar ?? -1;
  return parts.map((part) => {
    maxTimestampSoFar = Math.max(maxTimestampSoFar, part.maxTimestamp);
    const known = abortsKnownTo(old, part.nextOffset);
    return {
      ...part,
      ...(cleaned !== undefined && part.baseOffset < cleaned.cleanTo && cleanedFields(cleaned)),
      state: 'live',
      key,
      journal,
      seq,
      namedAt: time,
      maxTimestampSoFar,
      epochs: epochsIn(epochs, part.baseOffset, part.nextOffset),
      ...(known !== undefined && { abortsKnownTo: known }),
    };
  });
}

function cleanedFields({
  cleanedAt,
  deleteHorizon,
}: CleanedSegments): Pick<LiveSegment, 'cleanedAt' | 'deleteHorizon'> {
  return { cleanedAt, ...(deleteHorizon !== undefined && { deleteHorizon }) };
}

/** What the old segments that end at or before the end of a new one know. */
function abortsKnownTo(old: readonly StoredSegment[], end: Offset): Offset | undefined {
  const known = old.flatMap(({ nextOffset, abortsKnownTo: to }) => (nextOffset <= end && to !== undefined ? [to] : []));
  return known.length === 0 ? undefined : Math.max(...known);
}

async function readRange(items: SegmentItems, from: Offset, to: Offset): Promise<StoredSegment[]> {
  const found: StoredSegment[] = [];
  for (let start = from; ; ) {
    const { segments, more } = await items.up(start, to, PAGE, true);
    found.push(...segments);
    if (!more) return found;
    start = segments.at(-1)!.baseOffset + 1;
  }
}
