import { ByteReader, ByteWriter, MalformedBytesError } from '../core/bytes.ts';
import type { Offset } from '../core/offset.ts';
import {
  BATCH_BYTES_MAX,
  type BatchMeta,
  readPackedBatches,
  readPlainBatches,
  writePackedBatches,
  writePlainBatches,
} from './batch-list.ts';
import { type ImportEntry, readImported, writeImported } from './import-entry.ts';
import { readParts, type SegmentPart, writeParts } from './segment-part.ts';

export type { BatchMeta } from './batch-list.ts';

/** First byte of every entry. An older program refuses a format that it does not know (rule R9). */
export const ENTRY_FORMAT = 1;

/**
 * The bytes of an entry's batches: inline, or a range of a WAL object with the batches in the order
 * of `batches`.
 */
export type Payload =
  | { readonly kind: 'inline'; readonly bytes: Buffer }
  | { readonly kind: 'wal'; readonly key: string; readonly start: number; readonly length: number };

interface EntryHead {
  /**
   * Store time in ms since the Unix epoch. Never less than that of the previous entry (rule R8).
   */
  readonly time: number;
}

export interface RecordsEntry extends EntryHead {
  readonly kind: 'records';
  readonly batches: readonly BatchMeta[];
  readonly payload: Payload;
}

/** The end of a transaction in this journal: one control batch for each partition listed. */
export interface MarkersEntry extends EntryHead {
  readonly kind: 'markers';
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly commit: boolean;
  readonly batches: readonly BatchMeta[];
  readonly payload: Payload;
}

/**
 * A new leader epoch. Slot 0 of every journal is one, with epoch 0; only topic creation writes it
 * (rule R1).
 */
export interface LeaderChangeEntry extends EntryHead {
  readonly kind: 'leaderChange';
  readonly leaderEpoch: number;
  readonly leader: number;
}

/** Raises log start offsets. Readers cannot read below them. */
export interface LogStartEntry extends EntryHead {
  readonly kind: 'logStart';
  readonly starts: readonly LogStart[];
}

export interface LogStart {
  readonly partition: number;
  readonly offset: Offset;
  /**
   * Present if segments lie wholly below `offset`: the first offset whose segment still counts. The
   * view stops counting `segments` segments with `bytes` bytes of batches below it.
   */
  readonly segmentsFrom?: Offset;
  readonly segments?: number;
  readonly bytes?: number;
}

/**
 * The batches of the slots [fromSeq, toSeq] are in the segment set `key`. The segment items of the
 * seal before this one were read back before this one was written.
 */
export interface SealEntry extends EntryHead {
  readonly kind: 'seal';
  readonly fromSeq: number;
  readonly toSeq: number;
  /** The time of the entry in slot `toSeq`. */
  readonly toTime: number;
  /** The object that holds the segment set; empty if these slots have no batches. */
  readonly key: string;
  /** One for each partition with batches in these slots, by partition, ascending. */
  readonly parts: readonly SegmentPart[];
  /** Bytes of the batches in these slots that the parts leave out: they are below the log start. */
  readonly leftOut?: readonly PartitionBytes[];
}

export interface PartitionBytes {
  readonly partition: number;
  readonly bytes: number;
}

/** What a compaction says of its new segments. */
export interface CleanedSegments {
  /** Store time at the beginning of the pass; ms. */
  readonly cleanedAt: number;
  /** The new segments that begin below it are clean. */
  readonly cleanTo: Offset;
  /** When the last of their tombstones and markers may be removed, ms; absent if they have none. */
  readonly deleteHorizon?: number;
}

/** New segments of one partition take the place of old ones (merge, compaction). */
export interface ReplaceEntry extends EntryHead {
  readonly kind: 'replace';
  readonly partition: number;
  /** The offsets [baseOffset, nextOffset), which the old and the new segments cover. */
  readonly baseOffset: Offset;
  readonly nextOffset: Offset;
  /** The object that holds the new segments. */
  readonly key: string;
  /** The new segments, ascending; together they cover the offsets above without a gap. */
  readonly parts: readonly SegmentPart[];
  /** Number of the old segments, and the bytes of their batches. */
  readonly removedSegments: number;
  readonly removedBytes: number;
  /** Absent for a merge. */
  readonly cleaned?: CleanedSegments;
}

/** The last entry of a journal whose topic was deleted. */
export interface CloseEntry extends EntryHead {
  readonly kind: 'close';
}

export type Entry =
  | RecordsEntry
  | MarkersEntry
  | LeaderChangeEntry
  | LogStartEntry
  | SealEntry
  | ReplaceEntry
  | ImportEntry
  | CloseEntry;

