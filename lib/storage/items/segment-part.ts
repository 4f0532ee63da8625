import { type ByteReader, type ByteWriter, MalformedBytesError } from '../../core/bytes.ts';
import type { Offset } from '../../core/offset.ts';

/** A range of an object's bytes. */
export interface ByteRange {
  readonly start: number;
  readonly length: number;
}

/**
 * One partition's part of a segment set: the offsets [baseOffset, nextOffset). After compaction
 * some of them have no record any more.
 */
export interface SegmentPart {
  readonly partition: number;
  readonly baseOffset: Offset;
  readonly nextOffset: Offset;
  /** Largest batch timestamp in ms; -1 without records. */
  readonly maxTimestamp: number;
  /** Base offset of the first batch with that timestamp; -1 without records. */
  readonly maxTimestampOffset: Offset;
  /** The record batches, one after the other, with final base offsets and leader epochs. */
  readonly log: ByteRange;
  /** The offset index, the time index and the transaction index, one after the other. */
  readonly index: ByteRange;
  /** Sizes of the first two indexes; the transaction index is the rest of `index`. */
  readonly offsetIndexBytes: number;
  readonly timeIndexBytes: number;
  /** CRC-32C of the bytes in `index`. */
  readonly indexCrc: number;
}

export function writePart(writer: ByteWriter, part: SegmentPart): void {
  writer.uint(part.partition);
  writer.uint(part.baseOffset);
  writer.uint(part.nextOffset - part.baseOffset);
  writer.int(part.maxTimestamp);
  writer.int(part.maxTimestampOffset);
  writer.uint(part.log.start);
  writer.uint(part.log.length);
  writer.uint(part.index.start);
  writer.uint(part.index.length);
  writer.uint(part.offsetIndexBytes);
  writer.uint(part.timeIndexBytes);
  writer.uint(part.indexCrc);
}

/** Throws MalformedBytesError. */
export function readPart(reader: ByteReader): SegmentPart {
  const partition = reader.uint();
  const baseOffset = reader.uint();
  const part: SegmentPart = {
    partition,
    baseOffset,
    nextOffset: baseOffset + reader.uint(),
    maxTimestamp: reader.int(),
    maxTimestampOffset: reader.int(),
    log: { start: reader.uint(), length: reader.uint() },
    index: { start: reader.uint(), length: reader.uint() },
    offsetIndexBytes: reader.uint(),
    timeIndexBytes: reader.uint(),
    indexCrc: reader.uint(),
  };
  if (part.offsetIndexBytes + part.timeIndexBytes > part.index.length) {
    throw new MalformedBytesError(`the indexes of partition ${partition} are longer than their index block`);
  }
  return part;
}
