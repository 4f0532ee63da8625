import type { Journals } from '../journal/open-journal.ts';
import type { BrokerConfigs } from './configs/broker-configs.ts';
import type { Topics } from './topics.ts';

/** What administering topics takes. */
export interface AdminEnvironment {
  readonly journals: Journals;
  readonly topics: Topics;
  /** For topics created without a number: num.partitions, default.replication.factor, tidelog.journals. */
  readonly defaultPartitions: number;
  readonly defaultReplicationFactor: number;
  readonly defaultJournals: number;
  /** The settings of this process, as DescribeConfigs shows them. */
  readonly brokerConfigs: BrokerConfigs;
}
