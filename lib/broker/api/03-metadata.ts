import { allowedOperations, CLUSTER, OPERATIONS_NOT_ASKED, topicResource } from '../../auth/authorize.ts';
import type { KnownEpochs } from '../../cluster/leadership.ts';
import type { RequestContext } from '../../core/context.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { type Uuid, ZERO_UUID } from '../../core/uuid.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { createTopic } from '../../topics/create-topic.ts';
import { isInternalTopic, isReservedTopic, topicNameProblem } from '../../topics/topic-name.ts';
import type { Topic } from '../../topics/topics.ts';
import type { ApiKey, RequestBody } from '../../wire/apis.ts';
import { type Broker, CloseConnection, type Handler } from '../broker.ts';
import { lazily } from '../each.ts';
import { TOPICS_NAMED_MAX, topicFinder } from '../find-topics.ts';
import { controllerOf, partitionState } from '../partition-state.ts';

/** Topics that one request may create; what it names beyond is answered with a retriable error. */
const AUTO_CREATED_MAX = 100;

/** Versions 10 and 11 have a place for ids, but do not take any; from here on topics may be named by id. */
const FIRST_WITH_IDS = 12;

type Asked = NonNullable<RequestBody<typeof ApiKey.Metadata>['topics']>[number];

/**
 * Metadata, versions 0 to 13. Leaders are the nodes that should lead by the newest list of nodes; a topic that is not there is
 * created where that is allowed, as in Kafka, but at once. Each topic is answered once, however often it is named. Where a
 * topic is named by id, only ids count (Kafka: KafkaApis.handleTopicMetadataRequest).
 */
export const metadata: Handler<typeof ApiKey.Metadata> = async (broker, request, version, context) => {
  const all = request.topics === null || (version === 0 && request.topics.length === 0);
  const asked = request.topics ?? [];
  if (!all && asked.length > TOPICS_NAMED_MAX) {
    return new CloseConnection(
      `a metadata request names ${asked.length} topics, at most ${TOPICS_NAMED_MAX} are allowed`,
    );
  }
  const problem = namingProblem(asked, version);
  if (problem !== undefined) return refused(asked, problem);
  const operations = request.includeTopicAuthorizedOperations;
  await broker.leadership.look();
  const found = all
    ? (await broker.admin.topics.list()).filter((topic) =>
        broker.authorize(context, 'DESCRIBE', topicResource(topic.record.name)),
      )
    : await findNamed(broker, context, namedOnce(asked), request.allowAutoTopicCreation, operations);
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

/** What makes the whole request wrong; undefined if nothing does. */
function namingProblem(asked: readonly Asked[], version: number): ErrorName | undefined {
  const isById = asked.some(({ topicId }) => topicId !== ZERO_UUID);
  const isNameless = asked.some(({ name }) => name === null);
  if (version < FIRST_WITH_IDS) return isById || isNameless ? 'INVALID_REQUEST' : undefined;
  // Kafka 4.3 fails on a topic without name and id, and answers with the error for what it did not expect.
  return isNameless && !isById ? 'UNKNOWN_SERVER_ERROR' : undefined;
}

/** The answer to a request that is wrong as a whole: it tells nothing, not even the brokers. */
function refused(asked: readonly Asked[], error: ErrorName) {
  return {
    brokers: [],
    topics: asked.map(({ name, topicId }) => undescribed(name ?? '', topicId, error)),
    errorCode: errorCode(error),
  };
}

/** Every topic once, by id if any is named by id, else by name. */
function namedOnce(asked: readonly Asked[]): readonly Asked[] {
  const isById = asked.some(({ topicId }) => topicId !== ZERO_UUID);
  if (!isById) return [...new Set(asked.map(({ name }) => name))].map((name) => ({ name, topicId: ZERO_UUID }));
  const ids = new Set(asked.map(({ topicId }) => topicId));
  ids.delete(ZERO_UUID);
  return [...ids].map((topicId) => ({ name: null, topicId }));
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
  operations: boolean,
): Promise<(Topic | Described)[]> {
  const find = await topicFinder(broker, asked.length);
  const found: (Topic | Described)[] = [];
  let creations = 0;
  for (const { name, topicId } of asked) {
    await broker.pace.turn();
    if (name === null) {
      found.push(await findById(broker, context, topicId));
      continue;
    }
    if (!broker.authorize(context, 'DESCRIBE', topicResource(name))) {
      found.push(undescribed(name, ZERO_UUID, 'TOPIC_AUTHORIZATION_FAILED'));
      continue;
    }
    // What a client may do with a topic is told whether it is there or not.
    const failed = (error: ErrorName): Described => ({
      ...undescribed(name, ZERO_UUID, error),
      topicAuthorizedOperations: operations
        ? allowedOperations(broker.authorize, context, topicResource(name))
        : OPERATIONS_NOT_ASKED,
    });
    const topic = await find(name);
    if (topic !== undefined) {
      found.push(topic);
    } else if (topicNameProblem(name) !== undefined) {
      found.push(failed('INVALID_TOPIC_EXCEPTION'));
    } else if (
      isReservedTopic(name) ||
      !mayCreate ||
      !broker.settings.autoCreateTopics ||
      !mayCreateTopic(broker, context, name)
    ) {
      found.push(failed('UNKNOWN_TOPIC_OR_PARTITION'));
    } else if (creations++ >= AUTO_CREATED_MAX) {
      found.push(failed('LEADER_NOT_AVAILABLE'));
    } else {
      const created = await autoCreate(broker, name);
      found.push(typeof created === 'string' ? failed(created) : created);
    }
  }
  return found;
}

async function findById(broker: Broker, context: RequestContext, id: Uuid): Promise<Topic | Described> {
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
