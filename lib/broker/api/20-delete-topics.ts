import { deleteTopic } from '../../admin/delete-topic.ts';
import { isReservedTopic } from '../../admin/topic-name.ts';
import type { Topic } from '../../admin/topics.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { type Uuid, ZERO_UUID } from '../../core/uuid.ts';
import type { ApiKey } from '../../protocol/apis.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { topicResource } from '../authorize.ts';
import type { Broker, Handler } from '../broker.ts';
import { eachInTime } from '../each-in-time.ts';

/** A deletion that was begun waits at least so long for the store, whatever the request's time-out says; ms. */
const TIMEOUT_MIN_MS = 5_000;

/**
 * DeleteTopics, versions 1 to 6: by name, from version 6 also by id. Nothing can be appended once the answer is there. A topic
 * that is named twice, whichever way, is not deleted and has one answer, as in Kafka (ControllerApis.deleteTopics).
 */
export const deleteTopics: Handler<typeof ApiKey.DeleteTopics> = async (broker, request, version, context) => {
  const asked: readonly Asked[] =
    version >= 6 ? request.topics : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }));
  const deadline = broker.clock.monotonic() + Math.max(request.timeoutMs, TIMEOUT_MIN_MS);
  const endsAt = broker.clock.monotonic() + request.timeoutMs;
  const mentions = new Map<string, [Asked, ...Asked[]]>();
  const keys = await eachInTime(
    broker,
    request.timeoutMs,
    asked,
    (one) => keyOf(broker, one),
    ({ name, topicId }) => name ?? keyOfId(topicId),
  );
  for (const [at, key] of keys.entries()) {
    const known = mentions.get(key);
    if (known === undefined) mentions.set(key, [asked[at]!]);
    else known.push(asked[at]!);
  }
  const allowed = (topic: string) => broker.authorize(context, 'DELETE', topicResource(topic));
  const perform = async ([{ name, topicId }, ...again]: readonly [Asked, ...Asked[]]) => {
    if (again.length === 0) return remove(broker, name, topicId, version, deadline, allowed);
    return { error: 'INVALID_REQUEST' as const, message: 'the topic is in the request twice', name, id: topicId };
  };
  const late = ([{ name, topicId }]: readonly [Asked, ...Asked[]]) => ({
    error: 'REQUEST_TIMED_OUT' as const,
    message: null,
    name,
    id: topicId,
  });
  const outcomes = await eachInTime(broker, endsAt - broker.clock.monotonic(), [...mentions.values()], perform, late);
  const responses = outcomes.map(({ name, id, error, message }) => ({
    name,
    topicId: id,
    errorCode: errorCode(error),
    errorMessage: message,
  }));
  return { responses };
};

interface Asked {
  readonly name: string | null;
  readonly topicId: Uuid;
}

/** The same for all ways to name one topic. */
async function keyOf(broker: Broker, { name, topicId }: Asked): Promise<string> {
  if (name !== null) return name;
  try {
    const topic = await broker.admin.topics.getById(topicId);
    if (topic !== undefined) return topic.record.name;
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
  }
  return keyOfId(topicId);
}

/** No name has a colon. */
function keyOfId(topicId: Uuid): string {
  return `id:${topicId}`;
}

async function remove(
  broker: Broker,
  name: string | null,
  topicId: string,
  version: number,
  deadline: number,
  allowed: (name: string) => boolean,
) {
  const outcome = (error: ErrorName, message: string | null = null, topic?: Topic) => ({
    error,
    message,
    name: topic?.record.name ?? name,
    id: topic?.record.id ?? topicId,
  });
  if (!broker.settings.deleteTopics) {
    return outcome(version < 3 ? 'INVALID_REQUEST' : 'TOPIC_DELETION_DISABLED', 'delete.topic.enable is false');
  }
  if (name !== null && topicId !== ZERO_UUID) {
    return outcome('INVALID_REQUEST', 'a topic is named by its name or by its id, not by both');
  }
  if (name !== null && !allowed(name)) return outcome('TOPIC_AUTHORIZATION_FAILED');
  try {
    const topic = name === null ? await broker.admin.topics.getById(topicId) : await broker.admin.topics.read(name);
    if (topic === undefined) return outcome(name === null ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION');
    if (!allowed(topic.record.name)) return outcome('TOPIC_AUTHORIZATION_FAILED');
    if (isReservedTopic(topic.record.name)) {
      return outcome('INVALID_REQUEST', `Deletion of internal topic ${topic.record.name} is prohibited.`, topic);
    }
    const deleted = await deleteTopic(broker.admin, topic, deadline);
    return deleted
      ? outcome('NONE', null, topic)
      : outcome(name === null ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION');
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return outcome('REQUEST_TIMED_OUT', error.message);
  }
}
