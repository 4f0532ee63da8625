import { type BrokerConfigs, brokerSynonyms } from './broker-configs.ts';
import type { DescribedConfig } from './described-config.ts';

/**
 * Kafka's group configs that have a broker default
 * (org.apache.kafka.coordinator.group.GroupConfig).
 */
const GROUP_CONFIGS: readonly string[] = [
  'consumer.assignment.interval.ms',
  'consumer.heartbeat.interval.ms',
  'consumer.session.timeout.ms',
  'share.assignment.interval.ms',
  'share.delivery.count.limit',
  'share.heartbeat.interval.ms',
  'share.partition.max.record.locks',
  'share.record.lock.duration.ms',
  'share.session.timeout.ms',
  'streams.assignment.interval.ms',
  'streams.heartbeat.interval.ms',
  'streams.initial.rebalance.delay.ms',
  'streams.num.standby.replicas',
  'streams.session.timeout.ms',
];

/**
 * Prefix of the broker config with a group config's default (GroupCoordinatorConfig.GROUP_PREFIX).
 */
const BROKER_PREFIX = 'group.';

/**
 * The configs of every group: those that the process has a setting for. A single group's configs
 * cannot be changed.
 */
export function describeGroupConfigs(broker: BrokerConfigs): DescribedConfig[] {
  return GROUP_CONFIGS.flatMap((name) => {
    const setting = broker.get(BROKER_PREFIX + name);
    const synonyms = brokerSynonyms(broker, [BROKER_PREFIX + name]);
    const [first] = synonyms;
    if (setting === undefined || first === undefined) return [];
    const { type, documentation } = setting;
    return [
      {
        name,
        value: first.value,
        readOnly: true,
        source: first.source,
        sensitive: false,
        type,
        synonyms,
        documentation,
      },
    ];
  });
}
