import { assert } from '../core/assert.ts';
import { isControl, readBatchHeader } from './batch.ts';
import { encodeBatch } from './encode.ts';
import { CorruptRecordError } from './error.ts';
import { iterateRecords } from './record.ts';

/**
 * Control records: the markers that end transactions (Kafka's ControlRecordType and
 * EndTransactionMarker).
 */

export type MarkerType = 'commit' | 'abort';

const MARKER_CODES: { readonly [type in MarkerType]: number } = { abort: 0, commit: 1 };

/**
 * The only versions that exist. Readers also accept higher versions and ignore their additional
 * fields.
 */
const KEY_VERSION = 0;
const VALUE_VERSION = 0;
const KEY_BYTES = 4;
const VALUE_BYTES = 6;

export interface MarkerInput {
  readonly type: MarkerType;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly coordinatorEpoch: number;
  /** Ms since the Unix epoch. */
  readonly timestamp: number;
  readonly baseOffset?: number;
  readonly partitionLeaderEpoch?: number;
}

export type ControlRecord =
  | { readonly kind: 'marker'; readonly type: MarkerType; readonly coordinatorEpoch: number }
  /** A control record of another type, which readers of the log pass over. */
  | { readonly kind: 'other'; readonly code: number };

/** One control batch with one end-of-transaction marker. */
export function encodeControlBatch(marker: MarkerInput): Buffer {
  const key = Buffer.allocUnsafe(KEY_BYTES);
  key.writeInt16BE(KEY_VERSION, 0);
  key.writeInt16BE(MARKER_CODES[marker.type], 2);
  const value = Buffer.allocUnsafe(VALUE_BYTES);
  value.writeInt16BE(VALUE_VERSION, 0);
  value.writeInt32BE(marker.coordinatorEpoch, 2);
  return encodeBatch([{ timestamp: marker.timestamp, key, value }], {
    producerId: marker.producerId,
    producerEpoch: marker.producerEpoch,
    isTransactional: true,
    isControl: true,
    ...(marker.baseOffset !== undefined && { baseOffset: marker.baseOffset }),
    ...(marker.partitionLeaderEpoch !== undefined && { partitionLeaderEpoch: marker.partitionLeaderEpoch }),
  });
}

/**
 * The first record of a control batch, decoded; undefined if compaction has emptied the batch.
 * Throws CorruptRecordError.
 */
export function readControlBatch(batch: Buffer): ControlRecord | undefined {
  const header = readBatchHeader(batch);
  assert(isControl(header.attributes), 'only control batches have control records');
  for (const { key, value } of iterateRecords(batch, header)) {
    if (key === null || key.length < KEY_BYTES) throw new CorruptRecordError('control record has no type');
    const code = key.readInt16BE(2);
    if (code !== MARKER_CODES.commit && code !== MARKER_CODES.abort) return { kind: 'other', code };
    if (value === null || value.length < VALUE_BYTES) throw new CorruptRecordError('marker has no coordinator epoch');
    const type = code === MARKER_CODES.commit ? 'commit' : 'abort';
    return { kind: 'marker', type, coordinatorEpoch: value.readInt32BE(2) };
  }
  return undefined;
}
