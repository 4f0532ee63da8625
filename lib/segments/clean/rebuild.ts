import {
  Attribute,
  BATCH_OVERHEAD_BYTES,
  BatchField,
  type BatchHeader,
  computeCrc,
  LOG_OVERHEAD_BYTES,
  NO_TIMESTAMP,
} from '../../records/batch.ts';
import { Codec, type CodecId, canCompress, compress } from '../../records/compression/codec.ts';
import type { RecordCursor } from '../../records/cursor.ts';
import { readInt64, writeInt64 } from '../../records/int64.ts';
import { sizeOfVarint, sizeOfVarlong, writeVarint, writeVarlong } from '../../records/varint.ts';

/** Numbers per record in `KeptRecords.places`: start, position of the offset delta, end, timestamp. */
const PLACE_LENGTH = 4;

/** The records that stay of a batch, by their places in its uncompressed records. */
export class KeptRecords {
  readonly #cursor: RecordCursor;
  readonly places: number[] = [];

  constructor(cursor: RecordCursor) {
    this.#cursor = cursor;
  }

  get count(): number {
    return this.places.length / PLACE_LENGTH;
  }

  get payload(): Buffer {
    return this.#cursor.payload;
  }

  /** Keeps the cursor's current record. */
  add(): void {
    const { recordStart, deltaStart, recordEnd, timestamp } = this.#cursor;
    this.places.push(recordStart, deltaStart, recordEnd, timestamp);
  }
}

/**
 * The batch with these records only, which must be at least one, in its own compression (without
 * any where the runtime cannot encode it). `deleteHorizon` in ms; undefined for none. (Kafka:
 * MemoryRecords.buildRetainedRecordsInto.)
 */
export function withKeptRecords(
  batch: Buffer,
  header: BatchHeader,
  kept: KeptRecords,
  deleteHorizon: number | undefined,
): Buffer {
  const { places } = kept;
  const baseTimestamp = deleteHorizon ?? places[PLACE_LENGTH - 1]!;
  const records = encodeKept(kept, baseTimestamp);
  let maxTimestamp = NO_TIMESTAMP;
  for (let at = PLACE_LENGTH - 1; at < places.length; at += PLACE_LENGTH) {
    maxTimestamp = Math.max(maxTimestamp, places[at]!);
  }
  const own = (header.attributes & Attribute.codecMask) as CodecId;
  const codec = canCompress(own) ? own : Codec.none;
  const horizonBit = deleteHorizon === undefined ? 0 : Attribute.deleteHorizon;
  const attributes = (header.attributes & ~(Attribute.codecMask | Attribute.deleteHorizon)) | codec | horizonBit;
  return rebuilt(batch, compress(codec, records), { attributes, baseTimestamp, maxTimestamp, recordCount: kept.count });
}

/** The batch without its records (Kafka: DefaultRecordBatch.writeEmptyHeader). */
export function emptied(batch: Buffer): Buffer {
  const attributes = batch.readInt16BE(BatchField.attributes) & ~(Attribute.codecMask | Attribute.deleteHorizon);
  const maxTimestamp = readInt64(batch, BatchField.maxTimestamp);
  return rebuilt(batch, Buffer.alloc(0), { attributes, baseTimestamp: NO_TIMESTAMP, maxTimestamp, recordCount: 0 });
}

interface ChangedFields {
  readonly attributes: number;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly recordCount: number;
}

function rebuilt(batch: Buffer, payload: Buffer, fields: ChangedFields): Buffer {
  const out = Buffer.allocUnsafe(BATCH_OVERHEAD_BYTES + payload.length);
  batch.copy(out, 0, 0, BATCH_OVERHEAD_BYTES);
  payload.copy(out, BATCH_OVERHEAD_BYTES);
  out.writeInt32BE(out.length - LOG_OVERHEAD_BYTES, BatchField.length);
  out.writeInt16BE(fields.attributes, BatchField.attributes);
  writeInt64(out, fields.baseTimestamp, BatchField.baseTimestamp);
  writeInt64(out, fields.maxTimestamp, BatchField.maxTimestamp);
  out.writeInt32BE(fields.recordCount, BatchField.recordCount);
  out.writeUInt32BE(computeCrc(out), BatchField.crc);
  return out;
}

/** Offset deltas stay, because the base offset does; timestamps are relative to another base. */
function encodeKept({ places, payload }: KeptRecords, baseTimestamp: number): Buffer {
  let total = 0;
  for (let at = 0; at < places.length; at += PLACE_LENGTH) {
    const size = sizeOfKept(places, at, baseTimestamp);
    total += sizeOfVarint(size) + size;
  }
  const out = Buffer.allocUnsafe(total);
  let end = 0;
  for (let at = 0; at < places.length; at += PLACE_LENGTH) {
    end = writeVarint(out, sizeOfKept(places, at, baseTimestamp), end);
    // Attributes: no bit is in use.
    out[end++] = 0;
    end = writeVarlong(out, places[at + 3]! - baseTimestamp, end);
    end += payload.copy(out, end, places[at + 1]!, places[at + 2]!);
  }
  return out;
}

/** Without the size field. */
function sizeOfKept(places: readonly number[], at: number, baseTimestamp: number): number {
  return 1 + sizeOfVarlong(places[at + 3]! - baseTimestamp) + places[at + 2]! - places[at + 1]!;
}
