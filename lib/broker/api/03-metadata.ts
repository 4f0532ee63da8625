import { createTopic } from '../../admin/create-topic.ts';
import type { KnownEpochs } from '../../admin/nodes/leadership.ts';
import { isInternalTopic, isReservedTopic, topicNameProblem } from '../../admin/topic-name.ts';
import type { Topic } from '../../admin/topics.ts';
import type { RequestContext } from '../../core/context.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { type Uuid, ZERO_UUID } from '../../core/uuid.ts';
import type { ApiKey, RequestBody } from '../../protocol/apis.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { allowedOperations, CLUSTER, OPERATIONS_NOT_ASKED, topicResource } from '../authorize.ts';
import { type Broker, CloseConnection, type Handler } from '../broker.ts';
import { lazily } from '../each.ts';
import { TOPICS_NAMED_MAX, topicFinder } from '../find-topics.ts';
import { controllerOf, partitionState } from '../partition-state.ts';

/** Topics that one request may create; what it names beyond is answered with a retriable error. */
const AUTO_CREATED_MAX = 100;

/** Answers to earlier versions have a name in any case; those that ask by id for what is not there get an empty one. */
const NULLABLE_NAME_MIN = 12;

type Asked = NonNullable<RequestBody<typeof ApiKey.Metadata>['topics']>[number];

/**
 * Metadata, versions 0 to 13. Leaders are the nodes that should lead by the newest list of nodes; a topic that is not there is
 * created where that is allowed, as in Kafka, but at once. A topic that is named twice has one answer, as in Kafka
 * (KafkaApis.handleTopicMetadataRequest).
 */
export const metadata: Handler<typeof ApiKey.Metadata> = async (broker, request, version, context) => {
  const all = request.topics === null || (version === 0 && request.topics.length === 0);
  const asked = namedOnce(request.topics ?? []);
  if (!all && asked.length > TOPICS_NAMED_MAX) {
    return new CloseConnection(
      `a metadata request names ${asked.length} topics, at most ${TOPICS_NAMED_MAX} are allowed`,
    );
  }
  const operations = request.includeTopicAuthorizedOperations;
  await broker.leadership.look();
  const found = all
    ? (await broker.admin.topics.list()).filter((topic) =>
        broker.authorize(context, 'DESCRIBE', topicResource(topic.record.name)),
      )
    : await findNamed(broker, context, asked, request.allowAutoTopicCreation, version >= NULLABLE_NAME_MIN);
  const epochs = await broker.leadership.epochs(found.filter((one): one is Topic => 'record' in one));
  const topics = found.map((one) => ('record' in one ? describeTopic(broker, context, one, operations, epochs) : one));
  const brokers = broker.leadership.nodes(context);
  return {
    brokers,
    clusterId: broker.clusterId,
    controllerId: controllerOf(broker.nodeId, brokers),
    topics,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? allowedOperations(broker.authorize, context, CLUSTER)
      : OPERATIONS_NOT_ASKED,
  };
};

function namedOnce(asked: readonly Asked[]): readonly Asked[] {
  // No name has a slash.
  return [...new Map(asked.map((one) => [`${one.name ?? ''}/${one.topicId}`, one])).values()];
}

function describeTopic(
  broker: Broker,
  context: RequestContext,
  topic: Topic,
  operations: boolean,
  epochs: KnownEpochs,
) {
  const { name, id, partitions } = topic.record;
  return {
    errorCode: 0,
    name,
    topicId: id,
    isInternal: isInternalTopic(name),
    partitions: lazily(partitions, (index) => partitionState(broker, topic, index, epochs, context)),
    topicAuthorizedOperations: operations
      ? allowedOperations(broker.authorize, context, topicResource(name))
      : OPERATIONS_NOT_ASKED,
  };
}

type Described = ReturnType<typeof describeTopic>;

