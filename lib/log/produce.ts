import type { Failure } from '../core/errors.ts';
import type { Offset } from '../core/offset.ts';
import type { CompressionType, EffectiveTopicConfig } from '../core/topic-config.ts';
import type { BatchToAppend } from '../journal/decide-append.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { CompressionError, canCompress, codecByName } from '../protocol/compression/codec.ts';
import { type BatchHeader, isTransactional, withLogAppendTime } from '../protocol/records/batch.ts';
import { CorruptRecordError } from '../protocol/records/error.ts';
import { withCodec } from '../protocol/records/recompress.ts';
import { type RecordError, validateProduceRecords } from '../protocol/records/validate.ts';

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
 * Validates the records and appends them. The place in the journal's order is taken before this returns; the promise
 * resolves when the batch is durable, or refused. Errors are those of Kafka's ReplicaManager.appendRecords.
 */
export function produce(request: PartitionToProduce): Promise<ProduceResult> {
  const { open, config } = request;
  const { env } = open.journal;
  const now = Math.floor(env.stores.journal.now());
  const checked = validateProduceRecords(request.records, {
    apiVersion: request.apiVersion,
    maxMessageBytes: config.maxMessageBytes,
    requireKeys: config.compacted,
    timestampType: config.timestampType,
    timestampBeforeMaxMs: config.timestampBeforeMaxMs,
    timestampAfterMaxMs: config.timestampAfterMaxMs,
    now,
  });
  if (checked.kind === 'invalid') {
    const { reason, message, recordErrors } = checked;
    return Promise.resolve({ kind: 'rejected', error: reason, message, recordErrors });
  }
  const appendTime = config.timestampType === 'LogAppendTime' ? now : -1;
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
    bytes,
  };
}
