import { type Decisions, topicResource } from '../../auth/authorize.ts';
import type { RequestContext } from '../../core/context.ts';
import type { ErrorName } from '../../core/errors.ts';
import type { Assignment } from '../../groups/assignors/assignor.ts';
import type { HeartbeatReply, HeartbeatRequest } from '../../groups/consumer/heartbeat.ts';
import { LEAVE_EPOCH } from '../../groups/consumer/state.ts';
import { consumerHeartbeatStep } from '../../groups/steps.ts';
import type { RestConsumer, RestPartition } from '../../storage/items/rest-consumer.ts';
import { isRefusal, type Refusal } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { kafkaFailure } from '../errors.ts';
import { hasPartition } from './partition.ts';

/**
 * How long the member may take to give partitions up; ms. It does so at its next request; a member
 * without requests loses its session first.
 */
const REBALANCE_TIMEOUT_MS = 60_000;

/** Heartbeats of one request: join, take what is assigned, give up, take more. */
const HEARTBEATS_MAX = 5;

/** The assignor that Confluent's consumers have by default. */
const ASSIGNOR = 'range';

/** The member is gone, because it made no request for a session, or its group is. */
const LOST: ReadonlySet<ErrorName> = new Set(['UNKNOWN_MEMBER_ID', 'FENCED_MEMBER_EPOCH', 'GROUP_ID_NOT_FOUND']);

export interface MembershipTerms {
  readonly context: RequestContext;
  readonly decisions: Decisions;
  /** Called with the partitions that the group takes back, while the member still owns them. */
  readonly beforeRevoke: (lost: readonly RestPartition[], instance: RestConsumer) => Promise<void>;
}

export interface TookPart {
  readonly instance: RestConsumer;
  /** The partitions that the instance owned all the time. */
  readonly kept: readonly RestPartition[];
}

/**
 * Takes part in the group for an instance that is subscribed: each request is a heartbeat of its
 * member (KIP-848), so that the member's session lasts as long as there are requests. Each heartbeat
 * says all that the member knows, so that any process can send it, and one whose answer was lost is
 * repeated. A member that was removed joins again.
 */
export async function takePart(
  rest: RestEnvironment,
  instance: RestConsumer,
  { context, decisions, beforeRevoke }: MembershipTerms,
): Promise<TookPart | Refusal> {
  const isSubscribed = instance.selection.kind === 'topics' || instance.selection.kind === 'pattern';
  if (!isSubscribed) return { instance, kept: instance.owned };
  let current = instance;
  let kept = instance.owned;
  for (let heartbeats = 0; heartbeats < HEARTBEATS_MAX; heartbeats++) {
    const reply = await heartbeat(rest, current, current.memberEpoch, context, decisions);
    if (isRefusal(reply)) return reply;
    if (reply.kind === 'refused') {
      if (current.memberEpoch === 0 || !LOST.has(reply.error)) return kafkaFailure(reply);
      current = { ...current, memberEpoch: 0, owned: [] };
      kept = [];
      continue;
    }
    const owned = reply.assignment === null ? current.owned : await named(rest, reply.assignment);
    const lost = current.owned.filter((one) => !hasPartition(owned, one));
    if (lost.length > 0) await beforeRevoke(lost, current);
    const isSettled = lost.length === 0 && owned.length === current.owned.length;
    current = { ...current, memberEpoch: reply.memberEpoch, owned };
    if (isSettled) break;
  }
  return { instance: current, kept };
}

/** Leaves the group, so that others take the partitions over at once. A member that is gone has left. */
export async function leaveGroup(
  rest: RestEnvironment,
  instance: RestConsumer,
  context: RequestContext,
): Promise<Refusal | undefined> {
  if (instance.memberEpoch === 0) return undefined;
  const reply = await heartbeat(rest, instance, LEAVE_EPOCH, context, { allows: () => true });
  if (isRefusal(reply)) return reply;
  return reply.kind === 'refused' && !LOST.has(reply.error) ? kafkaFailure(reply) : undefined;
}

async function heartbeat(
  { groups, settings }: RestEnvironment,
  { group, selection, memberId, owned, name }: RestConsumer,
  memberEpoch: number,
  context: RequestContext,
  decisions: Decisions,
): Promise<HeartbeatReply | Refusal> {
  const request: HeartbeatRequest = {
    memberId,
    memberEpoch,
    instanceId: null,
    rackId: null,
    rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
    subscribedTopicNames: selection.kind === 'topics' ? selection.topics : [],
    subscribedTopicRegex: selection.kind === 'pattern' ? selection.pattern : '',
    serverAssignor: settings.assignors.includes(ASSIGNOR) ? ASSIGNOR : null,
    topicPartitions: memberEpoch === 0 ? [] : asAssignment(owned),
    clientId: name,
    clientHost: `/${context.host}`,
  };
  const mayDescribe = (topic: string) => decisions.allows('DESCRIBE', topicResource(topic));
  const submitted = await groups.submit(group, consumerHeartbeatStep(request, mayDescribe), context);
  return submitted.kind === 'reply' ? submitted.reply : kafkaFailure(submitted);
}

function asAssignment(owned: readonly RestPartition[]): Assignment {
  const topics = new Map<string, number[]>();
  for (const { topicId, partition } of owned) {
    const partitions = topics.get(topicId);
    if (partitions === undefined) topics.set(topicId, [partition]);
    else partitions.push(partition);
  }
  return [...topics].map(([topicId, partitions]) => ({ topicId, partitions }));
}

/** The partitions of an assignment with the names of their topics. Deleted topics are left out. */
async function named({ admin }: RestEnvironment, assignment: Assignment): Promise<RestPartition[]> {
  const partitions: RestPartition[] = [];
  for (const { topicId, partitions: assigned } of assignment) {
    const topic = (await admin.topics.getById(topicId))?.record.name;
    if (topic !== undefined) partitions.push(...assigned.map((partition) => ({ topic, topicId, partition })));
  }
  return partitions;
}
