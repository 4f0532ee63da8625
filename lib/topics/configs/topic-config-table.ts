import type { ConfigRange, ConfigType } from './config-value.ts';

/** A topic config: its type, its constraints and its default. */
export interface TopicConfigDefinition extends ConfigRange {
  readonly type: ConfigType;
  /** The default if neither the topic nor the process sets the config. */
  readonly fallback: string;
  /**
   * The broker configs that set it for all topics, under Kafka's names (ServerTopicConfigSynonyms),
   * in order of precedence.
   */
  readonly synonyms: readonly string[];
}

const LONG_MAX = '9223372036854775807';
const MIB = 1024 * 1024;

/**
 * Upper bound of max.message.bytes: such a batch fits into one WAL object and one Fetch response.
 */
export const MESSAGE_BYTES_MAX = 64 * MIB;

/** Tidelog's own config: the number of journals of a topic. Fixed when the topic is created. */
export const JOURNALS_CONFIG = 'tidelog.journals';

const THROTTLED = /^(\d+:\d+(\s*,\s*\d+:\d+)*)?$/;

function throttledReplicas(value: string): string | undefined {
  return value === '*' || THROTTLED.test(value)
    ? undefined
    : "must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...";
}

/**
 * -1 is gzip's default level. 0, no compression, is not accepted as a level (Kafka:
 * GzipCompression).
 */
function gzipLevel(value: string): string | undefined {
  const level = Number(value);
  return level === -1 || (level >= 1 && level <= 9) ? undefined : 'Value must be between 1 and 9, or -1';
}

/** Tiered storage is refused, because this log could not read records in a second tier. */
function remoteStorage(value: string): string | undefined {
  return value.toLowerCase() === 'true' ? 'there is no tiered storage' : undefined;
}

function define(
  type: ConfigType,
  fallback: string,
  synonyms: readonly string[],
  range: ConfigRange,
): TopicConfigDefinition {
  return { type, fallback, synonyms, ...range };
}

/**
 * Kafka's topic configs (org.apache.kafka.common.config.TopicConfig,
 * org.apache.kafka.storage.internals.log.LogConfig) and Tidelog's own. docs/COMPATIBILITY.md lists
 * those that have an effect.
 */
export const TOPIC_CONFIGS: ReadonlyMap<string, TopicConfigDefinition> = new Map([
  ['cleanup.policy', define('LIST', 'delete', ['log.cleanup.policy'], { words: ['compact', 'delete'] })],
  ['compression.gzip.level', define('INT', '-1', ['compression.gzip.level'], { check: gzipLevel })],
  ['compression.lz4.level', define('INT', '9', ['compression.lz4.level'], { min: 1, max: 17 })],
  [
    'compression.type',
    define('STRING', 'producer', ['compression.type'], {
      words: ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'],
    }),
  ],
  ['compression.zstd.level', define('INT', '3', ['compression.zstd.level'], { min: -131072, max: 22 })],
  ['delete.retention.ms', define('LONG', '86400000', ['log.cleaner.delete.retention.ms'], { min: 0 })],
  ['file.delete.delay.ms', define('LONG', '60000', ['log.segment.delete.delay.ms'], { min: 0 })],
  ['flush.messages', define('LONG', LONG_MAX, ['log.flush.interval.messages'], { min: 1 })],
  ['flush.ms', define('LONG', LONG_MAX, ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'], { min: 0 })],
  ['follower.replication.throttled.replicas', define('LIST', '', [], { check: throttledReplicas })],
  ['index.interval.bytes', define('INT', '4096', ['log.index.interval.bytes'], { min: 0 })],
  ['leader.replication.throttled.replicas', define('LIST', '', [], { check: throttledReplicas })],
  ['local.retention.bytes', define('LONG', '-2', ['log.local.retention.bytes'], { min: -2 })],
  ['local.retention.ms', define('LONG', '-2', ['log.local.retention.ms'], { min: -2 })],
  ['max.compaction.lag.ms', define('LONG', LONG_MAX, ['log.cleaner.max.compaction.lag.ms'], { min: 1 })],
  ['max.message.bytes', define('INT', '1048588', ['message.max.bytes'], { min: 0, max: MESSAGE_BYTES_MAX })],
  ['message.timestamp.after.max.ms', define('LONG', '3600000', ['log.message.timestamp.after.max.ms'], { min: 0 })],
  ['message.timestamp.before.max.ms', define('LONG', LONG_MAX, ['log.message.timestamp.before.max.ms'], { min: 0 })],
  [
    'message.timestamp.type',
    define('STRING', 'CreateTime', ['log.message.timestamp.type'], { words: ['CreateTime', 'LogAppendTime'] }),
  ],
  ['min.cleanable.dirty.ratio', define('DOUBLE', '0.5', ['log.cleaner.min.cleanable.ratio'], { min: 0, max: 1 })],
  ['min.compaction.lag.ms', define('LONG', '0', ['log.cleaner.min.compaction.lag.ms'], { min: 0 })],
  ['min.insync.replicas', define('INT', '1', ['min.insync.replicas'], { min: 1 })],
  ['preallocate', define('BOOLEAN', 'false', ['log.preallocate'], {})],
  ['remote.log.copy.disable', define('BOOLEAN', 'false', [], {})],
  ['remote.log.delete.on.disable', define('BOOLEAN', 'false', [], {})],
  ['remote.storage.enable', define('BOOLEAN', 'false', [], { check: remoteStorage })],
  ['retention.bytes', define('LONG', '-1', ['log.retention.bytes'], {})],
  [
    'retention.ms',
    define('LONG', '604800000', ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours'], { min: -1 }),
  ],
  ['segment.bytes', define('INT', '1073741824', ['log.segment.bytes'], { min: MIB })],
  ['segment.index.bytes', define('INT', '10485760', ['log.index.size.max.bytes'], { min: 4 })],
  ['segment.jitter.ms', define('LONG', '0', ['log.roll.jitter.ms', 'log.roll.jitter.hours'], { min: 0 })],
  ['segment.ms', define('LONG', '604800000', ['log.roll.ms', 'log.roll.hours'], { min: 1 })],
  ['unclean.leader.election.enable', define('BOOLEAN', 'false', ['unclean.leader.election.enable'], {})],
  [JOURNALS_CONFIG, define('INT', '1', ['tidelog.journals'], { min: 1, max: 64 })],
]);