const KIND_CODES = {
  records: 1,
  markers: 2,
  leaderChange: 3,
  logStart: 4,
  seal: 5,
  close: 6,
  replace: 7,
  import: 11,
} as const;
/** A `logStart` entry that counts segments. Without counts it has the older code. */
const LOG_START_COUNTED = 8;
/** A `replace` entry of a compaction. That of a merge, and of earlier programs, has the older code. */
const REPLACE_CLEANED = 9;
/** A `records` entry with a packed list of batches. Those of earlier programs have the older code. */
const RECORDS_PACKED = 10;
const PAYLOAD_INLINE = 0;
const PAYLOAD_WAL = 1;

/**
 * Upper bound for an entry without its batches. With BATCH_BYTES_MAX for each batch the writer's buffer
 * never has to grow; bytes.
 */
const HEAD_BYTES_MAX = 128;

/** Encodes an entry as the body of an item. */
export function encodeEntry(entry: Entry): Buffer {
  const writer = new ByteWriter(
    entry.kind === 'records'
      ? HEAD_BYTES_MAX + entry.batches.length * BATCH_BYTES_MAX + payloadSize(entry.payload)
      : HEAD_BYTES_MAX,
  );
  writer.u8(ENTRY_FORMAT);
  writer.u8(kindCode(entry));
  writer.uint(entry.time);
  switch (entry.kind) {
    case 'records':
      writePackedBatches(writer, entry.batches);
      writePayload(writer, entry.payload);
      break;
    case 'markers':
      writer.uint(entry.producerId);
      writer.uint(entry.producerEpoch);
      writer.u8(entry.commit ? 1 : 0);
      writePlainBatches(writer, entry.batches);
      writePayload(writer, entry.payload);
      break;
    case 'leaderChange':
      writer.uint(entry.leaderEpoch);
      writer.uint(entry.leader);
      break;
    case 'logStart':
      writeStarts(writer, entry);
      break;
    case 'seal':
      writeSealed(writer, entry);
      writeLeftOut(writer, entry.leftOut ?? []);
      break;
    case 'import':
      writeSealed(writer, entry);
      writeImported(writer, entry.partitions);
      break;
    case 'replace':
      writer.uint(entry.partition);
      writer.uint(entry.baseOffset);
      writer.uint(entry.nextOffset);
      writer.string(entry.key);
      writer.uint(entry.removedSegments);
      writer.uint(entry.removedBytes);
      writeParts(writer, entry.parts);
      if (entry.cleaned !== undefined) writeCleaned(writer, entry.cleaned);
      break;
    case 'close':
      break;
  }
  return writer.finish();
}

/**
 * Decodes an entry. Inline bytes are a view of `body`. Throws MalformedBytesError, also for an
 * unknown kind.
 */
export function decodeEntry(body: Buffer): Entry {
  const reader = new ByteReader(body);
  const format = reader.u8();
  if (format !== ENTRY_FORMAT) throw new MalformedBytesError(`entry format ${format} is newer than this program`);
  const kind = reader.u8();
  const time = reader.uint();
  switch (kind) {
    case KIND_CODES.records:
    case RECORDS_PACKED:
      return { kind: 'records', time, ...readBatches(reader, kind === RECORDS_PACKED) };
    case KIND_CODES.markers: {
      const producerId = reader.uint();
      const producerEpoch = reader.uint();
      const commit = reader.u8() === 1;
      return { kind: 'markers', time, producerId, producerEpoch, commit, ...readBatches(reader, false) };
    }
    case KIND_CODES.leaderChange:
      return { kind: 'leaderChange', time, leaderEpoch: reader.uint(), leader: reader.uint() };
    case KIND_CODES.logStart:
    case LOG_START_COUNTED:
      return { kind: 'logStart', time, starts: readStarts(reader, kind === LOG_START_COUNTED) };
    case KIND_CODES.seal:
      return { kind: 'seal', time, ...readSealed(reader), ...readLeftOut(reader) };
    case KIND_CODES.import:
      return { kind: 'import', time, ...readSealed(reader), partitions: readImported(reader) };
    case KIND_CODES.replace:
    case REPLACE_CLEANED:
      return {
        kind: 'replace',
        time,
        partition: reader.uint(),
        baseOffset: reader.uint(),
        nextOffset: reader.uint(),
        key: reader.string(),
        removedSegments: reader.uint(),
        removedBytes: reader.uint(),
        parts: readParts(reader),
        ...(kind === REPLACE_CLEANED && { cleaned: readCleaned(reader) }),
      };
    case KIND_CODES.close:
      return { kind: 'close', time };
    default:
      throw new MalformedBytesError(`entry kind ${kind} is unknown to this program`);
  }
}

