import { topicResource } from '../../auth/authorize.ts';
import { errorCode, type Failure } from '../../core/errors.ts';
import { type Uuid, ZERO_UUID } from '../../core/uuid.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { deleteTopic } from '../../topics/delete-topic.ts';
import { isReservedTopic } from '../../topics/topic-name.ts';
import type { Topic } from '../../topics/topics.ts';
import type { ApiKey } from '../../wire/apis.ts';
import type { Broker, Handler } from '../broker.ts';
import { eachInTime } from '../each-in-time.ts';

/** A deletion that was begun waits at least so long for the store, whatever the request's time-out says; ms. */
const TIMEOUT_MIN_MS = 5_000;

/**
 * DeleteTopics, versions 1 to 6: by name, from version 6 also by id. Nothing can be appended once the answer is there. A topic
 * that is named twice, whichever way, is not deleted and has one answer; what names none, or names one by both, has an
 * answer of its own each time (Kafka: ControllerApis.deleteTopics).
 */
export const deleteTopics: Handler<typeof ApiKey.DeleteTopics> = async (broker, request, version, context) => {
  const asked: readonly Asked[] =
    version >= 6 ? request.topics : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }));
  const deadline = broker.clock.monotonic() + Math.max(request.timeoutMs, TIMEOUT_MIN_MS);
  const allowed = (name: string) => broker.authorize(context, 'DELETE', topicResource(name));
  const { refused, named } = sortedOut(asked);
  const outcomes: Outcome[] = [...refused];
  if (broker.settings.deleteTopics) {
    const endsAt = broker.clock.monotonic() + request.timeoutMs;
    const late = (one: Asked): Outcome => ({ ...one, error: 'REQUEST_TIMED_OUT' });
    const looked = await eachInTime(
      broker,
      request.timeoutMs,
      named,
      (one) => lookUp(broker, one),
      (one): Found => ({ outcome: late(one) }),
    );
    const removed = await eachInTime(
      broker,
      endsAt - broker.clock.monotonic(),
      onceEach(looked),
      (one) => remove(broker, one, deadline, allowed),
      (one) => ('outcome' in one ? one.outcome : late(one.asked)),
    );
    outcomes.push(...removed);
  } else {
    const error = version < 3 ? 'INVALID_REQUEST' : 'TOPIC_DELETION_DISABLED';
    outcomes.push(...named.map((one) => ({ ...one, error, message: 'delete.topic.enable is false' }) as const));
  }
  return {
    responses: outcomes.map(({ name, topicId, error, message }) => ({
      name,
      topicId,
      errorCode: errorCode(error),
      errorMessage: message ?? null,
    })),
  };
};

interface Asked {
  readonly name: string | null;
  readonly topicId: Uuid;
}

interface Outcome extends Asked, Failure {}

/** What can be looked up, each once, and what is refused for the way it is named. */
function sortedOut(asked: readonly Asked[]): { refused: Outcome[]; named: Asked[] } {
  const refused: Outcome[] = [];
  const mentions = new Map<string, { readonly asked: Asked; count: number }>();
  for (const { name, topicId } of asked) {
    if (name !== null && topicId !== ZERO_UUID) {
      refused.push(invalid({ name, topicId }, 'a topic is named by its name or by its id, not by both'));
    } else if (name === null && topicId === ZERO_UUID) {
      refused.push(invalid({ name, topicId }, 'neither the name nor the id of a topic was given'));
    } else {
      // No name has a colon.
      const key = name ?? `id:${topicId}`;
      const known = mentions.get(key);
      if (known === undefined) mentions.set(key, { asked: { name, topicId }, count: 1 });
      else known.count++;
    }
  }
  const named: Asked[] = [];
  for (const { asked: one, count } of mentions.values()) {
    if (count === 1) named.push(one);
    else refused.push(invalid(one, 'the topic is in the request twice'));
  }
  return { refused, named };
}

function invalid(asked: Asked, message: string): Outcome {
  return { ...asked, error: 'INVALID_REQUEST', message };
}

type Found = { readonly asked: Asked; readonly topic: Topic | undefined } | { readonly outcome: Outcome };

async function lookUp(broker: Broker, asked: Asked): Promise<Found> {
  const { topics } = broker.admin;
  const { name, topicId } = asked;
  try {
    return { asked, topic: name === null ? await topics.getById(topicId) : await topics.read(name) };
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return { outcome: { ...asked, error: 'REQUEST_TIMED_OUT', message: error.message } };
  }
}

/** A topic that is named by its id and by its name is refused, once. */
function onceEach(looked: readonly Found[]): Found[] {
  const found: Found[] = [];
  const places = new Map<Uuid, number>();
  for (const one of looked) {
    const topic = 'topic' in one ? one.topic : undefined;
    const place = topic === undefined ? undefined : places.get(topic.record.id);
    if (topic !== undefined && place !== undefined) {
      found[place] = { outcome: invalid(nameOf(topic), 'the topic is in the request twice') };
      continue;
    }
    if (topic !== undefined) places.set(topic.record.id, found.length);
    found.push(one);
  }
  return found;
}

function nameOf({ record }: Topic): Asked {
  return { name: record.name, topicId: record.id };
}

async function remove(
  broker: Broker,
  found: Found,
  deadline: number,
  allowed: (name: string) => boolean,
): Promise<Outcome> {
  if ('outcome' in found) return found.outcome;
  const { asked, topic } = found;
  const name = asked.name ?? topic?.record.name;
  if (name !== undefined && !allowed(name)) return { ...asked, error: 'TOPIC_AUTHORIZATION_FAILED' };
  if (topic === undefined) return unknown(asked);
  if (isReservedTopic(topic.record.name)) {
    return invalid(nameOf(topic), `Deletion of internal topic ${topic.record.name} is prohibited.`);
  }
  try {
    const deleted = await deleteTopic(broker.admin, topic, deadline);
    return deleted ? { ...nameOf(topic), error: 'NONE' } : unknown(asked);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return { ...nameOf(topic), error: 'REQUEST_TIMED_OUT', message: error.message };
  }
}

function unknown(asked: Asked): Outcome {
  const { name, topicId } = asked;
  return name === null
    ? { ...asked, error: 'UNKNOWN_TOPIC_ID', message: `there is no topic with the id ${topicId}` }
    : { ...asked, error: 'UNKNOWN_TOPIC_OR_PARTITION', message: `there is no topic '${name}'` };
}
