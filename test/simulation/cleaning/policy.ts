const DAY_MS = 24 * 60 * 60 * 1000;

/** What the configs of a topic say about the records that may go. */
export interface Policy {
  readonly compacts: boolean;
  readonly deletes: boolean;
  readonly retentionMs: number;
  readonly retentionBytes: number;
  readonly minLagMs: number;
  readonly deleteRetentionMs: number;
}

/** Kafka's defaults where a config is not set. */
export function policyOf(configs: Readonly<Record<string, string>>): Policy {
  const policies = (configs['cleanup.policy'] ?? 'delete').split(',');
  return {
    compacts: policies.includes('compact'),
    deletes: policies.includes('delete'),
    retentionMs: Number(configs['retention.ms'] ?? 7 * DAY_MS),
    retentionBytes: Number(configs['retention.bytes'] ?? -1),
    minLagMs: Number(configs['min.compaction.lag.ms'] ?? 0),
    deleteRetentionMs: Number(configs['delete.retention.ms'] ?? DAY_MS),
  };
}
