import {
  allowedOperations,
  clusterOperationAccesses,
  clusterOperations,
  OPERATIONS_NOT_ASKED,
  operationAccesses,
} from '../../auth/allowed-operations.ts';
import { ANY_TOPIC, CLUSTER, type Operation, topicAccesses, topicResource } from '../../auth/authorize.ts';
import type { KnownEpochs } from '../../cluster/leadership.ts';
import { controllerOf } from '../../cluster/partition-nodes.ts';
import type { RequestContext } from '../../core/context.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { type Uuid, ZERO_UUID } from '../../core/uuid.ts';
import { autoCreateTopic } from '../../topics/auto-create.ts';
import { isInternalTopic, isReservedTopic, topicNameProblem } from '../../topics/topic-name.ts';
import type { Topic } from '../../topics/topics.ts';
import type { ApiKey, RequestBody } from '../../wire/apis.ts';
import { Metadata } from '../../wire/messages/03-metadata.ts';
import { type Broker, CloseConnection } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { TOPICS_NAMED_MAX, topicFinder } from '../find-topics.ts';
import { lazily } from '../lazily.ts';
import { partitionState } from '../partition-state.ts';

/** Topics that one request may create. Further ones get a retriable error. */
const AUTO_CREATED_MAX = 100;

/**
 * Versions 10 and 11 have the id field but do not accept ids. From this version on, topics may be
 * named by id.
 */
const FIRST_WITH_IDS = 12;

type Asked = NonNullable<RequestBody<typeof ApiKey.Metadata>['topics']>[number];

/**
 * Metadata, versions 0 to 13. Leaders are the nodes that should lead according to the newest node
 * list. A missing topic is created if that is allowed, as in Kafka, but before the answer. Each
 * topic is answered once, however often it is named. If any topic is named by id, names are ignored
 * (Kafka: KafkaApis.handleTopicMetadataRequest).
 */
export const metadata = defineApi(Metadata, async (broker, request, version, context) => {
  const all = request.topics === null || (version === 0 && request.topics.length === 0);
  const asked = request.topics ?? [];
  if (!all && asked.length > TOPICS_NAMED_MAX) {
    return new CloseConnection(
      `a metadata request names ${asked.length} topics, at most ${TOPICS_NAMED_MAX} are allowed`,
    );
  }
  const problem = namingProblem(asked, version);
  if (problem !== undefined) return refused(asked, problem);
  const wanted = all ? undefined : await withNames(broker, namedOnce(asked));
  const mayAutoCreate = request.allowAutoTopicCreation && broker.settings.autoCreateTopics;
  const rights = await askForRights(broker, context, wanted, request, mayAutoCreate);
  await broker.leadership.look();
  const found =
    wanted === undefined
      ? (await broker.admin.topics.list()).filter(({ record }) => rights.allows('DESCRIBE', record.name))
      : await findNamed(broker, wanted, mayAutoCreate, rights);
  const epochs = await broker.leadership.epochs(found.filter((one): one is Topic => 'record' in one));
  const topics = found.map((one) => ('record' in one ? describeTopic(broker, context, one, rights, epochs) : one));
  const brokers = broker.leadership.nodes(context);
  return {
    brokers,
    clusterId: broker.clusterId,
    controllerId: controllerOf(broker.leadership.nodeId, brokers),
    topics,
    clusterAuthorizedOperations: rights.clusterOperations,
  };
});

/** The error of the whole request; undefined if it is valid. */
function namingProblem(asked: readonly Asked[], version: number): ErrorName | undefined {
  const isById = asked.some(({ topicId }) => topicId !== ZERO_UUID);
  const isNameless = asked.some(({ name }) => name === null);
  if (version < FIRST_WITH_IDS) return isById || isNameless ? 'INVALID_REQUEST' : undefined;
  // Kafka 4.3 fails on a topic without name and id, and answers UNKNOWN_SERVER_ERROR.
  return isNameless && !isById ? 'UNKNOWN_SERVER_ERROR' : undefined;
}

/** The answer to an invalid request: its topics with the error, and no brokers. */
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

/** A requested topic: by name, or by an id that a topic may or may not have. */
type Wanted = { readonly name: string } | { readonly topic: Topic } | { readonly unknownId: Uuid };

/** Resolves topic ids to names, which authorization needs. */
async function withNames(broker: Broker, asked: readonly Asked[]): Promise<Wanted[]> {
  const wanted: Wanted[] = [];
  for (const { name, topicId } of asked) {
    if (name !== null) {
      wanted.push({ name });
      continue;
    }
    await broker.turns.turn();
    const topic = await broker.admin.topics.getById(topicId);
    wanted.push(topic === undefined ? { unknownId: topicId } : { topic });
  }
  return wanted;
}

