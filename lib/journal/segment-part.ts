import type { ByteReader, ByteWriter } from '../core/bytes.ts';
import { readPart, type SegmentPart, writePart } from '../storage/items/segment-part.ts';

export type { ByteRange, SegmentPart } from '../storage/items/segment-part.ts';

/** Memory of a part; bytes. Measured on Node 20 with 64-bit pointers and rounded up. */
export const PART_MEMORY_BYTES = 320;

export function writeParts(writer: ByteWriter, parts: readonly SegmentPart[]): void {
  writer.uint(parts.length);
  for (const part of parts) writePart(writer, part);
}

/** Throws MalformedBytesError. */
export function readParts(reader: ByteReader): SegmentPart[] {
  const parts: SegmentPart[] = [];
  for (let left = reader.uint(); left > 0; left--) parts.push(readPart(reader));
  return parts;
}
