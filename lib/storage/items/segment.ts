import { assert } from '../../core/assert.ts';
import { ByteReader, ByteWriter, MalformedBytesError } from '../../core/bytes.ts';
import type { Offset } from '../../core/offset.ts';
import type { Uuid } from '../../core/uuid.ts';
import type { StoreTime } from '../ports.ts';
import type { JournalId } from './journal-entry.ts';
import { readPart, type SegmentPart, writePart } from './segment-part.ts';

/** The first offset of a leader epoch. */
export interface EpochStart {
  readonly epoch: number;
  readonly startOffset: Offset;
}

interface SegmentFields extends SegmentPart {
  /** Key of the object that holds the segment. */
  readonly key: string;
  readonly journal: JournalId;
  /** Slot of the entry that names the segment; the item's version. Not in the body. */
  readonly seq: number;
  /** Time of that entry. */
  readonly namedAt: StoreTime;
  /**
   * Largest `maxTimestamp` of this segment and of all before it, ms; never less than that of the
   * segment before. A later compaction may remove the record that has it.
   */
  readonly maxTimestampSoFar: number;
  /** Leader epochs of the segment's offsets, ascending. The first may start before `baseOffset`. */
  readonly epochs: readonly EpochStart[];
  /** When compaction wrote the segment; absent if it did not. */
  readonly cleanedAt?: StoreTime;
  /**
   * When the last of the segment's tombstones (records without a value) and transaction markers may
   * be removed; absent if compaction found none.
   */
  readonly deleteHorizon?: StoreTime;
  /**
   * Every aborted transaction with records below this offset has its marker in this segment or in an
   * earlier one (rule R11). Absent if that is not known, as in the items of earlier programs.
   */
  readonly abortsKnownTo?: Offset;
}

/** A segment that holds the records of its offsets. */
export interface LiveSegment extends SegmentFields {
  readonly state: 'live';
}

/**
 * Another item covers the offsets. The item stays for a while, so that a delayed put of the old
 * segment cannot bring it back (rule R9), and so that its object is known to be in use.
 */
export interface ReplacedSegment extends SegmentFields {
  readonly state: 'replaced';
  /** Time of the entry that replaced the segment. `seq` is the slot of that entry. */
  readonly replacedAt: StoreTime;
  /** Base offset of the segment that covered `baseOffset` then. At most `baseOffset`. */
  readonly replacedBy: Offset;
}

export type StoredSegment = LiveSegment | ReplacedSegment;

/** All segments of a partition share a partition key; the sort key is the base offset. */
export function segmentPk(topicId: Uuid, partition: number): string {
  return `segments/${topicId}/${partition}`;
}

/** Wide enough for any offset, so that keys sort as offsets do. */
const OFFSET_DIGITS = 16;

export function segmentSk(baseOffset: Offset): string {
  assert(Number.isSafeInteger(baseOffset) && baseOffset >= 0, `not an offset: ${baseOffset}`);
  return String(baseOffset).padStart(OFFSET_DIGITS, '0');
}

const FORMAT = 1;
const FLAG_REPLACED = 1;
const FLAG_CLEANED = 2;
const FLAG_DELETE_HORIZON = 4;
const FLAG_ABORTS_KNOWN = 8;
const FLAGS = FLAG_REPLACED | FLAG_CLEANED | FLAG_DELETE_HORIZON | FLAG_ABORTS_KNOWN;

/** An item without its key and epochs is shorter; bytes. */
const BYTES_MAX = 192;

/** The body of a segment's item. Its version is `segment.seq`. */
export function encodeSegment(segment: StoredSegment): Buffer {
  const { key, journal, epochs, cleanedAt, deleteHorizon, abortsKnownTo } = segment;
  const writer = new ByteWriter(BYTES_MAX + key.length + journal.length + epochs.length * 16);
  writer.u8(FORMAT);
  writer.u8(
    (segment.state === 'replaced' ? FLAG_REPLACED : 0) |
      (cleanedAt !== undefined ? FLAG_CLEANED : 0) |
      (deleteHorizon !== undefined ? FLAG_DELETE_HORIZON : 0) |
      (abortsKnownTo !== undefined ? FLAG_ABORTS_KNOWN : 0),
  );
  writePart(writer, segment);
  writer.string(key);
  writer.string(journal);
  writer.uint(segment.namedAt);
  writer.int(segment.maxTimestampSoFar);
  writer.uint(epochs.length);
  for (const { epoch, startOffset } of epochs) {
    writer.uint(epoch);
    writer.uint(startOffset);
  }
  if (segment.state === 'replaced') {
    writer.uint(segment.replacedAt);
    writer.uint(segment.replacedBy);
  }
  if (cleanedAt !== undefined) writer.uint(cleanedAt);
  if (deleteHorizon !== undefined) writer.uint(deleteHorizon);
  if (abortsKnownTo !== undefined) writer.uint(segment.nextOffset - abortsKnownTo);
  return writer.finish();
}

/**
 * Decodes the body of an item with that version. Throws MalformedBytesError, also for an unknown
 * format.
 */
export function decodeSegment(version: number, body: Buffer): StoredSegment {
  const reader = new ByteReader(body);
  const format = reader.u8();
  const flags = reader.u8();
  if (format !== FORMAT || (flags & ~FLAGS) !== 0) {
    throw new MalformedBytesError(`segment item ${format}/${flags} is unknown to this program`);
  }
  const fields = { ...readFields(reader), seq: version };
  const replaced = (flags & FLAG_REPLACED) !== 0 && { replacedAt: reader.uint(), replacedBy: reader.uint() };
  const cleaned = {
    ...((flags & FLAG_CLEANED) !== 0 && { cleanedAt: reader.uint() }),
    ...((flags & FLAG_DELETE_HORIZON) !== 0 && { deleteHorizon: reader.uint() }),
    ...((flags & FLAG_ABORTS_KNOWN) !== 0 && { abortsKnownTo: readAbortsKnownTo(reader, fields.nextOffset) }),
  };
  if (reader.remaining > 0) throw new MalformedBytesError('the item of a segment is too long');
  if (replaced) return { state: 'replaced', ...fields, ...replaced, ...cleaned };
  return { state: 'live', ...fields, ...cleaned };
}

/** Throws MalformedBytesError. */
function readAbortsKnownTo(reader: ByteReader, nextOffset: Offset): Offset {
  const offset = nextOffset - reader.uint();
  if (offset < 0) throw new MalformedBytesError(`a segment cannot know the aborted transactions up to ${offset}`);
  return offset;
}

function readFields(reader: ByteReader): Omit<SegmentFields, 'seq'> {
  const part = readPart(reader);
  if (part.nextOffset === part.baseOffset) throw new MalformedBytesError('a segment stands for one offset at least');
  const named = {
    key: reader.string(),
    journal: reader.string(),
    namedAt: reader.uint(),
    maxTimestampSoFar: reader.int(),
  };
  const epochs: EpochStart[] = [];
  for (let left = reader.uint(); left > 0; left--) epochs.push({ epoch: reader.uint(), startOffset: reader.uint() });
  return { ...part, ...named, epochs };
}
