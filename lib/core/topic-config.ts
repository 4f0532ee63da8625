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
  readonly compacted: boolean;
}

export type CompressionType = 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