function undescribed(name: string | null, topicId: Uuid, error: ErrorName): Described {
  return {
    errorCode: errorCode(error),
    name: name as string,
    topicId,
    isInternal: name !== null && isInternalTopic(name),
    partitions: [],
    topicAuthorizedOperations: OPERATIONS_NOT_ASKED,
  };
}

async function findNamed(
  broker: Broker,
  context: RequestContext,
  asked: readonly Asked[],
  mayCreate: boolean,
  mayBeNull: boolean,
): Promise<(Topic | Described)[]> {
  const find = await topicFinder(broker, asked.length);
  const found: (Topic | Described)[] = [];
  let creations = 0;
  for (const { name, topicId } of asked) {
    await broker.pace.turn();
    // The Java AdminClient names a topic by its id with an empty name, not with none.
    if (name === null || topicId !== ZERO_UUID) {
      const byId = await findById(broker, context, topicId);
      found.push('name' in byId && byId.name === null && !mayBeNull ? { ...byId, name: '' } : byId);
      continue;
    }
    if (!broker.authorize(context, 'DESCRIBE', topicResource(name))) {
      found.push(undescribed(name, ZERO_UUID, 'TOPIC_AUTHORIZATION_FAILED'));
      continue;
    }
    const topic = await find(name);
    if (topic !== undefined) {
      found.push(topic);
    } else if (topicNameProblem(name) !== undefined) {
      found.push(undescribed(name, ZERO_UUID, 'INVALID_TOPIC_EXCEPTION'));
    } else if (
      isReservedTopic(name) ||
      !mayCreate ||
      !broker.settings.autoCreateTopics ||
      !mayCreateTopic(broker, context, name)
    ) {
      found.push(undescribed(name, ZERO_UUID, 'UNKNOWN_TOPIC_OR_PARTITION'));
    } else if (creations++ >= AUTO_CREATED_MAX) {
      found.push(undescribed(name, ZERO_UUID, 'LEADER_NOT_AVAILABLE'));
    } else {
      const created = await autoCreate(broker, name);
      found.push(typeof created === 'string' ? undescribed(name, ZERO_UUID, created) : created);
    }
  }
  return found;
}

async function findById(broker: Broker, context: RequestContext, id: Uuid): Promise<Topic | Described> {
  if (id === ZERO_UUID) return undescribed(null, id, 'UNKNOWN_TOPIC_ID');
  const topic = await broker.admin.topics.getById(id);
  if (topic === undefined) return undescribed(null, id, 'UNKNOWN_TOPIC_ID');
  if (broker.authorize(context, 'DESCRIBE', topicResource(topic.record.name))) return topic;
  return undescribed(null, id, 'TOPIC_AUTHORIZATION_FAILED');
}

function mayCreateTopic(broker: Broker, context: RequestContext, name: string): boolean {
  return broker.authorize(context, 'CREATE', CLUSTER) || broker.authorize(context, 'CREATE', topicResource(name));
}

async function autoCreate(broker: Broker, name: string): Promise<Topic | ErrorName> {
  const wanted = { name, partitions: -1, replicationFactor: -1, assignments: [], configs: [] };
  try {
    const outcome = await createTopic(broker.admin, wanted, false);
    if (outcome.kind === 'created') {
      broker.logger.log('warn', {
        event: 'topic_auto_created',
        topic: name,
        partitions: outcome.topic.record.partitions,
        message: 'the topic did not exist; set auto.create.topics.enable=false to refuse instead',
      });
      return outcome.topic;
    }
    if (outcome.kind === 'rejected' && outcome.error === 'TOPIC_ALREADY_EXISTS') {
      return (await broker.admin.topics.read(name)) ?? 'LEADER_NOT_AVAILABLE';
    }
    return outcome.kind === 'rejected' ? outcome.error : 'UNKNOWN_SERVER_ERROR';
  } catch (error) {
    if (error instanceof StoreUnavailableError) return 'LEADER_NOT_AVAILABLE';
    throw error;
  }
}
