import type { AnyRoute } from '../route.ts';
import { aclRoutes } from './acls.ts';
import { brokerConfigRoutes } from './broker-configs.ts';
import { brokerRoutes } from './brokers.ts';
import { clusterRoutes } from './clusters.ts';
import { consumerGroupRoutes } from './consumer-groups.ts';
import { lagRoutes } from './lags.ts';
import { partitionRoutes } from './partitions.ts';
import { produceStream } from './records.ts';
import { produceBatch } from './records-batch.ts';
import { replicaRoutes } from './replicas.ts';
import { topicConfigRoutes } from './topic-configs.ts';
import { topicRoutes } from './topics.ts';

/** The routes of v3. Where two match, the first one serves: `-` stands before names. */
export const v3Routes: readonly AnyRoute[] = [
  ...clusterRoutes,
  ...aclRoutes,
  ...brokerConfigRoutes,
  ...brokerRoutes,
  ...topicConfigRoutes,
  ...replicaRoutes,
  ...partitionRoutes,
  produceStream,
  produceBatch,
  ...topicRoutes,
  ...lagRoutes,
  ...consumerGroupRoutes,
];
