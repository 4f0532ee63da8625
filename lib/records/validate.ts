import type { NextWork, Work } from '../kit/turns.ts';
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
  readBatchHeader,
  timestampType,
} from './batch.ts';
import { BatchOpening } from './batch-opening.ts';
import { Codec, codecName, isCodecId } from './compression/codec.ts';
import { CorruptRecordError } from './error.ts';
import {
  DEFAULT_TIMESTAMP_AFTER_MAX_MS,
  DEFAULT_TIMESTAMP_BEFORE_MAX_MS,
  type InvalidRecords,
  invalid,
  type ProduceRules,
  type ValidatedRecords,
} from './produce-rules.ts';
import { timestampProblem } from './record-check.ts';

/** What a producer sent for one partition, with the header of its only batch. */
export type ProducedBatch =
  | { readonly kind: 'batch'; readonly header: BatchHeader; readonly batch: Buffer }
  | InvalidRecords;

/** A batch that takes longer to open than the share of work allowed. */
export interface UnfinishedRecords {
  readonly kind: 'unfinished';
  /** Continues with the shares from `next`; undefined if that gave up. */
  readonly finish: (next: NextWork) => Promise<ValidatedRecords | undefined>;
  /** Frees the decoded bytes, for a wait before `finish`, which then begins again. */
  readonly release: () => void;
}

/**
 * Checks a batch against the rules of its topic. Opens it as Kafka's LogValidator does, with its
 * values skipped, as far as `work` allows at once. The order and the errors are those of Kafka's
 * UnifiedLog (analyzeAndValidateRecords) and LogValidator. Where it differs:
 *
 * - Data that cannot be unpacked, and wrong offset deltas in a batch that stays compressed, are
 *   INVALID_RECORD with a reason. Kafka fails there with UNKNOWN_SERVER_ERROR; clients give up on
 *   the batch after either.
 * - Wrong offset deltas in a batch that is stored uncompressed are corrected, as Kafka does when it
 *   changes the compression. Otherwise Kafka keeps them, and a consumer skips the records whose
 *   offsets are too low.
 * - A record's size must agree with its fields in compressed batches too. Kafka accepts the batch,
 *   and no consumer can read it.
 * - A fragment behind the batch is refused, not cut off. LogAppendTime, a delete horizon, and a
 *   transactional batch without a producer id are refused, too.
 */
export function validateProduceRecords(
  produced: ProducedBatch,
  rules: ProduceRules,
  work: Work = { left: Number.POSITIVE_INFINITY },
): ValidatedRecords | UnfinishedRecords {
  if (produced.kind === 'invalid') return produced;
  const { header, batch } = produced;
  return checkHeader(header, batch, rules) ?? checkRecords(header, batch, rules, work);
}

/**
 * Reads the header of the only batch in one partition's `records` of a Produce request: one batch
 * of magic 2 that is whole, with nothing behind it. On the way to the journal the header is read
 * only here. The errors are those of Kafka's ProduceRequest.validateRecords.
 */
export function readProducedBatch(records: Buffer | null): ProducedBatch {
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
  return { kind: 'batch', header, batch: records };
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
  if (code === Codec.zstd && !rules.allowsZstd) {
    return invalid('UNSUPPORTED_COMPRESSION_TYPE', `the producer is too old for ${codecName(code)}`);
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

function mustLookInside(header: BatchHeader, rules: ProduceRules): boolean {
  const codec = compressionCodec(header.attributes);
  if (rules.validation === 'full' || codec === Codec.none || rules.requireKeys) return true;
  if (rules.codec !== undefined && rules.codec !== codec) return true;
  if (rules.timestampType === 'LogAppendTime') return false;
  return (
    rules.timestampBeforeMaxMs < DEFAULT_TIMESTAMP_BEFORE_MAX_MS ||
    rules.timestampAfterMaxMs !== DEFAULT_TIMESTAMP_AFTER_MAX_MS
  );
}

function checkRecords(
  header: BatchHeader,
  batch: Buffer,
  rules: ProduceRules,
  work: Work,
): ValidatedRecords | UnfinishedRecords {
  if (!mustLookInside(header, rules)) {
    const problem = timestampProblem(header.maxTimestamp, rules);
    return problem === undefined ? { kind: 'valid', header, batch } : invalid('INVALID_TIMESTAMP', problem);
  }
  try {
    const opening = new BatchOpening(header, batch, rules);
    if (opening.atOnce(work)) return opening.result();
    let begun: BatchOpening | undefined = opening;
    return {
      kind: 'unfinished',
      finish: (next) => finish(begun ?? new BatchOpening(header, batch, rules), next),
      release: () => {
        begun = undefined;
      },
    };
  } catch (error) {
    return invalidIfCorrupt(error);
  }
}

async function finish(opening: BatchOpening, next: NextWork): Promise<ValidatedRecords | undefined> {
  try {
    return (await opening.rest(next)) ? await opening.resultOfLarge(next) : undefined;
  } catch (error) {
    return invalidIfCorrupt(error);
  }
}

function invalidIfCorrupt(error: unknown): InvalidRecords {
  // The CRC was correct, so these are the producer's bytes: sending them again cannot help.
  if (error instanceof CorruptRecordError) return invalid('INVALID_RECORD', error.message);
  throw error;
}
