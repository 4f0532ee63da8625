import { ByteReader, ByteWriter, MalformedBytesError } from '../core/bytes.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import { readList, readProducer, writeList, writeProducer } from './producer-codec.ts';
import { readParts, writeParts } from './segment-part.ts';
import { emptyPartition, emptyView, type JournalView, type LastSeal, type PartitionView } from './view.ts';

/** First byte of every checkpoint. */
export const CHECKPOINT_FORMAT = 2;
/** Written by earlier programs: without the state of sealed entries. */
const FORMAT_UNSEALED = 1;

/**
 * Encodes a view. The encoding is canonical: partitions and producers are written in numeric order,
 * so that equal views give equal bytes and a checkpoint can be compared with a replay.
 */
export function encodeView(view: JournalView): Buffer {
  const writer = new ByteWriter(1024);
  writer.u8(CHECKPOINT_FORMAT);
  writer.uint(view.seq + 1);
  writer.uint(view.time);
  writer.uint(view.leaderEpoch);
  writer.uint(view.leader);
  writer.u8(view.closed ? 1 : 0);
  writer.uint(view.blockEntries);
  writer.uint(view.blockBytes);
  writer.uint(view.blockRows);
  writer.uint(view.sealedSeq + 1);
  writer.uint(view.sealedTime);
  writer.uint(view.trimmableSeq + 1);
  writer.uint(view.trimmableTime);
  writer.uint(view.hotSince + 1);
  writeLastSeal(writer, view.lastSeal);
  writer.uint(view.partitions.size);
  for (const number of ascending(view.partitions.keys())) writePartition(writer, view.partitions.get(number)!);
  return writer.finish();
}

/**
 * Decodes a view. In one of format 1 nothing counts as hot, because the sizes of its batches are
 * not known: the batches after it count. Throws MalformedBytesError.
 */
export function decodeView(journal: JournalId, bytes: Buffer): JournalView {
  const reader = new ByteReader(bytes);
  const format = reader.u8();
  if (format !== CHECKPOINT_FORMAT && format !== FORMAT_UNSEALED) {
    throw new MalformedBytesError(`checkpoint format ${format} is newer than this program`);
  }
  const view = emptyView(journal);
  view.seq = reader.uint() - 1;
  view.time = reader.uint();
  view.leaderEpoch = reader.uint();
  view.leader = reader.uint();
  view.closed = reader.u8() === 1;
  view.blockEntries = reader.uint();
  view.blockBytes = reader.uint();
  view.blockRows = reader.uint();
  if (format !== FORMAT_UNSEALED) {
    view.sealedSeq = reader.uint() - 1;
    view.sealedTime = reader.uint();
    view.trimmableSeq = reader.uint() - 1;
    view.trimmableTime = reader.uint();
    view.hotSince = reader.uint() - 1;
    view.lastSeal = readLastSeal(reader);
  }
  for (let left = reader.uint(); left > 0; left--) {
    const partition = readPartition(reader);
    if (format !== FORMAT_UNSEALED) readSealed(reader, partition);
    view.partitions.set(partition.partition, partition);
    view.hotBytes += partition.hotBytes;
  }
  return view;
}

function writeLastSeal(writer: ByteWriter, seal: LastSeal | undefined): void {
  writer.u8(seal === undefined ? 0 : 1);
  if (seal === undefined) return;
  writer.uint(seal.seq);
  writer.uint(seal.fromSeq);
  writer.uint(seal.toSeq);
  writer.uint(seal.time);
  writer.string(seal.key);
  writeParts(writer, seal.parts);
}

function readLastSeal(reader: ByteReader): LastSeal | undefined {
  if (reader.u8() === 0) return undefined;
  return {
    seq: reader.uint(),
    fromSeq: reader.uint(),
    toSeq: reader.uint(),
    time: reader.uint(),
    key: reader.string(),
    parts: readParts(reader),
  };
}

function ascending(numbers: Iterable<number>): number[] {
  return [...numbers].sort((a, b) => a - b);
}

function writePartition(writer: ByteWriter, partition: PartitionView): void {
  writer.uint(partition.partition);
  writer.uint(partition.logStartOffset);
  writer.uint(partition.nextOffset);
  writer.int(partition.maxTimestamp);
  writer.int(partition.maxTimestampOffset);
  writeList(writer, partition.epochs, (start) => {
    writer.uint(start.epoch);
    writer.uint(start.startOffset);
  });
  writeList(writer, ascending(partition.producers.keys()), (producerId) => {
    writer.uint(producerId);
    writeProducer(writer, partition.producers.get(producerId)!);
  });
  writeList(writer, ascending(partition.openTransactions.keys()), (producerId) => {
    writer.uint(producerId);
    writer.uint(partition.openTransactions.get(producerId)!);
  });
  writeList(writer, partition.aborted, (range) => {
    writer.uint(range.producerId);
    writer.uint(range.firstOffset);
    writer.uint(range.lastOffset - range.firstOffset);
  });
  for (const rows of [partition.blocks, partition.recent]) {
    let offset = 0;
    let seq = 0;
    writeList(writer, rows, (row) => {
      writer.uint(row.baseOffset - offset);
      writer.int(row.maxTimestamp);
      writer.uint(row.seq - seq);
      offset = row.baseOffset;
      seq = row.seq;
    });
  }
  writer.uint(partition.sealedOffset);
  writer.uint(partition.entriesOffset);
  writer.uint(partition.segmentsFrom);
  writer.uint(partition.segments);
  writer.uint(partition.sealedBytes);
  writer.uint(partition.hotBytes);
  writer.uint(partition.replacedSeq + 1);
  for (const range of partition.aborted) writer.uint(range.lastOffset + 1 - range.lastStableOffset);
}

function readSealed(reader: ByteReader, partition: PartitionView): void {
  partition.sealedOffset = reader.uint();
  partition.entriesOffset = reader.uint();
  partition.segmentsFrom = reader.uint();
  partition.segments = reader.uint();
  partition.sealedBytes = reader.uint();
  partition.hotBytes = reader.uint();
  partition.replacedSeq = reader.uint() - 1;
  partition.aborted = partition.aborted.map((range) => ({
    ...range,
    lastStableOffset: range.lastOffset + 1 - reader.uint(),
  }));
}

function readPartition(reader: ByteReader): PartitionView {
  const partition = emptyPartition(reader.uint());
  partition.logStartOffset = reader.uint();
  partition.nextOffset = reader.uint();
  partition.maxTimestamp = reader.int();
  partition.maxTimestampOffset = reader.int();
  partition.epochs = readList(reader, () => ({ epoch: reader.uint(), startOffset: reader.uint() }));
  partition.producers = new Map(readList(reader, () => [reader.uint(), readProducer(reader)]));
  partition.openTransactions = new Map(readList(reader, () => [reader.uint(), reader.uint()]));
  partition.aborted = readList(reader, () => {
    const producerId = reader.uint();
    const firstOffset = reader.uint();
    // Format 1 has no last stable offset. With 0 no search ends too early.
    return { producerId, firstOffset, lastOffset: firstOffset + reader.uint(), lastStableOffset: 0 };
  });
  const rows = () => {
    let offset = 0;
    let seq = 0;
    return readList(reader, () => {
      offset += reader.uint();
      const maxTimestamp = reader.int();
      seq += reader.uint();
      return { baseOffset: offset, maxTimestamp, seq };
    });
  };
  partition.blocks = rows();
  partition.recent = rows();
  return partition;
}
