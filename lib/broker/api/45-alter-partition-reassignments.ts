import { CLUSTER } from '../../auth/authorize.ts';
import { replicasOf } from '../../cluster/partition-nodes.ts';
import { clipText } from '../../core/clip-text.ts';
import { type ErrorName, errorCode, type Failure } from '../../core/errors.ts';
import type { Topic } from '../../topics/topics.ts';
import type { ApiKey, RequestBody } from '../../wire/apis.ts';
import { AlterPartitionReassignments } from '../../wire/messages/45-alter-partition-reassignments.ts';
import { defineApi } from '../define-api.ts';
import { topicFinder } from '../find-topics.ts';
import { hasPartition } from '../group-topics.ts';

/**
 * The longest topic name quoted in an error message, which repeats it for each partition. No topic
 * has a longer name; bytes.
 */
const QUOTED_BYTES_MAX = 249;

type Asked = RequestBody<typeof ApiKey.AlterPartitionReassignments>['topics'][number]['partitions'][number];

/**
 * AlterPartitionReassignments, versions 0 and 1: partitions cannot be moved, since the store keeps
 * the copies and the live nodes determine the leader. Assigning a partition to its present replicas
 * does nothing. Anything else is refused, with Kafka's error if Kafka would refuse it too
 * (ReplicationControlManager.alterPartitionReassignments).
 */
export const alterPartitionReassignments = defineApi(
  AlterPartitionReassignments,
  async (broker, request, _version, context) => {
    const { topics, allowReplicationFactorChange } = request;
    const decisions = await broker.authorize(context, [{ operation: 'ALTER', resource: CLUSTER }]);
    if (!decisions.allows('ALTER', CLUSTER)) {
      const error = errorCode('CLUSTER_AUTHORIZATION_FAILED');
      return {
        allowReplicationFactorChange,
        errorCode: error,
        errorMessage: 'Cluster authorization failed.',
        responses: [],
      };
    }
    await broker.leadership.look();
    const nodes = new Set(broker.leadership.nodes(context).map(({ nodeId }) => nodeId));
    const find = await topicFinder(broker, topics.length);
    const responses = [];
    for (const { name, partitions } of topics) {
      const topic = await find(name);
      const answered = partitions.map((asked) => {
        const failure = assign(
          topic,
          name,
          asked,
          (found) => replicasOf(broker.leadership, found, asked.partitionIndex, context),
          nodes,
        );
        return {
          partitionIndex: asked.partitionIndex,
          errorCode: errorCode(failure?.error ?? 'NONE'),
          errorMessage: failure?.message ?? null,
        };
      });
      responses.push({ name, partitions: answered });
    }
    // Kafka sends an empty message when no topics were named.
    return { allowReplicationFactorChange, errorCode: 0, errorMessage: topics.length === 0 ? '' : null, responses };
  },
);

/** What is wrong with an assignment; undefined if it is the partition's present one. */
function assign(
  topic: Topic | undefined,
  name: string,
  { partitionIndex, replicas }: Asked,
  currentOf: (topic: Topic) => readonly number[],
  nodes: ReadonlySet<number>,
): Failure | undefined {
  const fail = (error: ErrorName, message: string): Failure => ({ error, message });
  const quoted = clipText(name, QUOTED_BYTES_MAX);
  if (topic === undefined) return fail('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find a topic named ${quoted}.`);
  if (!hasPartition(topic, partitionIndex)) {
    return fail('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find partition ${quoted}:${partitionIndex}.`);
  }
  if (replicas === null) return { error: 'NO_REASSIGNMENT_IN_PROGRESS' };
  const invalid = (problem: string) => fail('INVALID_REPLICA_ASSIGNMENT', problem);
  const includes = 'The manual partition assignment includes';
  if (replicas.length === 0) return invalid(`${includes} an empty replica list.`);
  const absent = [...replicas].sort((a, b) => a - b).find((id) => !nodes.has(id));
  if (absent !== undefined) return invalid(`${includes} broker ${absent}, but no such broker is registered.`);
  const twice = replicas.find((id, index) => replicas.indexOf(id) < index);
  if (twice !== undefined) return invalid(`${includes} the broker ${twice} more than once.`);
  const current = currentOf(topic);
  if (replicas.length === current.length && replicas.every((id, index) => id === current[index])) return undefined;
  return invalid(
    `Partition ${quoted}-${partitionIndex} stays on [${current.join(', ')}]: partitions cannot be assigned to brokers, ` +
      'as the store keeps the copies and leaders follow from which brokers there are.',
  );
}
