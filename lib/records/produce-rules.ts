import type { BatchHeader, TimestampType } from './batch.ts';
import type { CodecId } from './compression/codec.ts';

/**
 * - `full`: every batch is opened, compressed ones too.
 * - `header`: a compressed batch is opened only if a rule needs it.
 */
export type ProduceValidation = 'full' | 'header';

/** The rules of a topic and a request for a batch. */
export interface ProduceRules {
  /** False for a client that is older than zstd (KIP-110) and could not read the batch back. */
  readonly allowsZstd: boolean;
  /** `max.message.bytes`: the largest batch as sent, compressed or not. */
  readonly maxMessageBytes: number;
  /** The topic is compacted, so that every record needs a key. */
  readonly requireKeys: boolean;
  /** The topic's `message.timestamp.type`. */
  readonly timestampType: TimestampType;
  /**
   * `message.timestamp.before.max.ms`; anything from DEFAULT_TIMESTAMP_BEFORE_MAX_MS on is no
   * limit.
   */
  readonly timestampBeforeMaxMs: number;
  /** `message.timestamp.after.max.ms`. */
  readonly timestampAfterMaxMs: number;
  /** `tidelog.produce.validation`. */
  readonly validation: ProduceValidation;
  /** The topic's own compression; undefined if batches keep the producer's. */
  readonly codec: CodecId | undefined;
  /** Ms since the Unix epoch. NaN while the time is unknown: then no timestamp is out of range. */
  readonly now: number;
}

/** Kafka's is the largest 64-bit number, which saturates to this. */
export const DEFAULT_TIMESTAMP_BEFORE_MAX_MS = Number.MAX_SAFE_INTEGER;

/** One hour, Kafka's default since 4.0 (KIP-1030). */
export const DEFAULT_TIMESTAMP_AFTER_MAX_MS = 3_600_000;

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
  /** The invalid records, at most MAX_RECORD_ERRORS; empty when the batch as a whole is invalid. */
  readonly recordErrors: readonly RecordError[];
}

export type ValidatedRecords =
  | {
      readonly kind: 'valid';
      readonly header: BatchHeader;
      /** The batch as sent, or a corrected copy. */
      readonly batch: Buffer;
    }
  | InvalidRecords;

/** A refusal of the whole batch, or of single records. */
export function invalid(
  reason: InvalidRecordsReason,
  message: string,
  recordErrors: readonly RecordError[] = [],
): InvalidRecords {
  return { kind: 'invalid', reason, message, recordErrors };
}
