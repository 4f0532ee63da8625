/** What the engine needs to know of a topic's configuration, in effect: set values over the defaults. */
export interface EffectiveTopicConfig {
  readonly maxMessageBytes: number;
  readonly compressionType: CompressionType;
  readonly timestampType: 'CreateTime' | 'LogAppendTime';
  /** How far a record's timestamp may lie behind and ahead of the store's time; ms. */
  readonly timestampBeforeMaxMs: number;
  readonly timestampAfterMaxMs: number;
  readonly compacted: boolean;
}

export type CompressionType = 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
