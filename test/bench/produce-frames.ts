import { crc32c } from '@node-rs/crc32';
import { BatchField } from '../../lib/records/batch.ts';
import { Codec, type CodecId } from '../../lib/records/compression/codec.ts';
import { encodeBatch } from '../../lib/records/encode.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { encodeRequest } from '../../lib/wire/client-frame.ts';

export const PRODUCE_VERSION = 9;
const CORRELATION_ID_AT = 8;

export interface ProduceShape {
  readonly topic: string;
  readonly partition: number;
  readonly producerId: number;
  readonly recordBytes: number;
  readonly recordsPerBatch: number;
  /** Uncompressed when left out. */
  readonly codec?: CodecId | undefined;
  /** What the record of a number holds; a repeated text when left out. */
  readonly value?: ((index: number) => Buffer) | undefined;
}

/** A Produce request of one batch by an idempotent producer, encoded once; only what differs each time is set anew. */
export class ProduceFrame {
  readonly bytes: Buffer;
  readonly batchBytes: number;
  readonly #batchAt: number;
  readonly #batch: Buffer;

  constructor(shape: ProduceShape) {
    const records = Array.from({ length: shape.recordsPerBatch }, (_, index) => ({
      timestamp: Date.now(),
      value: shape.value?.(index) ?? Buffer.alloc(shape.recordBytes, `record ${index} `),
    }));
    const { producerId, codec = Codec.none } = shape;
    const batch = encodeBatch(records, { producerId, producerEpoch: 0, baseSequence: 0, codec });
    const body = {
      transactionalId: null,
      acks: -1,
      timeoutMs: 30_000,
      topicData: [{ name: shape.topic, partitionData: [{ index: shape.partition, records: [batch] }] }],
    };
    this.bytes = Buffer.concat(encodeRequest(ApiKey.Produce, PRODUCE_VERSION, 0, 'bench', body));
    this.batchBytes = batch.length;
    this.#batchAt = this.bytes.indexOf(batch);
    this.#batch = this.bytes.subarray(this.#batchAt, this.#batchAt + batch.length);
  }

  set(correlationId: number, baseSequence: number): void {
    this.bytes.writeInt32BE(correlationId, CORRELATION_ID_AT);
    this.#batch.writeInt32BE(baseSequence, BatchField.baseSequence);
    this.#batch.writeUInt32BE(crc32c(this.#batch.subarray(BatchField.attributes)), BatchField.crc);
  }
}

/** Where the error code stands in the answer to a request for one partition of `topic`, behind the size prefix. */
export function errorCodeAt(topic: string): number {
  const [size, correlationId, tags, topics, nameLength, partitions, index] = [4, 4, 1, 1, 1, 1, 4];
  return size + correlationId + tags + topics + nameLength + Buffer.byteLength(topic) + partitions + index;
}
