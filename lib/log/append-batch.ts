import type { ErrorName, Failure } from '../core/errors.ts';
import type { Offset } from '../core/offset.ts';
import type { CompressionType, EffectiveTopicConfig } from '../core/topic-config.ts';
import type { BatchToAppend } from '../journal/decide-append.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import type { Work } from '../kit/turns.ts';
import { type BatchHeader, isTransactional, withLogAppendTime } from '../records/batch.ts';
import { type CodecId, canCompress, codecByName } from '../records/compression/codec.ts';
import type { ProduceRules, ProduceValidation, RecordError, ValidatedRecords } from '../records/produce-rules.ts';
import { type ProducedBatch, type UnfinishedRecords, validateProduceRecords } from '../records/validate.ts';
import { StoreUnavailableError } from '../storage/ports.ts';

/** A batch for a partition with an open journal. */
export interface BatchToPlace {
  readonly open: OpenJournal;
  readonly partition: number;
  readonly config: EffectiveTopicConfig;
  readonly produced: ProducedBatch;
  /** See ProduceRules. */
  readonly allowsZstd: boolean;
  /** Default: `full`. */
  readonly validation?: ProduceValidation | undefined;
  /** Larger batches are refused, even if the topic allows them; bytes. Default: no limit. */
  readonly batchBytesMax?: number | undefined;
  /** By Clock.monotonic(); ms. */
  readonly deadline: number;
  /**
   * True if a transaction coordinator has confirmed that the producer's transaction is open (rule
   * R14).
   */
  readonly transactionVerified: boolean;
  /** Called once a transactional batch is valid: see BatchToAppend.joinTransaction. */
  readonly enterTransaction?: (() => BatchToAppend['joinTransaction']) | undefined;
  /** See BatchToAppend. */
  readonly leaderEpoch?: number | undefined;
  /** See BatchToAppend. */
  readonly isBehindFailure?: (() => boolean) | undefined;
  /** See BatchToAppend. Not called for an invalid batch, because its producer does not retry it. */
  readonly onResult?: BatchToAppend['onResult'];
}

export type ProduceResult =
  | {
      readonly kind: 'appended';
      readonly baseOffset: Offset;
      readonly logStartOffset: Offset;
      /** -1 unless the topic uses LogAppendTime; ms. */
      readonly logAppendTime: number;
    }
  | ({
      readonly kind: 'rejected';
      readonly recordErrors?: readonly RecordError[];
      /** Left out if Kafka's response with this error has none. */
      readonly logStartOffset?: Offset;
      /** Why the store could not be read, for operators; only with KAFKA_STORAGE_ERROR. */
      readonly reason?: string | undefined;
    } & Failure);

/**
 * Validates a batch and appends it. The batch has its place in the journal's order before this
 * returns, with two exceptions: it takes long to decompress, or its timestamp seems invalid. Later
 * batches of the partition then wait for it. Resolves when the batch is durable or refused. The
 * errors are those of Kafka's ReplicaManager.appendRecords.
 */
export function appendBatch(request: BatchToPlace): Promise<ProduceResult> {
  const { order, journal } = request.open;
  if (order.isHeld(request.partition)) return order.place(request.partition, () => placeLater(request));
  const checked = check(request, journal.env.turns.thisTurn);
  if (isFinal(checked)) return append(request, checked);
  return order.place(request.partition, () => placeLater(request, checked));
}

type Checked = ValidatedRecords | UnfinishedRecords;

/**
 * After a pause this process's estimate of store time is too early. A timestamp is therefore
 * refused only against a store time that was just read.
 */
function isFinal(checked: Checked): checked is ValidatedRecords {
  return checked.kind === 'valid' || (checked.kind === 'invalid' && checked.reason !== 'INVALID_TIMESTAMP');
}

/** Resolves once the place is taken (see PlaceOrder.place). */
async function placeLater(request: BatchToPlace, begun?: Checked): Promise<{ result: Promise<ProduceResult> }> {
  const { journal } = request.open;
  const first = begun ?? check(request, journal.env.turns.thisTurn);
  if (isFinal(first)) return { result: append(request, first) };
  let checked = await finished(request, first);
  if (checked !== undefined && !isFinal(checked)) {
    try {
      await journal.catchUp(true);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return { result: refused(request, 'KAFKA_STORAGE_ERROR', error.message) };
    }
    checked = await finished(request, check(request, journal.env.turns.thisTurn));
  }
  if (checked === undefined) {
    return { result: refused(request, 'REQUEST_TIMED_OUT', 'the batch took too long to open') };
  }
  return { result: append(request, checked) };
}

/**
 * Decompresses and checks the rest of the batch, in turns with other work. Undefined if the
 * deadline passes first.
 */
