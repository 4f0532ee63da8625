import { type Access, CLUSTER, type Decisions, topicAccesses, topicResource } from '../auth/authorize.ts';
import type { RequestContext } from '../core/context.ts';
import { autoCreateTopic } from '../topics/auto-create.ts';
import { isReservedTopic, topicNameProblem } from '../topics/topic-name.ts';
import type { Topic } from '../topics/topics.ts';
import { isRefusal, type Refusal } from './answer.ts';
import type { RestEnvironment } from './environment.ts';
import { kafkaFailure, refusedWith } from './errors.ts';

/** An existing topic that the client may describe. Throws StoreUnavailableError. */
export async function describedTopic(
  { admin }: RestEnvironment,
  decisions: Decisions,
  name: string,
): Promise<Topic | Refusal> {
  if (!decisions.allows('DESCRIBE', topicResource(name))) return kafkaFailure({ error: 'TOPIC_AUTHORIZATION_FAILED' });
  return (await admin.topics.read(name)) ?? kafkaFailure({ error: 'UNKNOWN_TOPIC_OR_PARTITION' });
}

export interface FoundPartition {
  readonly topic: Topic;
  readonly partition: number;
}

/**
 * A partition of an existing topic that the client may describe. `absent`: the answer for a partition
 * that does not exist. Throws StoreUnavailableError.
 */
export async function describedPartition(
  rest: RestEnvironment,
  decisions: Decisions,
  asked: { readonly topic_name: string; readonly partition_id: string },
  absent = refusedWith(404),
): Promise<FoundPartition | Refusal> {
  const topic = await describedTopic(rest, decisions, asked.topic_name);
  if (isRefusal(topic)) return topic;
  const partition = numberIn(asked.partition_id);
  return partition === undefined || partition >= topic.record.partitions ? absent : { topic, partition };
}

/** The rights that writing to a topic may need: a topic that does not exist may be created. */
export function produceAccesses(name: string): readonly Access[] {
  return [
    ...topicAccesses('WRITE', [name]),
    { operation: 'CREATE', resource: CLUSTER },
    ...topicAccesses('CREATE', [name]),
  ];
}

/**
 * The topic to write to, created if it does not exist and that is allowed, as for a producer of
 * Kafka. Throws StoreUnavailableError.
 */
export async function producedTopic(
  rest: RestEnvironment,
  decisions: Decisions,
  name: string,
): Promise<Topic | Refusal> {
  const { admin, logger, settings } = rest;
  if (!decisions.allows('WRITE', topicResource(name))) return kafkaFailure({ error: 'TOPIC_AUTHORIZATION_FAILED' });
  const problem = topicNameProblem(name);
  if (problem !== undefined) return kafkaFailure({ error: 'INVALID_TOPIC_EXCEPTION', message: problem });
  const topic = await admin.topics.get(name);
  if (topic !== undefined) return topic;
  if (!settings.autoCreateTopics || isReservedTopic(name)) return kafkaFailure({ error: 'UNKNOWN_TOPIC_OR_PARTITION' });
  if (!decisions.allows('CREATE', CLUSTER) && !decisions.allows('CREATE', topicResource(name))) {
    return kafkaFailure({ error: 'TOPIC_AUTHORIZATION_FAILED' });
  }
  const created = await autoCreateTopic(admin, logger, name);
  return typeof created === 'string' ? kafkaFailure({ error: created }) : created;
}

/** The number in a path; undefined if it is none. */
export function numberIn(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** The nodes that the client may be told of, read anew. Throws StoreUnavailableError. */
export async function liveNodes({ leadership }: RestEnvironment, context: RequestContext) {
  await leadership.look();
  return leadership.nodes(context);
}
