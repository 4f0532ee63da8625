import type { Offset } from '../../core/offset.ts';

/** Kafka's indexes hold offsets relative to the part's base offset as signed 32-bit numbers. */
export const RELATIVE_OFFSET_MAX = 2 ** 31 - 1;

/** Kafka's offset index holds positions in the log as signed 32-bit numbers. */
export const PART_LOG_BYTES_MAX = 2 ** 31 - 1;

/**
 * Whether a batch may be added to a part that begins at `baseOffset` and has `logBytes` of batches
 * so far. If not, the part has to end before this batch, and the next part begins with it (Kafka:
 * LogSegment.shouldRoll and canConvertToRelativeOffset).
 */
export function fitsPart(
  part: { readonly baseOffset: Offset; readonly logBytes: number },
  batch: { readonly lastOffset: Offset; readonly sizeInBytes: number },
): boolean {
  const relativeOffset = batch.lastOffset - part.baseOffset;
  return (
    relativeOffset >= 0 &&
    relativeOffset <= RELATIVE_OFFSET_MAX &&
    part.logBytes + batch.sizeInBytes <= PART_LOG_BYTES_MAX
  );
}
