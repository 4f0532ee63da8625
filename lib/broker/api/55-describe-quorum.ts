import { CLUSTER } from '../../auth/authorize.ts';
import { controllerOf } from '../../cluster/partition-nodes.ts';
import { errorCode } from '../../core/errors.ts';
import { ZERO_UUID } from '../../core/uuid.ts';
import { DescribeQuorum } from '../../wire/messages/55-describe-quorum.ts';
import { defineApi } from '../define-api.ts';

/** The metadata log of a Kafka cluster, the only one whose quorum can be described. */
const METADATA_TOPIC = '__cluster_metadata';

/** The first version whose answer has the voters' addresses. */
const NODES_SINCE = 2;

/** There is no metadata log, so there is no lag and no fetch time. */
const REPLICA = { replicaDirectoryId: ZERO_UUID, logEndOffset: 0, lastFetchTimestamp: -1, lastCaughtUpTimestamp: -1 };

/**
 * DescribeQuorum, versions 0 to 2: the metadata is in the store. The quorum is the node that
 * Metadata names as the controller, the other nodes are observers, and all offsets are 0 or less.
 * For `kafka-metadata-quorum describe`.
 */
export const describeQuorum = defineApi(DescribeQuorum, async (broker, request, version, context) => {
  const { topics: asked } = request;
  const decisions = await broker.authorize(context, [{ operation: 'DESCRIBE', resource: CLUSTER }]);
  if (!decisions.allows('DESCRIBE', CLUSTER)) {
    const errorMessage = 'Cluster authorization failed.';
    return { errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED'), errorMessage, topics: [], nodes: [] };
  }
  const [topic] = asked;
  const isMetadata =
    asked.length === 1 &&
    topic?.topicName === METADATA_TOPIC &&
    topic.partitions.length === 1 &&
    topic.partitions[0]!.partitionIndex === 0;
  if (!isMetadata) {
    const topics = asked.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, ...NOT_HERE })),
    }));
    return { errorCode: 0, errorMessage: '', topics, nodes: [] };
  }
  await broker.leadership.look();
  const nodes = broker.leadership.nodes(context);
  const leaderId = controllerOf(broker.leadership.nodeId, nodes);
  const leader = nodes.filter(({ nodeId }) => nodeId === leaderId);
  const endpoint = ({ nodeId, host, port }: (typeof nodes)[number]) => ({
    nodeId,
    listeners: [{ name: context.listener, host, port }],
  });
  const replicas = (of: typeof nodes) => of.map(({ nodeId }) => ({ replicaId: nodeId, ...REPLICA }));
  const partition = {
    partitionIndex: 0,
    errorCode: 0,
    errorMessage: '',
    leaderId,
    leaderEpoch: 0,
    highWatermark: 0,
    currentVoters: replicas(leader),
    observers: replicas(nodes.filter(({ nodeId }) => nodeId !== leaderId)),
  };
  return {
    errorCode: 0,
    errorMessage: '',
    topics: [{ topicName: METADATA_TOPIC, partitions: [partition] }],
    nodes: version < NODES_SINCE ? [] : leader.map(endpoint),
  };
});

const NOT_HERE = {
  errorCode: errorCode('UNKNOWN_TOPIC_OR_PARTITION'),
  errorMessage: 'This server does not host this topic-partition.',
  leaderId: 0,
  leaderEpoch: 0,
  highWatermark: 0,
  currentVoters: [],
  observers: [],
};
