/**
 * The settings of groups, by Kafka's names (GroupCoordinatorConfig, GroupConfig). Durations in ms.
 */
export interface GroupConfig {
  readonly classic: ClassicGroupConfig;
  readonly consumer: ConsumerGroupConfig;
}

export interface ClassicGroupConfig {
  /** group.min.session.timeout.ms */
  readonly minSessionTimeoutMs: number;
  /** group.max.session.timeout.ms */
  readonly maxSessionTimeoutMs: number;
  /**
   * group.initial.rebalance.delay.ms: how long the first rebalance of an empty group waits for
   * further members.
   */
  readonly initialRebalanceDelayMs: number;
  /** group.max.size: members of one group. */
  readonly maxSize: number;
}

export interface ConsumerGroupConfig {
  /** group.consumer.session.timeout.ms */
  readonly sessionTimeoutMs: number;
  /** group.consumer.heartbeat.interval.ms */
  readonly heartbeatIntervalMs: number;
  /** group.consumer.max.size: members of one group. */
  readonly maxSize: number;
  /** group.consumer.assignors, by name; the first is the default. */
  readonly assignors: readonly ('uniform' | 'range')[];
  /** group.consumer.migration.policy: which way a group with members may change its protocol. */
  readonly migrationPolicy: 'bidirectional' | 'upgrade' | 'downgrade' | 'disabled';
}
