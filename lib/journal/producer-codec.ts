import type { ByteReader, ByteWriter } from '../core/bytes.ts';
import type { Offset } from '../core/offset.ts';

export interface RememberedBatch {
  readonly baseSequence: number;
  readonly lastSequence: number;
  readonly baseOffset: Offset;
  /** The log append time that the response had; ms. */
  readonly timestamp: number;
}

/** The state of one producer in a partition. Immutable. */
export interface ProducerState {
  readonly epoch: number;
  /** The last batches of this epoch, oldest first, at most REMEMBERED_BATCHES. */
  readonly batches: readonly RememberedBatch[];
  /** Time of the last entry with a batch of the producer; ms. */
  readonly lastTime: number;
  /** First offset of its open transaction; NO_OFFSET if there is none. */
  readonly transactionStart: Offset;
}

/** The state of a producer, as checkpoints and `import` entries have it. */
export function writeProducer(writer: ByteWriter, state: ProducerState): void {
  writer.int(state.epoch);
  writer.uint(state.lastTime);
  writer.int(state.transactionStart);
  writeList(writer, state.batches, (batch) => {
    writer.int(batch.baseSequence);
    writer.int(batch.lastSequence);
    writer.uint(batch.baseOffset);
    writer.int(batch.timestamp);
  });
}

/** Throws MalformedBytesError. */
export function readProducer(reader: ByteReader): ProducerState {
  return {
    epoch: reader.int(),
    lastTime: reader.uint(),
    transactionStart: reader.int(),
    batches: readList(reader, () => ({
      baseSequence: reader.int(),
      lastSequence: reader.int(),
      baseOffset: reader.uint(),
      timestamp: reader.int(),
    })),
  };
}

/** The number of elements, then each of them. */
export function writeList<T>(writer: ByteWriter, list: readonly T[], write: (element: T) => void): void {
  writer.uint(list.length);
  for (const element of list) write(element);
}

export function readList<T>(reader: ByteReader, read: () => T): T[] {
  const list: T[] = [];
  for (let left = reader.uint(); left > 0; left--) list.push(read());
  return list;
}