function kindCode(entry: Entry): number {
  if (entry.kind === 'records') return RECORDS_PACKED;
  if (entry.kind === 'logStart' && entry.starts.some(countsSegments)) return LOG_START_COUNTED;
  if (entry.kind === 'replace' && entry.cleaned !== undefined) return REPLACE_CLEANED;
  return KIND_CODES[entry.kind];
}

function countsSegments(start: LogStart): boolean {
  return start.segmentsFrom !== undefined;
}

function writeStarts(writer: ByteWriter, { starts }: LogStartEntry): void {
  const counted = starts.some(countsSegments);
  writer.uint(starts.length);
  for (const start of starts) {
    writer.uint(start.partition);
    writer.uint(start.offset);
    if (counted) writer.u8(countsSegments(start) ? 1 : 0);
    if (start.segmentsFrom === undefined) continue;
    writer.uint(start.segmentsFrom);
    writer.uint(start.segments ?? 0);
    writer.uint(start.bytes ?? 0);
  }
}

function readStarts(reader: ByteReader, counted: boolean): LogStart[] {
  const starts: LogStart[] = [];
  for (let left = reader.uint(); left > 0; left--) {
    const start = { partition: reader.uint(), offset: reader.uint() };
    if (!counted || reader.u8() === 0) starts.push(start);
    else starts.push({ ...start, segmentsFrom: reader.uint(), segments: reader.uint(), bytes: reader.uint() });
  }
  return starts;
}

function writeCleaned(writer: ByteWriter, { cleanedAt, cleanTo, deleteHorizon }: CleanedSegments): void {
  writer.uint(cleanedAt);
  writer.uint(cleanTo);
  writer.u8(deleteHorizon === undefined ? 0 : 1);
  if (deleteHorizon !== undefined) writer.uint(deleteHorizon);
}

function readCleaned(reader: ByteReader): CleanedSegments {
  const cleaned = { cleanedAt: reader.uint(), cleanTo: reader.uint() };
  return reader.u8() === 0 ? cleaned : { ...cleaned, deleteHorizon: reader.uint() };
}

type Sealed = Pick<SealEntry, 'fromSeq' | 'toSeq' | 'toTime' | 'key' | 'parts'>;

function writeSealed(writer: ByteWriter, { fromSeq, toSeq, toTime, key, parts }: Sealed): void {
  writer.uint(fromSeq);
  writer.uint(toSeq);
  writer.uint(toTime);
  writer.string(key);
  writeParts(writer, parts);
}

function readSealed(reader: ByteReader): Sealed {
  return {
    fromSeq: reader.uint(),
    toSeq: reader.uint(),
    toTime: reader.uint(),
    key: reader.string(),
    parts: readParts(reader),
  };
}

function writeLeftOut(writer: ByteWriter, leftOut: readonly PartitionBytes[]): void {
  writer.uint(leftOut.length);
  for (const { partition, bytes } of leftOut) {
    writer.uint(partition);
    writer.uint(bytes);
  }
}

function readLeftOut(reader: ByteReader): { leftOut?: PartitionBytes[] } {
  const leftOut: PartitionBytes[] = [];
  for (let left = reader.uint(); left > 0; left--) leftOut.push({ partition: reader.uint(), bytes: reader.uint() });
  return leftOut.length === 0 ? {} : { leftOut };
}

function payloadSize(payload: Payload): number {
  return payload.kind === 'inline' ? payload.bytes.length : payload.key.length;
}

function writePayload(writer: ByteWriter, payload: Payload): void {
  if (payload.kind === 'inline') {
    writer.u8(PAYLOAD_INLINE);
    writer.bytes(payload.bytes);
  } else {
    writer.u8(PAYLOAD_WAL);
    writer.string(payload.key);
    writer.uint(payload.start);
    writer.uint(payload.length);
  }
}

function readBatches(reader: ByteReader, isPacked: boolean): { batches: BatchMeta[]; payload: Payload } {
  const batches = isPacked ? readPackedBatches(reader) : readPlainBatches(reader);
  const payload = readPayload(reader);
  const last = batches.at(-1);
  const end = last === undefined ? 0 : last.position + last.size;
  const length = payload.kind === 'inline' ? payload.bytes.length : payload.length;
  if (end > length) throw new MalformedBytesError(`batches end at ${end}, their payload at ${length}`);
  return { batches, payload };
}

function readPayload(reader: ByteReader): Payload {
  const place = reader.u8();
  if (place === PAYLOAD_INLINE) return { kind: 'inline', bytes: reader.bytes() };
  if (place !== PAYLOAD_WAL) throw new MalformedBytesError(`payload kind ${place} is unknown to this program`);
  const key = reader.string();
  return { kind: 'wal', key, start: reader.uint(), length: reader.uint() };
}
