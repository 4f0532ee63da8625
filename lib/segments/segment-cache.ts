import type { Offset } from '../core/offset.ts';
import { boundedMap } from '../kit/bounded-map.ts';
import type { LiveSegment } from '../storage/items/segment.ts';

/** Segments kept per partition: those that a few consumers at different offsets are reading. */
const PER_PARTITION = 8;

/** A segment takes about half a KB, so that a full cache takes about 4 MB. */
const PARTITIONS_MAX = 1_024;

/** Segments that were found lately, by partition. */
export class SegmentCache {
  /** The last one used comes first. */
  readonly #found = boundedMap<string, readonly LiveSegment[]>(PARTITIONS_MAX);

  /** The segment that holds an offset of the partition. `pk` is the key of the partition's items. */
  get(pk: string, offset: Offset): LiveSegment | undefined {
    const known = this.#found.get(pk);
    const segment = known?.find((one) => holds(one, offset));
    if (segment !== undefined && segment !== known?.[0]) this.#use(pk, segment);
    return segment;
  }

  /** Takes the place of the segments that hold some of the same offsets. */
  set(pk: string, segment: LiveSegment): void {
    this.#use(pk, segment);
  }

  /** Drops the segment that holds the offset. */
  delete(pk: string, offset: Offset): void {
    const known = this.#found.peek(pk);
    if (known === undefined) return;
    this.#found.set(
      pk,
      known.filter((one) => !holds(one, offset)),
    );
  }

  #use(pk: string, segment: LiveSegment): void {
    const others = (this.#found.peek(pk) ?? []).filter((one) => !overlap(one, segment));
    this.#found.set(pk, [segment, ...others].slice(0, PER_PARTITION));
  }
}

function holds({ baseOffset, nextOffset }: LiveSegment, offset: Offset): boolean {
  return baseOffset <= offset && offset < nextOffset;
}

function overlap(a: LiveSegment, b: LiveSegment): boolean {
  return a.baseOffset < b.nextOffset && b.baseOffset < a.nextOffset;
}
