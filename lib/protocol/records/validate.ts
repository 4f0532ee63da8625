import { Codec, codecName, isCodecId } from '../compression/codec.ts';
import {
  BATCH_OVERHEAD_BYTES,
  BatchField,
  type BatchHeader,
  compressionCodec,
  computeCrc,
  hasDeleteHorizon,
  hasProducerId,
  isControl,
  isTransactional,
  MAGIC_V2,
  NO_TIMESTAMP,
  readBatchHeader,
  type TimestampType,
  timestampType,
  withMaxTimestamp,
} from './batch.ts';
import { CorruptRecordError } from './error.ts';
import { openBatch } from './record.ts';

/** What the topic and the request demand of a batch. */
export interface ProduceRules {
  /** Of the Produce request. */
  readonly apiVersion: number;
  /** `max.message.bytes`: the largest batch as it came, compressed or not. */
  readonly maxMessageBytes: number;
  /** The topic is compacted, so that every record needs a key. */
  readonly requireKeys: boolean;
  /** The topic's `message.timestamp.type`. */
  readonly timestampType: TimestampType;
  /** `message.timestamp.before.max.ms`; anything from DEFAULT_TIMESTAMP_BEFORE_MAX_MS on is no limit. */
  readonly timestampBeforeMaxMs: number;
  /** `message.timestamp.after.max.ms`. */
  readonly timestampAfterMaxMs: number;
  /** Ms since the Unix epoch. NaN while the time is not known yet: then no timestamp is out of range. */
  readonly now: number;
}

/** Kafka's is the largest 64-bit number, which saturates to this. */
export const DEFAULT_TIMESTAMP_BEFORE_MAX_MS = Number.MAX_SAFE_INTEGER;

/** One hour, Kafka's default since 4.0 (KIP-1030). */
export const DEFAULT_TIMESTAMP_AFTER_MAX_MS = 3_600_000;

/** zstd came with this version (KIP-110); whoever speaks an older one could not read it back. */
const FIRST_VERSION_WITH_ZSTD = 7;

/** How many refused records an answer names: enough to see what is wrong, too few to make a large answer. */
export const MAX_RECORD_ERRORS = 100;

/** Names of Kafka's errors. */
export type InvalidRecordsReason =
  | 'INVALID_RECORD'
  | 'CORRUPT_MESSAGE'
  | 'UNSUPPORTED_COMPRESSION_TYPE'
  | 'MESSAGE_TOO_LARGE'
  | 'INVALID_TIMESTAMP';

export interface RecordError {
  /** The record's place in the batch, from 0. */
  readonly batchIndex: number;
  readonly message: string;
}

export interface InvalidRecords {
  readonly kind: 'invalid';
  readonly reason: InvalidRecordsReason;
  readonly message: string;
  /** The single records at fault, MAX_RECORD_ERRORS at most; empty when the batch as such is. */
  readonly recordErrors: readonly RecordError[];
}

export type ValidatedRecords =
  | {
      readonly kind: 'valid';
      readonly header: BatchHeader;
      /** What came, or a corrected copy of it. */
      readonly batch: Buffer;
    }
  | InvalidRecords;

/**
 * Checks one partition's `records` of a Produce request, version 3 or later: exactly one batch of magic 2 that is whole
 * and keeps the rules. The order and the errors are those of Kafka's ProduceRequest.validateRecords, UnifiedLog
 * (analyzeAndValidateRecords) and LogValidator, with these differences:
 *
 * - Records are looked at one by one if the batch is not compressed, which costs little beside the CRC. Inside a
 *   compressed batch they are only if a rule cannot be decided otherwise: keys are required, or the limits of timestamps
 *   are not the default ones. With the default limits the header's `maxTimestamp` decides. Everything else that Kafka
 *   finds by decompressing harms only those who read what this producer wrote, and costs far more than all the rest.
 * - A `maxTimestamp` that is not the records' own is corrected, as in Kafka, where the records are looked at.
 * - Offset deltas must run 0, 1, 2 where the records are looked at, a fragment behind the batch is refused rather than cut
 *   off, and so are LogAppendTime, a delete horizon, and a transactional batch without a producer id.
 */
