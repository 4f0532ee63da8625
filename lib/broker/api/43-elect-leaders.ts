import { CLUSTER } from '../../auth/authorize.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import type { Topic } from '../../topics/topics.ts';
import type { ApiKey, RequestBody } from '../../wire/apis.ts';
import { ElectLeaders } from '../../wire/messages/43-elect-leaders.ts';
import { CloseConnection } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { TOPICS_NAMED_MAX, topicFinder } from '../find-topics.ts';

/** org.apache.kafka.common.ElectionType. */
const PREFERRED = 0;
const UNCLEAN = 1;

type Asked = NonNullable<RequestBody<typeof ApiKey.ElectLeaders>['topicPartitions']>[number];

/**
 * ElectLeaders, versions 0 to 2: every partition already has its only possible leader, so no
 * election is needed. If all partitions are requested, Kafka lists only those that were elected,
 * here none (ReplicationControlManager.electLeaders).
 */
export const electLeaders = defineApi(ElectLeaders, async (broker, request, _version, context) => {
  const { topicPartitions: asked, electionType } = request;
  if (asked !== null && asked.length > TOPICS_NAMED_MAX) {
    return new CloseConnection(`a request names ${asked.length} topics, at most ${TOPICS_NAMED_MAX} are allowed`);
  }
  const decisions = await broker.authorize(context, [{ operation: 'ALTER', resource: CLUSTER }]);
  if (!decisions.allows('ALTER', CLUSTER)) {
    return refused(asked, 'CLUSTER_AUTHORIZATION_FAILED', 'Cluster authorization failed.');
  }
  if (electionType !== PREFERRED && electionType !== UNCLEAN) {
    return refused(asked, 'INVALID_REQUEST', `Unknown election type ${electionType}`);
  }
  if (asked === null) {
    const topics = await broker.admin.topics.list();
    return {
      errorCode: 0,
      replicaElectionResults: topics.map(({ record }) => ({ topic: record.name, partitionResult: [] })),
    };
  }
  const find = await topicFinder(broker, asked.length);
  const replicaElectionResults = [];
  for (const { topic: name, partitions } of asked) {
    await broker.turns.turn();
    const topic = await find(name);
    replicaElectionResults.push({ topic: name, partitionResult: partitions.map((id) => elected(name, topic, id)) });
  }
  return { errorCode: 0, replicaElectionResults };
});

function elected(name: string, topic: Topic | undefined, partition: number) {
  if (topic === undefined) return result(partition, 'UNKNOWN_TOPIC_OR_PARTITION', `No such topic as ${name}`);
  if (partition < 0 || partition >= topic.record.partitions) {
    return result(partition, 'UNKNOWN_TOPIC_OR_PARTITION', `No such partition as ${name}-${partition}`);
  }
  return result(partition, 'ELECTION_NOT_NEEDED', 'Leader election not needed for topic partition.');
}

function result(partitionId: number, error: ErrorName, errorMessage: string) {
  return { partitionId, errorCode: errorCode(error), errorMessage };
}

function refused(asked: readonly Asked[] | null, error: ErrorName, message: string) {
  return {
    errorCode: errorCode(error),
    replicaElectionResults: (asked ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((id) => result(id, error, message)),
    })),
  };
}
