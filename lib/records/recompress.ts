import { Attribute, BATCH_OVERHEAD_BYTES, BatchField, computeCrc, LOG_OVERHEAD_BYTES } from './batch.ts';
import type { CodecId } from './compression/codec.ts';
import { writeInt64 } from './int64.ts';

/**
 * The batch with other records: `payload` is in `codec`, and their highest timestamp is
 * `maxTimestamp` (ms).
 */
export function withPayload(batch: Buffer, payload: Buffer, codec: CodecId, maxTimestamp: number): Buffer {
  const out = Buffer.concat([batch.subarray(0, BATCH_OVERHEAD_BYTES), payload]);
  out.writeInt32BE(out.length - LOG_OVERHEAD_BYTES, BatchField.length);
  out.writeInt16BE((out.readInt16BE(BatchField.attributes) & ~Attribute.codecMask) | codec, BatchField.attributes);
  writeInt64(out, maxTimestamp, BatchField.maxTimestamp);
  out.writeUInt32BE(computeCrc(out), BatchField.crc);
  return out;
}
