import type { CompressionType, EffectiveTopicConfig } from '../core/topic-config.ts';
import type { TopicRecord } from '../storage/items/topic.ts';
import { valueProblem } from './configs/config-value.ts';
import { TOPIC_CONFIGS } from './configs/topic-config-table.ts';

/** The topic defaults that a deployment may set (Kafka's broker configs of similar names). */
export interface TopicDefaults
  extends Omit<EffectiveTopicConfig, 'compressionType' | 'timestampType' | 'compacted' | 'deletes'> {
  readonly compressionType: string;
  readonly timestampType: string;
  readonly cleanupPolicy: string;
}

/**
 * The problem with a topic config, in Kafka's words (LogConfig.validate, ConfigException);
 * undefined if it is valid.
 */
export function topicConfigProblem(name: string, value: string | null): string | undefined {
  const definition = TOPIC_CONFIGS.get(name);
  if (definition === undefined) return `Unknown topic config name: ${name}`;
  if (value === null) return `Null value not supported for topic configs: ${name}`;
  const problem = valueProblem(definition.type, definition, value);
  return problem === undefined ? undefined : `Invalid value ${value} for configuration ${name}: ${problem}`;
}

/**
 * The problem with the combination of valid configs; undefined if there is none (Kafka:
 * LogConfig.validateValues).
 */
export function topicConfigsProblem(configs: Readonly<Record<string, string>>): string | undefined {
  const min = configs['min.compaction.lag.ms'];
  const max = configs['max.compaction.lag.ms'];
  if (min === undefined || max === undefined || BigInt(min) <= BigInt(max)) return undefined;
  return `conflict topic config setting min.compaction.lag.ms (${min}) > max.compaction.lag.ms (${max})`;
}

/** The effective configuration of a topic. */
export function effectiveConfig(topic: TopicRecord, defaults: TopicDefaults): EffectiveTopicConfig {
  const { configs } = topic;
  // Kafka's Long.MAX_VALUE stands for "no limit"; numbers are exact up to the largest safe integer.
  const number = (name: string, fallback: number) =>
    configs[name] === undefined ? fallback : Math.min(Number(configs[name]), Number.MAX_SAFE_INTEGER);
  const policies = (configs['cleanup.policy'] ?? defaults.cleanupPolicy).split(',').map((part) => part.trim());
  return {
    maxMessageBytes: number('max.message.bytes', defaults.maxMessageBytes),
    compressionType: (configs['compression.type'] ?? defaults.compressionType) as CompressionType,
    timestampType: (configs['message.timestamp.type'] ?? defaults.timestampType) as 'CreateTime' | 'LogAppendTime',
    timestampBeforeMaxMs: number('message.timestamp.before.max.ms', defaults.timestampBeforeMaxMs),
    timestampAfterMaxMs: number('message.timestamp.after.max.ms', defaults.timestampAfterMaxMs),
    compacted: policies.includes('compact'),
    deletes: policies.includes('delete'),
    retentionMs: number('retention.ms', defaults.retentionMs),
    // Any negative number means all.
    retentionBytes: Math.max(number('retention.bytes', defaults.retentionBytes), -1),
    segmentBytes: number('segment.bytes', defaults.segmentBytes),
    segmentMs: number('segment.ms', defaults.segmentMs),
    deleteRetentionMs: number('delete.retention.ms', defaults.deleteRetentionMs),
    minCompactionLagMs: number('min.compaction.lag.ms', defaults.minCompactionLagMs),
    maxCompactionLagMs: number('max.compaction.lag.ms', defaults.maxCompactionLagMs),
    minCleanableDirtyRatio: number('min.cleanable.dirty.ratio', defaults.minCleanableDirtyRatio),
    indexIntervalBytes: number('index.interval.bytes', defaults.indexIntervalBytes),
  };
}
