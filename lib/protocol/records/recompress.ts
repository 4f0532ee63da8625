import { type CodecId, compress } from '../compression/codec.ts';
import {
  Attribute,
  BATCH_OVERHEAD_BYTES,
  BatchField,
  compressionCodec,
  computeCrc,
  LOG_OVERHEAD_BYTES,
  readBatchHeader,
} from './batch.ts';
import { uncompressedRecords } from './record.ts';

/**
 * The batch with its records in another compression, for a topic whose `compression.type` is not the producer's; the
 * same buffer if they are in it already. Throws CorruptRecordError, and CompressionError ('unavailable') where
 * canCompress is false.
 */
export function withCodec(batch: Buffer, codec: CodecId): Buffer {
  const header = readBatchHeader(batch);
  if (compressionCodec(header.attributes) === codec) return batch;
  const payload = compress(codec, uncompressedRecords(batch, header));
  const out = Buffer.concat([batch.subarray(0, BATCH_OVERHEAD_BYTES), payload]);
  out.writeInt32BE(out.length - LOG_OVERHEAD_BYTES, BatchField.length);
  out.writeInt16BE((header.attributes & ~Attribute.codecMask) | codec, BatchField.attributes);
  out.writeUInt32BE(computeCrc(out), BatchField.crc);
  return out;
}
