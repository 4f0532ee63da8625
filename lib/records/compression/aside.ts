import type { NextWork } from '../../kit/turns.ts';
import { Codec, type CodecId, compress } from './codec.ts';
import { encodeGzipAside } from './gzip.ts';
import { lz4Parts } from './lz4-frame.ts';
import { snappyParts } from './xerial.ts';
import { encodeZstdAside } from './zstd.ts';

/** A part is a block of 32 or 64 KiB. Encoding takes several times as long as decoding. */
const PART_COST_BYTES = 128 * 1024;

/**
 * As `compress`, without blocking the event loop: in another thread, or one share of work at a
 * time. Undefined when `next` gives up.
 */
export async function compressAside(codec: CodecId, data: Buffer, next: NextWork): Promise<Buffer | undefined> {
  switch (codec) {
    case Codec.gzip:
      return encodeGzipAside(data);
    case Codec.zstd:
      return encodeZstdAside(data);
    case Codec.snappy:
      return joined(snappyParts(data), next);
    case Codec.lz4:
      return joined(lz4Parts(data), next);
    case Codec.none:
      return compress(codec, data);
  }
}

async function joined(parts: Iterable<Buffer>, next: NextWork): Promise<Buffer | undefined> {
  const all: Buffer[] = [];
  let work = await next();
  for (const part of parts) {
    if (work === undefined) return undefined;
    all.push(part);
    work.left -= PART_COST_BYTES;
    if (work.left <= 0) work = await next();
  }
  return work === undefined ? undefined : Buffer.concat(all);
}
