import { cluster } from './cluster.ts';
import { commits } from './commits.ts';
import { alteredConfigs, configs } from './configs.ts';
import { consumerGroups } from './consumer-groups.ts';
import { recordDeletion } from './deletion.ts';
import { classicGroups } from './groups.ts';
import { describedTopics, metadata } from './metadata.ts';
import { fetching, offsets, producing } from './records.ts';
import type { Family } from './speaker.ts';
import { morePartitions, topicCreation, topicDeletion } from './topics.ts';
import { transactionalOffsets } from './transactional-offsets.ts';
import { transactions } from './transactions.ts';

/** In this order, as some list everything that the ones before have left. */
export const FAMILIES: readonly Family[] = [
  metadata,
  describedTopics,
  topicCreation,
  topicDeletion,
  morePartitions,
  configs,
  alteredConfigs,
  producing,
  fetching,
  offsets,
  recordDeletion,
  classicGroups,
  commits,
  transactionalOffsets,
  transactions,
  consumerGroups,
  cluster,
];
