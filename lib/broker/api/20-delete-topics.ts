import { CLUSTER, type Operation, topicAccesses, topicResource } from '../../auth/authorize.ts';
import type { RequestContext } from '../../core/context.ts';
import { errorCode, type Failure } from '../../core/errors.ts';
import { type Uuid, ZERO_UUID } from '../../core/uuid.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { deleteTopic } from '../../topics/delete-topic.ts';
import { isReservedTopic } from '../../topics/topic-name.ts';
import type { Topic } from '../../topics/topics.ts';
import { DeleteTopics } from '../../wire/messages/20-delete-topics.ts';
import type { Broker } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { eachInTime } from '../each-in-time.ts';

/**
 * The least time that a started deletion waits for the store, whatever the request's time-out; ms.
 */
const TIMEOUT_MIN_MS = 5_000;

/**
 * DeleteTopics, versions 1 to 6: by name, from version 6 also by id. Appends fail once the topic is
 * answered. A topic that is named twice, by name or id, is not deleted and has one answer. An entry
 * with neither name nor id, or with both, has its own answer each time. DELETE on the cluster
 * includes every topic (Kafka: ControllerApis.deleteTopics).
 */
export const deleteTopics = defineApi(DeleteTopics, async (broker, request, version, context) => {
  const asked: readonly Asked[] =
    version >= 6 ? request.topics : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }));
  const { refused, named } = sortedOut(asked);
  const outcomes: Outcome[] = [...refused];
  if (broker.settings.deleteTopics) {
    outcomes.push(...(await deleteNamed(broker, named, request.timeoutMs, context)));
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
});

async function deleteNamed(
  broker: Broker,
  named: readonly Asked[],
  timeoutMs: number,
  context: RequestContext,
): Promise<Outcome[]> {
  const { clock } = broker;
  const endsAt = clock.monotonic() + timeoutMs;
  const deadline = clock.monotonic() + Math.max(timeoutMs, TIMEOUT_MIN_MS);
  const inTime = <Item extends Asked | Found, Result>(
    items: readonly Item[],
    perform: (item: Item) => Promise<Result>,
    late: (item: Item) => Result,
  ) => eachInTime(broker, endsAt - clock.monotonic(), items, perform, late);
  const outOfTime = (found: Found): Outcome => ('outcome' in found ? found.outcome : late(found.asked));

  // Authorization needs names, so topic ids are looked up first.
  const ids = named.filter(({ name }) => name === null);
  const found = await inTime(
    ids,
    (one) => lookUp(one, () => broker.admin.topics.getById(one.topicId)),
    (one): Found => ({ outcome: late(one) }),
  );
  const byId = new Map(found.map((one, index) => [ids[index]!.topicId, one]));
  const candidates = named.map((one): Found => (one.name === null ? byId.get(one.topicId)! : { asked: one }));
  const names = candidates.map(nameIn).filter((name) => name !== undefined);
  const decisions = await broker.authorize(context, [
    { operation: 'DELETE', resource: CLUSTER },
    ...topicAccesses('DESCRIBE', names),
    ...topicAccesses('DELETE', names),
  ]);
  const allows = (operation: Operation, name: string) =>
    decisions.allows('DELETE', CLUSTER) || decisions.allows(operation, topicResource(name));

  const visible = candidates.map((one) => withoutHidden(one, (name) => allows('DESCRIBE', name)));
  const looked = await inTime(
    visible,
    async (one) => {
      if ('outcome' in one || one.topic !== undefined) return one;
      return lookUp(one.asked, () => broker.admin.topics.read(one.asked.name!));
    },
    (one): Found => ({ outcome: outOfTime(one) }),
  );
  const permitted = looked.map((one) => withoutForbidden(one, (name) => allows('DELETE', name)));
  return inTime(onceEach(permitted), (one) => remove(broker, one, deadline), outOfTime);
}

function late(asked: Asked): Outcome {
  return { ...asked, error: 'REQUEST_TIMED_OUT' };
}

interface Asked {
  readonly name: string | null;
  readonly topicId: Uuid;
}

interface Outcome extends Asked, Failure {}

/** The topics to look up, each once, and the entries that are refused without a lookup. */
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

/** The progress of a topic: still to be looked up or deleted, or finished. */
type Found = { readonly asked: Asked; readonly topic?: Topic } | { readonly outcome: Outcome };

async function lookUp(asked: Asked, read: () => Promise<Topic | undefined>): Promise<Found> {
  try {
    const topic = await read();
    return topic === undefined ? { outcome: unknown(asked) } : { asked, topic };
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return { outcome: { ...asked, error: 'REQUEST_TIMED_OUT', message: error.message } };
  }
}

function nameIn(found: Found): string | undefined {
  return 'outcome' in found ? undefined : (found.asked.name ?? found.topic?.record.name);
}

/**
 * A topic that the client may not describe is refused before the lookup, so that the answer does
 * not reveal its name.
 */
function withoutHidden(found: Found, mayDescribe: (name: string) => boolean): Found {
  const name = nameIn(found);
  if ('outcome' in found || name === undefined || mayDescribe(name)) return found;
  return { outcome: { ...found.asked, error: 'TOPIC_AUTHORIZATION_FAILED' } };
}

function withoutForbidden(found: Found, mayDelete: (name: string) => boolean): Found {
  if ('outcome' in found || found.topic === undefined || mayDelete(found.topic.record.name)) return found;
  const { name } = found.topic.record;
  return { outcome: { name, topicId: found.asked.topicId, error: 'TOPIC_AUTHORIZATION_FAILED' } };
}

/** A topic that is named both by id and by name is refused, once. */
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

async function remove(broker: Broker, found: Found, deadline: number): Promise<Outcome> {
  if ('outcome' in found) return found.outcome;
  const { asked, topic } = found;
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