async function finished(request: BatchToPlace, checked: Checked): Promise<ValidatedRecords | undefined> {
  if (checked.kind !== 'unfinished') return checked;
  const { clock, turns } = request.open.journal.env;
  // Any number of batches may wait, and each may have decompressed a MiB from a KiB, so the memory
  // is released.
  if (!turns.hasRoom) checked.release();
  return turns.run((nextSlice) =>
    checked.finish(async () => {
      const work = await nextSlice();
      return clock.monotonic() < request.deadline ? work : undefined;
    }),
  );
}

/**
 * Calls `onResult` synchronously, because the batches queued behind this one are decided before the
 * promise's callbacks run.
 */
function refused({ onResult }: BatchToPlace, error: ErrorName, message: string): Promise<ProduceResult> {
  const result = { kind: 'rejected', error, message } as const;
  onResult?.(result);
  return Promise.resolve(result);
}

function storeTime({ open }: BatchToPlace): number {
  return Math.floor(open.journal.env.stores.journal.now());
}

function check(request: BatchToPlace, work: Work): Checked {
  const { config } = request;
  const rules: ProduceRules = {
    allowsZstd: request.allowsZstd,
    maxMessageBytes: Math.min(config.maxMessageBytes, request.batchBytesMax ?? Number.POSITIVE_INFINITY),
    requireKeys: config.compacted,
    timestampType: config.timestampType,
    timestampBeforeMaxMs: config.timestampBeforeMaxMs,
    timestampAfterMaxMs: config.timestampAfterMaxMs,
    validation: request.validation ?? 'full',
    codec: topicsCodec(config.compressionType),
    now: storeTime(request),
  };
  return validateProduceRecords(request.produced, rules, work);
}

/**
 * The codec that stored batches must have. Undefined if they keep the producer's codec, or if this
 * version of Node cannot write the codec (zstd before 22.15).
 */
function topicsCodec(type: CompressionType): CodecId | undefined {
  if (type === 'producer') return undefined;
  const codec = codecByName(type === 'uncompressed' ? 'none' : type);
  return codec !== undefined && canCompress(codec) ? codec : undefined;
}

function append(request: BatchToPlace, checked: ValidatedRecords): Promise<ProduceResult> {
  const { open, config } = request;
  if (checked.kind === 'invalid') {
    const { reason, message, recordErrors } = checked;
    return Promise.resolve(withLogStart(request, { kind: 'rejected', error: reason, message, recordErrors }));
  }
  const appendTime = config.timestampType === 'LogAppendTime' ? storeTime(request) : -1;
  const bytes = appendTime >= 0 ? withLogAppendTime(checked.batch, appendTime) : checked.batch;
  const batch = batchToAppend(request, checked.header, bytes, appendTime);
  return open.writer.append(batch, request.deadline).then((result): ProduceResult => {
    switch (result.kind) {
      case 'appended':
        return { ...result, logAppendTime: appendTime };
      case 'duplicate': {
        const { baseOffset, logStartOffset, timestamp } = result;
        // Kafka returns the timestamp of the stored batch, with either timestamp type.
        return { kind: 'appended', baseOffset, logStartOffset, logAppendTime: timestamp };
      }
      case 'rejected':
        return withLogStart(request, result);
    }
  });
}

/**
 * The errors with which Kafka returns the log start offset (ReplicaManager.appendRecordsToLeader).
 */
const WITH_LOG_START: ReadonlySet<ErrorName> = new Set([
  'INVALID_TIMESTAMP',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'INVALID_PRODUCER_EPOCH',
]);

type Refused = Extract<ProduceResult, { kind: 'rejected' }>;

function withLogStart({ open, partition }: BatchToPlace, refused: Refused): Refused {
  if (!WITH_LOG_START.has(refused.error)) return refused;
  return { ...refused, logStartOffset: open.journal.view.partitions.get(partition)?.logStartOffset ?? 0 };
}

function batchToAppend(request: BatchToPlace, header: BatchHeader, bytes: Buffer, appendTime: number): BatchToAppend {
  const transactional = isTransactional(header.attributes);
  return {
    partition: request.partition,
    lastOffsetDelta: header.lastOffsetDelta,
    maxTimestamp: appendTime >= 0 ? appendTime : header.maxTimestamp,
    producerId: header.producerId,
    producerEpoch: header.producerEpoch,
    baseSequence: header.baseSequence,
    transactional,
    transactionVerified: request.transactionVerified,
    joinTransaction: transactional ? request.enterTransaction?.() : undefined,
    leaderEpoch: request.leaderEpoch,
    isBehindFailure: request.isBehindFailure,
    onResult: request.onResult,
    bytes,
  };
}
