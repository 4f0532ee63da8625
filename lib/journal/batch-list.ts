import { type ByteReader, type ByteWriter, MalformedBytesError } from '../core/bytes.ts';
import type { Offset } from '../core/offset.ts';
import { incrementSequence } from '../records/batch.ts';

/**
 * What an entry stores about one record batch: enough to decide later appends without the batch.
 */
export interface BatchMeta {
  readonly partition: number;
  /** Offset of the batch's first record. */
  readonly baseOffset: Offset;
  /** Offset of its last record less `baseOffset`. */
  readonly lastOffsetDelta: number;
  /** Largest record timestamp; for a LogAppendTime batch the append time; ms. */
  readonly maxTimestamp: number;
  /** -1 for a batch without a producer id, also in the next two fields. */
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly transactional: boolean;
  /** True for a transaction marker; only `markers` entries hold them. */
  readonly control: boolean;
  /** Position and size of the batch in the entry's payload; bytes. */
  readonly position: number;
  readonly size: number;
}

/**
 * The batches of an entry. DynamoDB charges an entry by the KB, so most batches take a few bytes: what
 * follows from the batch of the same partition before it in the list is left out.
 *
 *     packed   = count | row*
 *     row      = partition * 4 + form | ... | max timestamp | size int, less that of the row before
 *     FOLLOWS  = nothing
 *     COUNTED  = last offset delta
 *     WHOLE    = flags u8 | base offset | last offset delta
 *                | [producer id | epoch int | base sequence int] | [gap before]
 *
 * The timestamp is an int less that of the row before, unless the flags say that it is absolute.
 */
const FOLLOWS = 0;
/** As FOLLOWS, but for the number of its offsets. */
const COUNTED = 1;
const WHOLE = 2;
const FORMS = 4;

const FLAG_TRANSACTIONAL = 1;
const FLAG_CONTROL = 2;
const FLAG_PRODUCER = 4;
const FLAG_ABSOLUTE_TIMESTAMP = 8;
const FLAG_GAP = 16;

/** Timestamps further apart are written as they are; a difference could be too large for an int. */
const TIMESTAMP_STEP_MAX = 2 ** 50;

/** Upper bound for one batch in either form; bytes. */
export const BATCH_BYTES_MAX = 64;

/** What the first row is compared with. */
const BEFORE_FIRST = { maxTimestamp: 0, position: 0, size: 0 };

/** Writes the batches of a `records` entry. */
export function writePackedBatches(writer: ByteWriter, batches: readonly BatchMeta[]): void {
  writer.uint(batches.length);
  const newest = new Map<number, BatchMeta>();
  let before: Pick<BatchMeta, 'maxTimestamp' | 'position' | 'size'> = BEFORE_FIRST;
  for (const batch of batches) {
    const gap = batch.position - (before.position + before.size);
    const isFar = Math.abs(batch.maxTimestamp - before.maxTimestamp) > TIMESTAMP_STEP_MAX;
    const form = gap > 0 || isFar ? WHOLE : formAfter(newest.get(batch.partition), batch);
    writer.uint(batch.partition * FORMS + form);
    if (form === WHOLE) writeWhole(writer, batch, gap, isFar);
    else if (form === COUNTED) writer.uint(batch.lastOffsetDelta);
    writer.int(isFar ? batch.maxTimestamp : batch.maxTimestamp - before.maxTimestamp);
    writer.int(batch.size - before.size);
    newest.set(batch.partition, batch);
    before = batch;
  }
}

function writeWhole(writer: ByteWriter, batch: BatchMeta, gap: number, isFar: boolean): void {
  writer.u8(flagsOf(batch) | (isFar ? FLAG_ABSOLUTE_TIMESTAMP : 0) | (gap > 0 ? FLAG_GAP : 0));
  writer.uint(batch.baseOffset);
  writer.uint(batch.lastOffsetDelta);
  writeProducer(writer, batch);
  if (gap > 0) writer.uint(gap);
}

/** How a batch is written after `last`, the one of its partition before it in the list. */
function formAfter(last: BatchMeta | undefined, batch: BatchMeta): number {
  if (last === undefined) return WHOLE;
  const next = after(last);
  const follows =
    batch.baseOffset === next.baseOffset &&
    batch.producerId === next.producerId &&
    batch.producerEpoch === next.producerEpoch &&
    batch.baseSequence === next.baseSequence &&
    batch.transactional === next.transactional &&
    batch.control === next.control;
  if (!follows) return WHOLE;
  return batch.lastOffsetDelta === last.lastOffsetDelta ? FOLLOWS : COUNTED;
}