export function validateProduceRecords(records: Buffer | null, rules: ProduceRules): ValidatedRecords {
  const read = readOnlyBatch(records);
  if (read.kind === 'invalid') return read;
  const { header, batch } = read;
  return checkHeader(header, batch, rules) ?? checkRecords(header, batch, rules);
}

function invalid(
  reason: InvalidRecordsReason,
  message: string,
  recordErrors: readonly RecordError[] = [],
): InvalidRecords {
  return { kind: 'invalid', reason, message, recordErrors };
}

function readOnlyBatch(records: Buffer | null): ValidatedRecords {
  if (records === null || records.length <= BatchField.magic) {
    return invalid('INVALID_RECORD', 'the request has no record batch for this partition');
  }
  const magic = records.readInt8(BatchField.magic);
  if (magic < 0 || magic > MAGIC_V2)
    return invalid('CORRUPT_MESSAGE', `the record batch has the unknown magic ${magic}`);
  if (magic < MAGIC_V2) {
    return invalid('INVALID_RECORD', `record batches must have magic ${MAGIC_V2}, and this one has ${magic}`);
  }
  if (records.length < BATCH_OVERHEAD_BYTES) return invalid('INVALID_RECORD', 'the record batch is cut off');
  let header: BatchHeader;
  try {
    header = readBatchHeader(records);
  } catch (error) {
    if (error instanceof CorruptRecordError) return invalid('CORRUPT_MESSAGE', error.message);
    throw error;
  }
  if (header.sizeInBytes > records.length) return invalid('INVALID_RECORD', 'the record batch is cut off');
  if (header.sizeInBytes < records.length) {
    return invalid('INVALID_RECORD', 'the request must have exactly one record batch for a partition');
  }
  return { kind: 'valid', header, batch: records };
}

function checkHeader(header: BatchHeader, batch: Buffer, rules: ProduceRules): InvalidRecords | undefined {
  const { attributes, baseOffset, lastOffsetDelta, recordCount, sizeInBytes } = header;
  if (baseOffset !== 0) return invalid('INVALID_RECORD', `the base offset must be 0, not ${baseOffset}`);
  if (sizeInBytes > rules.maxMessageBytes) {
    const message = `the record batch has ${sizeInBytes} bytes, more than the ${rules.maxMessageBytes} allowed`;
    return invalid('MESSAGE_TOO_LARGE', message);
  }
  const crc = computeCrc(batch);
  if (crc !== header.crc) {
    return invalid('CORRUPT_MESSAGE', `the record batch has the CRC ${crc}, but claims ${header.crc}`);
  }
  const code = compressionCodec(attributes);
  if (!isCodecId(code)) {
    return invalid('UNSUPPORTED_COMPRESSION_TYPE', `the compression code ${code} has no meaning`);
  }
  if (code === Codec.zstd && rules.apiVersion < FIRST_VERSION_WITH_ZSTD) {
    const message = `${codecName(code)} needs Produce version ${FIRST_VERSION_WITH_ZSTD} or later`;
    return invalid('UNSUPPORTED_COMPRESSION_TYPE', message);
  }
  if (lastOffsetDelta < 0 || recordCount <= 0 || lastOffsetDelta + 1 !== recordCount) {
    const message = `the record batch counts ${recordCount} records, and its last offset delta is ${lastOffsetDelta}`;
    return invalid('INVALID_RECORD', message);
  }
  if (isControl(attributes)) return invalid('INVALID_RECORD', 'clients may not write control records');
  if (hasDeleteHorizon(attributes)) return invalid('INVALID_RECORD', 'clients may not set a delete horizon');
  if (hasProducerId(header) && (header.baseSequence < 0 || header.producerEpoch < 0)) {
    const { baseSequence, producerEpoch, producerId } = header;
    const message = `sequence ${baseSequence} and epoch ${producerEpoch} do not go with producer id ${producerId}`;
    return invalid('INVALID_RECORD', message);
  }
  if (isTransactional(attributes) && !hasProducerId(header)) {
    return invalid('INVALID_RECORD', 'a transactional record batch needs a producer id');
  }
  if (timestampType(attributes) === 'LogAppendTime') {
    return invalid('INVALID_TIMESTAMP', 'clients may not set the timestamp type LogAppendTime');
  }
  return undefined;
}

