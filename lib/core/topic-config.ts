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
}

export type CompressionType = 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
