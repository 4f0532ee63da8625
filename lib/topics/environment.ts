import type { Journals } from '../journal/open-journal.ts';
import type { BrokerConfigs } from './configs/broker-configs.ts';
import type { Topics } from './topics.ts';

/** The dependencies of topic administration. */
export interface AdminEnvironment {
  readonly journals: Journals;
  readonly topics: Topics;
  /** Defaults for new topics: num.partitions, default.replication.factor, tidelog.journals. */
  readonly defaultPartitions: number;
  readonly defaultReplicationFactor: number;
  readonly defaultJournals: number | 'auto';
  /** The settings of this process, for DescribeConfigs. */
  readonly brokerConfigs: BrokerConfigs;
}
