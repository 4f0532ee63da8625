import type { EffectiveTopicConfig } from '../core/topic-config.ts';
import type { SealLimits } from '../segments/seal-span.ts';
import type { Settings } from '../settings/settings.ts';

export interface SegmentSettings {
  /** tidelog.seal.bytes. */
  readonly sealBytes: number;
  /** MergeLimits.mergeBytes. */
  readonly mergeBytes: number;
  /** How long entries stay after a seal made them deletable (rule R3); ms. */
  readonly entriesGraceMs: number;
}

const HOUR_MS = 60 * 60 * 1000;
const MIB = 1024 * 1024;

/**
 * Restores of the tables from a point in time find the entries that they name. On one machine nothing
 * is restored apart from the rest, and disk space matters.
 */
const GRACE_AWS_MS = 7 * 24 * HOUR_MS;
const GRACE_LOCAL_MS = 2 * HOUR_MS;

/** An object of this size costs little to PUT, for what it holds. */
const MERGE_BYTES = 64 * MIB;

/**
 * A file costs nothing to make, but a merge reads, checks and writes its bytes once more while the
 * same machine takes what is produced. With the default size of a seal, a journal with fewer than
 * eight partitions that are written alike leaves segments that are not merged.
 */
const MERGE_BYTES_EMBEDDED = 16 * MIB;

export function segmentSettings({ sealBytes, store }: Settings): SegmentSettings {
  return {
    sealBytes,
    mergeBytes: store === 'embedded' ? MERGE_BYTES_EMBEDDED : MERGE_BYTES,
    entriesGraceMs: store === 'aws' ? GRACE_AWS_MS : GRACE_LOCAL_MS,
  };
}

/** A journal is sealed at this age at the latest, whatever segment.ms says; ms. */
const SEAL_MS_MAX = HOUR_MS;

/** A journal is not sealed for its age more often than this; ms. */
const SEAL_MS_MIN = 1_000;

/** What of a topic's config says when its journals are sealed. */
export type SealConfig = Pick<
  EffectiveTopicConfig,
  'segmentBytes' | 'segmentMs' | 'indexIntervalBytes' | 'compacted' | 'deletes' | 'retentionMs' | 'maxCompactionLagMs'
>;

/**
 * When the journals of a topic are sealed. Retention and max.compaction.lag.ms need segments, so they
 * bound the age, as they make Kafka roll the active segment.
 */
export function sealLimits(config: SealConfig, { sealBytes }: SegmentSettings): SealLimits {
  const retentionMs = config.deletes && config.retentionMs >= 0 ? config.retentionMs : SEAL_MS_MAX;
  const lagMs = config.compacted ? config.maxCompactionLagMs : SEAL_MS_MAX;
  const sealMs = Math.max(SEAL_MS_MIN, Math.min(config.segmentMs, retentionMs, lagMs, SEAL_MS_MAX));
  return { sealBytes: Math.min(config.segmentBytes, sealBytes), sealMs, indexIntervalBytes: config.indexIntervalBytes };
}
