import type { ByteReader, ByteWriter } from '../core/bytes.ts';
import type { Offset } from '../core/offset.ts';
import type { EpochStart } from '../storage/items/segment.ts';
import type { StoreTime } from '../storage/ports.ts';
import { type ProducerState, readList, readProducer, writeList, writeProducer } from './producer-codec.ts';
import type { SegmentPart } from './segment-part.ts';

/**
 * Segments that were made of Kafka's log files. They continue the sealed history of a topic that does
 * not exist yet; no entry before this one has batches. Like a seal, it is the newest seal of the view
 * afterwards, and the items of the one before it were read back before this one was written.
 */
export interface ImportEntry {
  readonly kind: 'import';
  /** As in every entry. */
  readonly time: StoreTime;
  /** The slots after those of the seal before this one, up to the one before this entry. */
  readonly fromSeq: number;
  readonly toSeq: number;
  /** The time of the entry in slot `toSeq`. */
  readonly toTime: number;
  /** The object that holds the parts; empty if there are none. */
  readonly key: string;
  /** At most one for each partition, by partition, ascending. */
  readonly parts: readonly SegmentPart[];
  /** What the batches up to the end of this entry's parts say, by partition, ascending. */
  readonly partitions: readonly ImportedPartition[];
}

/** What an `import` entry says about a partition beside its part. */
export interface ImportedPartition {
  readonly partition: number;
  /** In the partition's first entry, and only there. */
  readonly start?: {
    /** Where its first part begins; its end if it has none. */
    readonly baseOffset: Offset;
    /** At least `baseOffset`: a batch is kept whole although the log start lies in it. */
    readonly logStartOffset: Offset;
  };
  /** The leader epochs that begin in the part, ascending. */
  readonly epochs: readonly EpochStart[];
  /** The first offsets of all transactions that are open at the end of the part. */
  readonly openTransactions: readonly (readonly [producerId: number, firstOffset: Offset])[];
  /** Producers that may go on where they stopped. Only after the partition's last part. */
  readonly producers: readonly (readonly [producerId: number, state: ProducerState])[];
}

export function writeImported(writer: ByteWriter, partitions: readonly ImportedPartition[]): void {
  writeList(writer, partitions, ({ partition, start, epochs, openTransactions, producers }) => {
    writer.uint(partition);
    writer.u8(start === undefined ? 0 : 1);
    if (start !== undefined) {
      writer.uint(start.baseOffset);
      writer.uint(start.logStartOffset - start.baseOffset);
    }
    writeList(writer, epochs, ({ epoch, startOffset }) => {
      writer.uint(epoch);
      writer.uint(startOffset);
    });
    writeList(writer, openTransactions, ([producerId, firstOffset]) => {
      writer.uint(producerId);
      writer.uint(firstOffset);
    });
    writeList(writer, producers, ([producerId, state]) => {
      writer.uint(producerId);
      writeProducer(writer, state);
    });
  });
}

/** Throws MalformedBytesError. */
export function readImported(reader: ByteReader): ImportedPartition[] {
  return readList(reader, () => {
    const partition = reader.uint();
    const hasStart = reader.u8() === 1;
    return {
      partition,
      ...(hasStart && { start: readStart(reader) }),
      epochs: readList(reader, () => ({ epoch: reader.uint(), startOffset: reader.uint() })),
      openTransactions: readList(reader, () => [reader.uint(), reader.uint()] as const),
      producers: readList(reader, () => [reader.uint(), readProducer(reader)] as const),
    };
  });
}

function readStart(reader: ByteReader): NonNullable<ImportedPartition['start']> {
  const baseOffset = reader.uint();
  return { baseOffset, logStartOffset: baseOffset + reader.uint() };
}
