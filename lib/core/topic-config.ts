/**
 * The part of a topic's effective configuration that the engine uses: the topic's own values over
 * the defaults.
 */
export interface EffectiveTopicConfig {
  readonly maxMessageBytes: number;
  readonly compressionType: CompressionType;
  readonly timestampType: 'CreateTime' | 'LogAppendTime';
  /** How far a record's timestamp may be before and after store time; ms. */
  readonly timestampBeforeMaxMs: number;
  readonly timestampAfterMaxMs: number;
  /** `cleanup.policy` has `compact`. */
  readonly compacted: boolean;
  /** `cleanup.policy` has `delete`: retention applies, and DeleteRecords is allowed. */
  readonly deletes: boolean;
  /** How long records are kept; -1 for ever; ms. */
  readonly retentionMs: number;
  /** How much of a partition is kept; -1 for all; bytes. */
  readonly retentionBytes: number;
  /** The largest segment of a partition; bytes. */
  readonly segmentBytes: number;
  /** How old the records of a segment get before it is sealed; ms. */
  readonly segmentMs: number;
  /** How long the tombstone of a deleted key stays in a compacted topic; ms. */
  readonly deleteRetentionMs: number;
  /** How long a record stays uncompacted at least, and at most; ms. */
  readonly minCompactionLagMs: number;
  readonly maxCompactionLagMs: number;
  /** The part of a compacted partition's bytes that has to be new before it is compacted; 0 to 1. */
  readonly minCleanableDirtyRatio: number;
  /** An index has an entry for each of so many bytes of batches. */
  readonly indexIntervalBytes: number;
}

export type CompressionType = 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
