import type { CompressionType, EffectiveTopicConfig } from '../core/topic-config.ts';
import type { TopicRecord } from '../storage/items/topic.ts';

/** The defaults that a deployment may set for all of its topics (Kafka's broker configs of like names). */
export interface TopicDefaults {
  readonly maxMessageBytes: number;
  readonly compressionType: string;
  readonly timestampType: string;
  readonly timestampBeforeMaxMs: number;
  readonly timestampAfterMaxMs: number;
  readonly cleanupPolicy: string;
}

type Check = (value: string) => string | undefined;

function wholeNumber(low: number, high = Number.POSITIVE_INFINITY): Check {
  return (value) => {
    if (!/^-?\d+$/.test(value.trim())) return 'is not a whole number';
    const number = Number(value);
    return number < low || number > high
      ? `must be ${high === Number.POSITIVE_INFINITY ? `at least ${low}` : `from ${low} to ${high}`}`
      : undefined;
  };
}

function fraction(): Check {
  return (value) => {
    const number = Number(value);
    return value.trim() === '' || !(number >= 0 && number <= 1) ? 'must be a number from 0 to 1' : undefined;
  };
}

function oneOf(...allowed: string[]): Check {
  return (value) => (allowed.includes(value) ? undefined : `must be one of ${allowed.join(', ')}`);
}

function listOf(...allowed: string[]): Check {
  return (value) => {
    const parts = value.split(',').map((part) => part.trim());
    const valid = value.trim() !== '' && parts.every((part) => allowed.includes(part));
    return valid ? undefined : `must be a list of ${allowed.join(', ')}`;
  };
}

const boolean = oneOf('true', 'false');
const INT_MAX = 2 ** 31 - 1;

/** The largest batch that a producer may be allowed: one WAL object takes it, and one Fetch answer. */
export const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Kafka's topic configs (org.apache.kafka.common.config.TopicConfig, org.apache.kafka.storage.internals.log.LogConfig) and
 * Tidelog's own, each with its check. docs/COMPATIBILITY.md says which have an effect.
 */
const CHECKS: Readonly<Record<string, Check>> = {
  'cleanup.policy': listOf('delete', 'compact'),
  'compression.gzip.level': wholeNumber(-1, 9),
  'compression.lz4.level': wholeNumber(1, 17),
  'compression.type': oneOf('producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'),
  'compression.zstd.level': wholeNumber(-131072, 22),
  'delete.retention.ms': wholeNumber(0),
  'file.delete.delay.ms': wholeNumber(0),
  'flush.messages': wholeNumber(1),
  'flush.ms': wholeNumber(0),
  'follower.replication.throttled.replicas': () => undefined,
  'index.interval.bytes': wholeNumber(0, INT_MAX),
  'leader.replication.throttled.replicas': () => undefined,
  'local.retention.bytes': wholeNumber(-2),
  'local.retention.ms': wholeNumber(-2),
  'max.compaction.lag.ms': wholeNumber(1),
  'max.message.bytes': wholeNumber(0, MESSAGE_BYTES_MAX),
  'message.timestamp.after.max.ms': wholeNumber(0),
  'message.timestamp.before.max.ms': wholeNumber(0),
  'message.timestamp.type': oneOf('CreateTime', 'LogAppendTime'),
  'min.cleanable.dirty.ratio': fraction(),
  'min.compaction.lag.ms': wholeNumber(0),
  'min.insync.replicas': wholeNumber(1, INT_MAX),
  preallocate: boolean,
  'remote.log.copy.disable': boolean,
  'remote.log.delete.on.disable': boolean,
  'remote.storage.enable': boolean,
  'retention.bytes': wholeNumber(-1),
  'retention.ms': wholeNumber(-1),
  'segment.bytes': wholeNumber(1024 * 1024, INT_MAX),
  'segment.index.bytes': wholeNumber(4, INT_MAX),
  'segment.jitter.ms': wholeNumber(0),
  'segment.ms': wholeNumber(1),
  'unclean.leader.election.enable': boolean,
  'tidelog.journals': wholeNumber(1, 64),
};

/** The names that are accepted. */
export const TOPIC_CONFIG_NAMES: readonly string[] = Object.keys(CHECKS);

/** What is wrong with a topic config; undefined if nothing is. */
export function topicConfigProblem(name: string, value: string | null): string | undefined {
  const check = Object.hasOwn(CHECKS, name) ? CHECKS[name] : undefined;
  if (check === undefined) return `unknown topic config name: ${name}`;
  if (value === null) return `the value of ${name} is null`;
  const problem = check(value);
  return problem === undefined ? undefined : `invalid value ${value} for ${name}: it ${problem}`;
}

/** The configuration in effect for a topic. */
export function effectiveConfig(topic: TopicRecord, defaults: TopicDefaults): EffectiveTopicConfig {
  const { configs } = topic;
  const number = (name: string, fallback: number) => (configs[name] === undefined ? fallback : Number(configs[name]));
  return {
    maxMessageBytes: number('max.message.bytes', defaults.maxMessageBytes),
    compressionType: (configs['compression.type'] ?? defaults.compressionType) as CompressionType,
    timestampType: (configs['message.timestamp.type'] ?? defaults.timestampType) as 'CreateTime' | 'LogAppendTime',
    timestampBeforeMaxMs: number('message.timestamp.before.max.ms', defaults.timestampBeforeMaxMs),
    timestampAfterMaxMs: number('message.timestamp.after.max.ms', defaults.timestampAfterMaxMs),
    compacted: (configs['cleanup.policy'] ?? defaults.cleanupPolicy)
      .split(',')
      .some((part) => part.trim() === 'compact'),
  };
}
