import type { Offset } from '../core/offset.ts';
import { boundedMap } from '../kit/bounded-map.ts';
import type { LiveSegment } from '../storage/items/segment.ts';
import type { StoreTime } from '../storage/ports.ts';

/** Segments kept per partition: those that a few consumers at different offsets are reading. */
const PER_PARTITION = 8;

/** A segment takes about half a KB, so that a full cache takes about 4 MB. */
const PARTITIONS_MAX = 1_024;

/**
 * A segment that was found counts for this time; ms. Compaction replaces it, and after
 * `delete.retention.ms` (a day by default) removes the tombstones and markers that the old records
 * need: a reader must not get the old ones from memory then.
 */
export const FOUND_FOR_MS = 60_000;

interface Found {
  readonly segment: LiveSegment;
  readonly at: StoreTime;
}

/** Segments that were found lately, by partition. */
export class SegmentCache {
  /** The last one used comes first. */
  readonly #found = boundedMap<string, readonly Found[]>(PARTITIONS_MAX);

  /**
   * The segment that holds an offset of the partition. `pk` is the key of the partition's items, `now`
   * is store time.
   */
  get(pk: string, offset: Offset, now: StoreTime): LiveSegment | undefined {
    const known = this.#found.get(pk);
    const found = known?.find(({ segment }) => holds(segment, offset));
    // The time is not known before the store's first answer.
    if (found === undefined || !(now - found.at <= FOUND_FOR_MS)) return undefined;
    if (found !== known?.[0]) this.#use(pk, found);
    return found.segment;
  }

  /** Takes the place of the segments that hold some of the same offsets. */
  set(pk: string, segment: LiveSegment, now: StoreTime): void {
    this.#use(pk, { segment, at: now });
  }

  /** Drops the segment that holds the offset. */
  delete(pk: string, offset: Offset): void {
    const known = this.#found.peek(pk);
    if (known === undefined) return;
    this.#found.set(
      pk,
      known.filter(({ segment }) => !holds(segment, offset)),
    );
  }

  #use(pk: string, found: Found): void {
    const others = (this.#found.peek(pk) ?? []).filter((one) => !overlap(one.segment, found.segment));
    this.#found.set(pk, [found, ...others].slice(0, PER_PARTITION));
  }
}

function holds({ baseOffset, nextOffset }: LiveSegment, offset: Offset): boolean {
  return baseOffset <= offset && offset < nextOffset;
}

function overlap(a: LiveSegment, b: LiveSegment): boolean {
  return a.baseOffset < b.nextOffset && b.baseOffset < a.nextOffset;
}
