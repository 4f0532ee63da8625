import type { Failure } from '../core/errors.ts';
import type { Offset } from '../core/offset.ts';
import type { CompressionType, EffectiveTopicConfig } from '../core/topic-config.ts';
import type { BatchToAppend } from '../journal/decide-append.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { CompressionError, canCompress, codecByName } from '../protocol/compression/codec.ts';
import { type BatchHeader, isTransactional, withLogAppendTime } from '../protocol/records/batch.ts';
import { CorruptRecordError } from '../protocol/records/error.ts';
import { withCodec } from '../protocol/records/recompress.ts';
import { type RecordError, type ValidatedRecords, validateProduceRecords } from '../protocol/records/validate.ts';
import { StoreUnavailableError } from '../storage/ports.ts';

/** One partition's part of a Produce request, on its open journal. */
export interface PartitionToProduce {
  readonly open: OpenJournal;
  readonly partition: number;
  readonly config: EffectiveTopicConfig;
  readonly records: Buffer | null;
  readonly apiVersion: number;
  /** By Clock.monotonic(); ms. */
  readonly deadline: number;
  /** A transaction coordinator has vouched for the producer's open transaction (rule R14). */
  readonly transactionVerified: boolean;
  /** See BatchToAppend. */
  readonly leaderEpoch?: number | undefined;
  /** See BatchToAppend. */
  readonly isBehindFailure?: (() => boolean) | undefined;
}

export type ProduceResult =
  | {
      readonly kind: 'appended';
      readonly baseOffset: Offset;
      readonly logStartOffset: Offset;
      /** -1 unless the topic is of LogAppendTime; ms. */
      readonly logAppendTime: number;
    }
  | ({ readonly kind: 'rejected'; readonly recordErrors?: readonly RecordError[] } & Failure);

/**
 * Validates the records and appends them. The place in the journal's order is taken before this returns, unless a timestamp
 * looks wrong; the promise resolves when the batch is durable, or refused. Errors are those of Kafka's ReplicaManager.appendRecords.
 */
export function produce(request: PartitionToProduce): Promise<ProduceResult> {
  const checked = check(request);
  // The store's time as it is known here is too early if the process stood still: only a time that was just told may refuse.
  if (checked.kind === 'invalid' && checked.reason === 'INVALID_TIMESTAMP') return produceByNewTime(request);
  return append(request, checked);
}

async function produceByNewTime(request: PartitionToProduce): Promise<ProduceResult> {
  try {
    await request.open.journal.catchUp(true);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return { kind: 'rejected', error: 'KAFKA_STORAGE_ERROR', message: error.message };
  }
  return append(request, check(request));
}

function storeTime({ open }: PartitionToProduce): number {
  return Math.floor(open.journal.env.stores.journal.now());
}

function check(request: PartitionToProduce): ValidatedRecords {
  const { config } = request;
  return validateProduceRecords(request.records, {
    apiVersion: request.apiVersion,
    maxMessageBytes: config.maxMessageBytes,
    requireKeys: config.compacted,
    timestampType: config.timestampType,
    timestampBeforeMaxMs: config.timestampBeforeMaxMs,
    timestampAfterMaxMs: config.timestampAfterMaxMs,
    now: storeTime(request),
  });
}

function append(request: PartitionToProduce, checked: ValidatedRecords): Promise<ProduceResult> {
  const { open, config } = request;
  if (checked.kind === 'invalid') {
    const { reason, message, recordErrors } = checked;
    return Promise.resolve({ kind: 'rejected', error: reason, message, recordErrors });
  }
  const appendTime = config.timestampType === 'LogAppendTime' ? storeTime(request) : -1;
  let bytes: Buffer;
  try {
    bytes = inTopicsCompression(checked.batch, config.compressionType);
  } catch (error) {
    if (!(error instanceof CorruptRecordError || error instanceof CompressionError)) throw error;
    return Promise.resolve({ kind: 'rejected', error: 'CORRUPT_MESSAGE', message: error.message });
  }
  if (appendTime >= 0) bytes = withLogAppendTime(bytes, appendTime);
  const batch = batchToAppend(request, checked.header, bytes, appendTime);
  return open.queue.append(batch, request.deadline).then((result): ProduceResult => {
    switch (result.kind) {
      case 'appended':
        return { ...result, logAppendTime: appendTime };
      case 'duplicate': {
        const { baseOffset, logStartOffset, timestamp } = result;
        return { kind: 'appended', baseOffset, logStartOffset, logAppendTime: appendTime >= 0 ? timestamp : -1 };
      }
      case 'rejected':
        return result;
    }
  });
}

/**
 * The batch in the topic's own compression, if it has one. A codec that this Node cannot write (zstd before 22.15) leaves the
 * batch as it came. Throws CorruptRecordError and CompressionError for records that cannot be unpacked.
 */
function inTopicsCompression(batch: Buffer, type: CompressionType): Buffer {
  if (type === 'producer') return batch;
  const codec = codecByName(type === 'uncompressed' ? 'none' : type);
  if (codec === undefined || !canCompress(codec)) return batch;
  return withCodec(batch, codec);
}

function batchToAppend(
  request: PartitionToProduce,
  header: BatchHeader,
  bytes: Buffer,
  appendTime: number,
): BatchToAppend {
  return {
    partition: request.partition,
    lastOffsetDelta: header.lastOffsetDelta,
    maxTimestamp: appendTime >= 0 ? appendTime : header.maxTimestamp,
    producerId: header.producerId,
    producerEpoch: header.producerEpoch,
    baseSequence: header.baseSequence,
    transactional: isTransactional(header.attributes),
    transactionVerified: request.transactionVerified,
    leaderEpoch: request.leaderEpoch,
    isBehindFailure: request.isBehindFailure,
    bytes,
  };
}