/** Tells why a timestamp cannot be, or undefined if it can. */
function timestampProblem(timestamp: number, rules: ProduceRules): string | undefined {
  if (rules.timestampType === 'LogAppendTime' || timestamp === NO_TIMESTAMP) return undefined;
  const age = rules.now - timestamp;
  if (!(age > rules.timestampBeforeMaxMs || -age > rules.timestampAfterMaxMs)) return undefined;
  const earliest = rules.now - rules.timestampBeforeMaxMs;
  return `timestamp ${timestamp} is not within [${earliest}, ${rules.now + rules.timestampAfterMaxMs}]`;
}

function mustLookInside(header: BatchHeader, rules: ProduceRules): boolean {
  if (compressionCodec(header.attributes) === Codec.none || rules.requireKeys) return true;
  if (rules.timestampType === 'LogAppendTime') return false;
  return (
    rules.timestampBeforeMaxMs < DEFAULT_TIMESTAMP_BEFORE_MAX_MS ||
    rules.timestampAfterMaxMs !== DEFAULT_TIMESTAMP_AFTER_MAX_MS
  );
}

function checkRecords(header: BatchHeader, batch: Buffer, rules: ProduceRules): ValidatedRecords {
  if (!mustLookInside(header, rules)) {
    const problem = timestampProblem(header.maxTimestamp, rules);
    return problem === undefined ? { kind: 'valid', header, batch } : invalid('INVALID_TIMESTAMP', problem);
  }
  try {
    return checkEachRecord(header, batch, rules);
  } catch (error) {
    // The CRC was right, so these bytes are what the producer meant: sending them again cannot help.
    if (error instanceof CorruptRecordError) return invalid('INVALID_RECORD', error.message);
    throw error;
  }
}

function checkEachRecord(header: BatchHeader, batch: Buffer, rules: ProduceRules): ValidatedRecords {
  const recordErrors: RecordError[] = [];
  let reason: InvalidRecordsReason = 'INVALID_RECORD';
  let maxTimestamp = NO_TIMESTAMP;
  const cursor = openBatch(batch, header);
  while (cursor.next()) {
    const batchIndex = cursor.passed - 1;
    if (cursor.offsetDelta !== batchIndex) {
      throw new CorruptRecordError(`record ${batchIndex} has the offset delta ${cursor.offsetDelta}`);
    }
    if (cursor.timestamp > maxTimestamp) maxTimestamp = cursor.timestamp;
    const keyMissing = rules.requireKeys && cursor.keyLength < 0;
    const problem = keyMissing ? 'a compacted topic needs a key' : timestampProblem(cursor.timestamp, rules);
    if (problem === undefined) continue;
    if (!keyMissing) reason = 'INVALID_TIMESTAMP';
    if (recordErrors.length < MAX_RECORD_ERRORS) recordErrors.push({ batchIndex, message: problem });
  }
  if (recordErrors.length > 0) {
    return invalid(reason, `one or more records have been rejected: ${recordErrors[0]!.message}`, recordErrors);
  }
  if (maxTimestamp === header.maxTimestamp) return { kind: 'valid', header, batch };
  const corrected = withMaxTimestamp(batch, maxTimestamp);
  return { kind: 'valid', header: readBatchHeader(corrected), batch: corrected };
}
