import type { Offset } from '../../core/offset.ts';
import { RELATIVE_OFFSET_MAX } from '../format/part-limits.ts';

interface Sized {
  readonly baseOffset: Offset;
  readonly nextOffset: Offset;
  readonly bytes: number;
}

/**
 * Divides neighbouring segments into groups, each of which becomes one object: as many as fit
 * `maxBytes` and a range of offsets that indexes can express, but at least one (Kafka:
 * Cleaner.groupSegmentsBySize).
 */
export function groupSegments<S extends Sized>(segments: readonly S[], maxBytes: number): S[][] {
  const groups: S[][] = [];
  let bytes = 0;
  for (const segment of segments) {
    const group = groups.at(-1);
    const first = group?.[0];
    const fits =
      first !== undefined &&
      bytes + segment.bytes <= maxBytes &&
      // Of an empty segment nothing is left, so that its offsets need no place in an index.
      (segment.bytes === 0 || segment.nextOffset - 1 - first.baseOffset <= RELATIVE_OFFSET_MAX);
    if (fits) {
      group!.push(segment);
      bytes += segment.bytes;
    } else {
      groups.push([segment]);
      bytes = segment.bytes;
    }
  }
  return groups;
}