/** What a batch of the same producer in the same partition has after `last`. */
function after(last: BatchMeta) {
  const { baseOffset, lastOffsetDelta, baseSequence, producerId, producerEpoch, transactional, control } = last;
  return {
    baseOffset: baseOffset + lastOffsetDelta + 1,
    lastOffsetDelta,
    producerId,
    producerEpoch,
    baseSequence:
      producerId < 0 || baseSequence < 0 ? baseSequence : incrementSequence(baseSequence, lastOffsetDelta + 1),
    transactional,
    control,
  };
}

/** Reads what `writePackedBatches` wrote. Throws MalformedBytesError. */
export function readPackedBatches(reader: ByteReader): BatchMeta[] {
  const batches: BatchMeta[] = [];
  const newest = new Map<number, BatchMeta>();
  let before: Pick<BatchMeta, 'maxTimestamp' | 'position' | 'size'> = BEFORE_FIRST;
  for (let left = reader.uint(); left > 0; left--) {
    const head = reader.uint();
    const form = head % FORMS;
    const partition = (head - form) / FORMS;
    const { gap, isFar, ...fields } = readForm(reader, form, newest.get(partition));
    const maxTimestamp = reader.int() + (isFar ? 0 : before.maxTimestamp);
    const size = reader.int() + before.size;
    if (size < 0) throw new MalformedBytesError(`a batch of partition ${partition} has ${size} bytes`);
    const position = before.position + before.size + gap;
    const batch = { partition, ...fields, maxTimestamp, position, size };
    batches.push(batch);
    newest.set(partition, batch);
    before = batch;
  }
  return batches;
}

type RowFields = Omit<BatchMeta, 'partition' | 'maxTimestamp' | 'position' | 'size'>;

function readForm(
  reader: ByteReader,
  form: number,
  last: BatchMeta | undefined,
): RowFields & { readonly gap: number; readonly isFar: boolean } {
  if (form === WHOLE) {
    const flags = reader.u8();
    const fields = {
      baseOffset: reader.uint(),
      lastOffsetDelta: reader.uint(),
      ...readProducer(reader, flags),
      transactional: (flags & FLAG_TRANSACTIONAL) !== 0,
      control: (flags & FLAG_CONTROL) !== 0,
    };
    const gap = (flags & FLAG_GAP) === 0 ? 0 : reader.uint();
    return { ...fields, gap, isFar: (flags & FLAG_ABSOLUTE_TIMESTAMP) !== 0 };
  }
  if (last === undefined || (form !== FOLLOWS && form !== COUNTED)) {
    throw new MalformedBytesError(`a batch has form ${form}, and none of its partition is before it`);
  }
  const next = after(last);
  return { ...next, ...(form === COUNTED && { lastOffsetDelta: reader.uint() }), gap: 0, isFar: false };
}

/** Writes the batches of a `markers` entry; `records` entries of earlier programs have this form, too. */
export function writePlainBatches(writer: ByteWriter, batches: readonly BatchMeta[]): void {
  writer.uint(batches.length);
  let end = 0;
  for (const batch of batches) {
    writer.uint(batch.partition);
    writer.u8(flagsOf(batch));
    writer.uint(batch.baseOffset);
    writer.uint(batch.lastOffsetDelta);
    writer.int(batch.maxTimestamp);
    writeProducer(writer, batch);
    writer.uint(batch.position - end);
    writer.uint(batch.size);
    end = batch.position + batch.size;
  }
}

/** Reads what `writePlainBatches` wrote. Throws MalformedBytesError. */
export function readPlainBatches(reader: ByteReader): BatchMeta[] {
  const batches: BatchMeta[] = [];
  let end = 0;
  for (let left = reader.uint(); left > 0; left--) {
    const partition = reader.uint();
    const flags = reader.u8();
    const batch = {
      partition,
      baseOffset: reader.uint(),
      lastOffsetDelta: reader.uint(),
      maxTimestamp: reader.int(),
      ...readProducer(reader, flags),
      transactional: (flags & FLAG_TRANSACTIONAL) !== 0,
      control: (flags & FLAG_CONTROL) !== 0,
      position: end + reader.uint(),
      size: reader.uint(),
    };
    end = batch.position + batch.size;
    batches.push(batch);
  }
  return batches;
}

function flagsOf({ transactional, control, producerId }: BatchMeta): number {
  return (
    (transactional ? FLAG_TRANSACTIONAL : 0) | (control ? FLAG_CONTROL : 0) | (producerId >= 0 ? FLAG_PRODUCER : 0)
  );
}

function writeProducer(writer: ByteWriter, { producerId, producerEpoch, baseSequence }: BatchMeta): void {
  if (producerId < 0) return;
  writer.uint(producerId);
  writer.int(producerEpoch);
  writer.int(baseSequence);
}

function readProducer(reader: ByteReader, flags: number) {
  if ((flags & FLAG_PRODUCER) === 0) return { producerId: -1, producerEpoch: -1, baseSequence: -1 };
  return { producerId: reader.uint(), producerEpoch: reader.int(), baseSequence: reader.int() };
}