/** The client's rights that affect the answer. */
interface Rights {
  allows(operation: Operation, topic: string): boolean;
  /** By a right to the topic or to the whole cluster. */
  mayCreate(topic: string): boolean;
  /** The topic's authorizedOperations field. */
  operations(topic: string): number;
  readonly clusterOperations: number;
}

/** @param wanted undefined for all topics */
async function askForRights(
  broker: Broker,
  context: RequestContext,
  wanted: readonly Wanted[] | undefined,
  request: RequestBody<typeof ApiKey.Metadata>,
  mayAutoCreate: boolean,
): Promise<Rights> {
  const withOperations = request.includeTopicAuthorizedOperations;
  const withClusterOperations = request.includeClusterAuthorizedOperations;
  const named = wanted?.flatMap((one) => ('name' in one ? [one.name] : []));
  const byId = wanted?.flatMap((one) => ('topic' in one ? [one.topic.record.name] : [])) ?? [];
  const resources = named?.concat(byId).map(topicResource) ?? [ANY_TOPIC];
  const creates = mayAutoCreate && named !== undefined;
  const decisions = await broker.authorize(context, [
    ...(withOperations
      ? resources.flatMap(operationAccesses)
      : resources.map((resource) => ({ operation: 'DESCRIBE', resource }) as const)),
    ...(creates ? topicAccesses('CREATE', named) : []),
    ...(creates ? [{ operation: 'CREATE', resource: CLUSTER } as const] : []),
    ...clusterOperationAccesses(withClusterOperations),
  ]);
  const allows = (operation: Operation, topic: string) => decisions.allows(operation, topicResource(topic));
  return {
    allows,
    mayCreate: (topic) => decisions.allows('CREATE', CLUSTER) || allows('CREATE', topic),
    operations: (topic) => (withOperations ? allowedOperations(decisions, topicResource(topic)) : OPERATIONS_NOT_ASKED),
    clusterOperations: clusterOperations(decisions, withClusterOperations),
  };
}

function describeTopic(broker: Broker, context: RequestContext, topic: Topic, rights: Rights, epochs: KnownEpochs) {
  const { name, id, partitions } = topic.record;
  return {
    errorCode: 0,
    name,
    topicId: id,
    isInternal: isInternalTopic(name),
    partitions: lazily(partitions, (index) => partitionState(broker, topic, index, epochs, context)),
    topicAuthorizedOperations: rights.operations(name),
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
  wanted: readonly Wanted[],
  mayAutoCreate: boolean,
  rights: Rights,
): Promise<(Topic | Described)[]> {
  const visible = wanted.filter((one) => 'name' in one && rights.allows('DESCRIBE', one.name));
  const find = await topicFinder(broker, visible.length);
  const found: (Topic | Described)[] = [];
  let creations = 0;
  for (const one of wanted) {
    await broker.turns.turn();
    if ('unknownId' in one) {
      found.push(undescribed(null, one.unknownId, 'UNKNOWN_TOPIC_ID'));
      continue;
    }
    if ('topic' in one) {
      const { name, id } = one.topic.record;
      found.push(rights.allows('DESCRIBE', name) ? one.topic : undescribed(null, id, 'TOPIC_AUTHORIZATION_FAILED'));
      continue;
    }
    const { name } = one;
    if (!rights.allows('DESCRIBE', name)) {
      found.push(undescribed(name, ZERO_UUID, 'TOPIC_AUTHORIZATION_FAILED'));
      continue;
    }
    // The field is the same whether the topic exists or not.
    const failed = (error: ErrorName): Described => ({
      ...undescribed(name, ZERO_UUID, error),
      topicAuthorizedOperations: rights.operations(name),
    });
    const topic = await find(name);
    if (topic !== undefined) {
      found.push(topic);
    } else if (mayAutoCreate && !rights.mayCreate(name)) {
      found.push(undescribed(name, ZERO_UUID, 'TOPIC_AUTHORIZATION_FAILED'));
    } else if (topicNameProblem(name) !== undefined) {
      found.push(failed('INVALID_TOPIC_EXCEPTION'));
    } else if (isReservedTopic(name) || !mayAutoCreate) {
      found.push(failed('UNKNOWN_TOPIC_OR_PARTITION'));
    } else if (creations++ >= AUTO_CREATED_MAX) {
      found.push(failed('LEADER_NOT_AVAILABLE'));
    } else {
      const created = await autoCreateTopic(broker.admin, broker.logger, name);
      found.push(typeof created === 'string' ? failed(created) : created);
    }
  }
  return found;
}
