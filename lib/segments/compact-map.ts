import type { Offset } from '../core/offset.ts';
import { lastOffset } from '../records/batch.ts';
import type { LiveSegment } from '../storage/items/segment.ts';
import type { AbortedAhead } from './aborted-ahead.ts';
import { mapBatch } from './clean/map-batch.ts';
import type { OffsetMap } from './clean/offset-map.ts';
import type { PassedTransactions } from './clean/transactions.ts';
import { atItsPlace, type PlacedBatch } from './segment-batches.ts';

export interface Mapping {
  /** Dirty segments, side by side, ascending. */
  readonly segments: readonly LiveSegment[];
  /** Where to end at the latest: the end of a batch. */
  readonly to: Offset;
  readonly map: OffsetMap;
  readonly transactions: PassedTransactions;
  readonly aborted: AbortedAhead;
  /** Ends with the segment that reaches this. */
  readonly passBytes: number;
  readonly windows: (segment: LiveSegment) => AsyncIterable<readonly PlacedBatch[]>;
  readonly pause: () => Promise<void> | undefined;
  /** Ends with the batches that were read by then. */
  readonly isLate: () => boolean;
}

/**
 * - `mapped`: the map holds the newest offset of each key in the segments below `to`.
 * - `late`: the time was over before the first batch.
 * - `tooSmall`: the first batch, at `offset`, does not fit into the map.
 */
export type Mapped = { readonly bytes: number } & (
  | { readonly kind: 'mapped'; readonly to: Offset }
  | { readonly kind: 'late' }
  | { readonly kind: 'tooSmall'; readonly offset: Offset }
);

/**
 * Reads the keys of segments into the map, as far as they fit. Throws MalformedBytesError,
 * SegmentGoneError and StoreUnavailableError.
 */
export async function mapSegments(mapping: Mapping): Promise<Mapped> {
  const { segments, to, map, transactions, aborted, passBytes, isLate } = mapping;
  let bytes = 0;
  let end: Offset = segments[0]?.baseOffset ?? to;
  for (const segment of segments) {
    if (bytes >= passBytes) break;
    transactions.add(await aborted.upTo(segment.nextOffset));
    for await (const window of mapping.windows(segment)) {
      if (isLate()) return bytes === 0 ? { kind: 'late', bytes } : { kind: 'mapped', to: map.latestOffset + 1, bytes };
      for (const batch of window) {
        const { header } = batch;
        if (lastOffset(header) >= to) break;
        await mapping.pause();
        const outcome = atItsPlace(batch, () => mapBatch(map, transactions, batch.bytes, header));
        if (outcome === 'full') {
          if (bytes === 0) return { kind: 'tooSmall', offset: header.baseOffset, bytes };
          return { kind: 'mapped', to: map.latestOffset + 1, bytes };
        }
        bytes += batch.bytes.length;
      }
    }
    end = Math.min(segment.nextOffset, to);
  }
  map.latestOffset = end - 1;
  return { kind: 'mapped', to: end, bytes };
}
