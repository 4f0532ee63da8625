import { JOURNALS_CONFIG } from './topic-config-table.ts';

/**
 * What each topic config means, for DescribeConfigs. Apart from the table, which every function has in
 * its bundle.
 */
export const TOPIC_CONFIG_DOCUMENTATION: ReadonlyMap<string, string> = new Map([
  ['cleanup.policy', 'Whether old records are deleted, or the newest of each key is kept.'],
  ['compression.gzip.level', 'How hard gzip tries. Accepted, without effect.'],
  ['compression.lz4.level', 'How hard lz4 tries. Accepted, without effect.'],
  ['compression.type', 'How record batches are kept; producer keeps them as they came.'],
  ['compression.zstd.level', 'How hard zstd tries. Accepted, without effect.'],
  ['delete.retention.ms', 'How long the mark of a deleted key stays in a compacted topic.'],
  ['file.delete.delay.ms', 'Accepted, without effect: the store frees its space.'],
  ['flush.messages', 'Accepted, without effect: every acknowledged batch is durable.'],
  ['flush.ms', 'Accepted, without effect: every acknowledged batch is durable.'],
  ['follower.replication.throttled.replicas', 'Accepted, without effect: the store replicates by itself.'],
  ['index.interval.bytes', 'Bytes of record batches between two entries of the index of a segment.'],
  ['leader.replication.throttled.replicas', 'Accepted, without effect: the store replicates by itself.'],
  ['local.retention.bytes', 'Accepted, without effect: no process keeps a local log.'],
  ['local.retention.ms', 'Accepted, without effect: no process keeps a local log.'],
  ['max.compaction.lag.ms', 'How long a record may stay uncompacted.'],
  ['max.message.bytes', 'The largest record batch that is taken, after compression.'],
  ['message.timestamp.after.max.ms', 'How far after now the time of a record may lie.'],
  ['message.timestamp.before.max.ms', 'How far before now the time of a record may lie.'],
  ['message.timestamp.type', "Whether records keep the producer's time or get that of the append."],
  ['min.cleanable.dirty.ratio', 'How much of a compacted topic has to be new before it is compacted again.'],
  ['min.compaction.lag.ms', 'How long a record stays uncompacted.'],
  [
    'min.insync.replicas',
    'Accepted, without effect: the store acknowledges a write only when it is durable everywhere.',
  ],
  ['preallocate', 'Accepted, without effect: there are no files to make room in.'],
  ['remote.log.copy.disable', 'Accepted, without effect: there is one tier.'],
  ['remote.log.delete.on.disable', 'Accepted, without effect: there is one tier.'],
  ['remote.storage.enable', 'Only false: there is one tier.'],
  ['retention.bytes', 'How much of a partition is kept; below 0 for all.'],
  ['retention.ms', 'How long records are kept; -1 for ever.'],
  ['segment.bytes', 'The largest segment of a partition.'],
  ['segment.index.bytes', 'Accepted, without effect: an index is as large as it needs to be.'],
  ['segment.jitter.ms', 'Accepted, without effect.'],
  ['segment.ms', 'How old a segment gets before a new one begins.'],
  ['unclean.leader.election.enable', 'Accepted, without effect: no copy is ever behind.'],
  [JOURNALS_CONFIG, 'On how many journals the partitions are spread. Fixed when the topic is created.'],
]);
