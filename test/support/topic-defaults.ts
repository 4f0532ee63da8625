import type { TopicDefaults } from '../../lib/topics/topic-configs.ts';

/** Kafka's defaults. */
export const TOPIC_DEFAULTS: TopicDefaults = {
  maxMessageBytes: 1_048_588,
  compressionType: 'producer',
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: 3_600_000,
  cleanupPolicy: 'delete',
  retentionMs: 604_800_000,
  retentionBytes: -1,
  segmentBytes: 1_073_741_824,
  segmentMs: 604_800_000,
  deleteRetentionMs: 86_400_000,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  minCleanableDirtyRatio: 0.5,
  indexIntervalBytes: 4_096,
};
