import { ANY_TOPIC, type Decisions, groupAccesses, groupResource } from '../../auth/authorize.ts';
import type { RequestContext } from '../../core/context.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { NO_OFFSET } from '../../core/offset.ts';
import { type Uuid, ZERO_UUID } from '../../core/uuid.ts';
import { each } from '../../kit/each.ts';
import type { FetchedOffset } from '../../offsets/decide.ts';
import type { FetchOutcome } from '../../offsets/fetch.ts';
import { isGroupId } from '../../storage/items/group-keys.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { OffsetFetch } from '../../wire/messages/09-offset-fetch.ts';
import type { GroupBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { findTopic, type NamedTopic, namedTopicAccesses, nameTopics } from '../group-topics.ts';

/** The first versions with several groups in a request, and with topic ids. */
const FIRST_WITH_GROUPS = 8;
const FIRST_WITH_IDS = 10;

/** The first version whose answer has a group-level error. */
const FIRST_WITH_GROUP_ERROR = 2;

interface Asked {
  readonly groupId: string;
  readonly memberId: string | null;
  readonly memberEpoch: number;
  readonly topics: readonly AskedTopic[] | null;
}

interface AskedTopic {
  readonly name: string;
  readonly topicId: Uuid;
  readonly partitionIndexes: readonly number[];
}

interface Answered {
  readonly groupId: string;
  readonly error: ErrorName;
  readonly topics: readonly AnsweredTopic[];
}

interface AnsweredTopic {
  readonly name: string;
  readonly topicId: Uuid;
  readonly offsets: readonly FetchedOffset[];
}

/** The parts of a request that all of its groups share. */
interface Asking {
  readonly requireStable: boolean;
  readonly context: RequestContext;
  readonly decisions: Decisions;
  readonly nameOf: (topic: AskedTopic) => NamedTopic;
}

/**
 * OffsetFetch, versions 1 to 10: the committed offsets of groups, for all their topics if the
 * request names none. A partition without an offset is no error. A missing group or topic is no
 * error either, unless the topic is named by id.
 */
export const offsetFetch = defineApi(OffsetFetch, async (broker: GroupBroker, request, version, context) => {
  const { requireStable } = request;
  if (version >= FIRST_WITH_GROUPS) {
    const asking = await ask(broker, request.groups, requireStable, version, context);
    const fetch = async (asked: Asked) => {
      const { groupId, error, topics } = await fetchGroup(broker, asked, asking);
      return { groupId, errorCode: errorCode(error), topics: topics.map(topicAnswer) };
    };
    return { groups: await each(broker, request.groups, fetch, (asked) => JSON.stringify(asked)) };
  }
  const topics = request.topics?.map((topic) => ({ ...topic, topicId: ZERO_UUID })) ?? null;
  const asked = { groupId: request.groupId, memberId: null, memberEpoch: -1, topics };
  const asking = await ask(broker, [asked], requireStable, version, context);
  const { error, topics: answered } = await fetchGroup(broker, asked, asking);
  if (error === 'NONE') return { errorCode: 0, topics: answered.map(topicAnswer) };
  const failed = version < FIRST_WITH_GROUP_ERROR ? (topics ?? []).map((topic) => allOf(topic, error)) : [];
  return { errorCode: errorCode(error), topics: failed.map(topicAnswer) };
});

function topicAnswer({ name, topicId, offsets }: AnsweredTopic) {
  return {
    name,
    topicId,
    partitions: offsets.map(({ partition, offset, leaderEpoch, metadata, error }) => ({
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch,
      metadata,
      errorCode: errorCode(error),
    })),
  };
}

/** Asks for the rights to all groups and topics of the request. */
async function ask(
  broker: GroupBroker,
  groups: readonly Asked[],
  requireStable: boolean,
  version: number,
  context: RequestContext,
): Promise<Asking> {
  const topics = groups.flatMap((group) => group.topics ?? []);
  const nameOf = await nameTopics(broker, topics, version >= FIRST_WITH_IDS);
  const groupIds = groups.map(({ groupId }) => groupId);
  const wantsAll = groups.some((group) => group.topics === null);
  const decisions = await broker.authorize(context, [
    ...groupAccesses('DESCRIBE', groupIds),
    ...namedTopicAccesses('DESCRIBE', topics.map(nameOf)),
    ...(wantsAll ? [{ operation: 'DESCRIBE', resource: ANY_TOPIC } as const] : []),
  ]);
  return { requireStable, context, decisions, nameOf };
}

async function fetchGroup(
  broker: GroupBroker,
  asked: Asked,
  { requireStable, context, decisions, nameOf }: Asking,
): Promise<Answered> {
  const { groupId } = asked;
  const failed = (error: ErrorName): Answered => ({ groupId, error, topics: [] });
  if (!decisions.allows('DESCRIBE', groupResource(groupId))) {
    return failed('GROUP_AUTHORIZATION_FAILED');
  }
  if (!isGroupId(groupId)) return failed('INVALID_GROUP_ID');
  const claim = { memberId: asked.memberId ?? '', instanceId: null, generationOrEpoch: asked.memberEpoch };
  const fetch = { groupId, claim, requireStable };
  try {
    if (asked.topics === null) {
      const outcome = await broker.offsets.fetch({ ...fetch, topics: null }, context);
      if (outcome.kind === 'refused') return failed(outcome.error);
      return { groupId, error: 'NONE', topics: await stillThere(broker, outcome, decisions) };
    }
    const found = await each(broker, asked.topics, (topic) => resolve(broker, topic, nameOf(topic), decisions));
    const outcome = await broker.offsets.fetch({ ...fetch, topics: eachOnce(found) }, context);
    if (outcome.kind === 'refused') return failed(outcome.error);
    const fetched = outcome.kind === 'fetched' ? outcome.topics : [];
    const byTopic = new Map(
      fetched.map(({ topic, offsets }) => [topic.id, new Map(offsets.map((offset) => [offset.partition, offset]))]),
    );
    const topics: AnsweredTopic[] = [];
    for (const [index, topic] of asked.topics.entries()) {
      await broker.turns.turn();
      topics.push(answerFor(topic, found[index]!, byTopic));
    }
    return { groupId, error: 'NONE', topics };
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return failed('COORDINATOR_NOT_AVAILABLE');
  }
}

type ResolvedTopic =
  | { readonly kind: 'found'; readonly topic: { id: Uuid; name: string }; readonly wanted: readonly number[] }
  | { readonly kind: 'failed'; readonly error: ErrorName };

/** The topic as now stored: one that was deleted and recreated has another id, and no offsets. */
async function resolve(
  broker: GroupBroker,
  { name, partitionIndexes }: AskedTopic,
  named: NamedTopic,
  decisions: Decisions,
): Promise<ResolvedTopic> {
  const found = await findTopic(broker, decisions, 'DESCRIBE', named, true);
  if (found.kind === 'found') {
    // Partitions below 0 have no commits, and the largest numbers do not fit into a key.
    const wanted = partitionIndexes.filter((partition) => partition >= 0 && partition < found.topic.record.partitions);
    return { kind: 'found', topic: found.topic.record, wanted };
  }
  if (found.error === 'COORDINATOR_NOT_AVAILABLE') throw new StoreUnavailableError(`topic ${name} could not be read`);
  return { kind: 'failed', error: found.error === 'UNKNOWN_TOPIC_OR_PARTITION' ? 'NONE' : found.error };
}

function answerFor(
  asked: AskedTopic,
  found: ResolvedTopic,
  fetched: ReadonlyMap<Uuid, ReadonlyMap<number, FetchedOffset>>,
): AnsweredTopic {
  if (found.kind === 'failed') return allOf(asked, found.error);
  const offsets = fetched.get(found.topic.id);
  const none = allOf(asked, 'NONE');
  return { ...none, offsets: none.offsets.map((empty) => offsets?.get(empty.partition) ?? empty) };
}

/** The topics that were found, each with all partitions that the request names for it. */
function eachOnce(found: readonly ResolvedTopic[]): { topic: { id: Uuid; name: string }; wanted: readonly number[] }[] {
  const topics = new Map<Uuid, { readonly topic: { id: Uuid; name: string }; readonly wanted: Set<number> }>();
  for (const one of found) {
    if (one.kind === 'failed') continue;
    let known = topics.get(one.topic.id);
    if (known === undefined) {
      known = { topic: one.topic, wanted: new Set() };
      topics.set(one.topic.id, known);
    }
    for (const partition of one.wanted) known.wanted.add(partition);
  }
  return [...topics.values()].map(({ topic, wanted }) => ({ topic, wanted: [...wanted] }));
}

function allOf({ name, topicId, partitionIndexes }: AskedTopic, error: ErrorName): AnsweredTopic {
  const offsets = partitionIndexes.map((partition) => ({
    partition,
    error,
    offset: NO_OFFSET,
    leaderEpoch: -1,
    metadata: '',
  }));
  return { name, topicId, offsets };
}

/**
 * A group's committed offsets, without those of deleted topics and of topics that the client may
 * not describe.
 */
async function stillThere(broker: GroupBroker, outcome: FetchOutcome, decisions: Decisions): Promise<AnsweredTopic[]> {
  if (outcome.kind !== 'fetched') return [];
  const topics = await each(broker, outcome.topics, async ({ topic, offsets }): Promise<AnsweredTopic[]> => {
    const found = await findTopic(broker, decisions, 'DESCRIBE', { kind: 'named', ...topic }, true);
    if (found.kind === 'failed') {
      if (found.error !== 'COORDINATOR_NOT_AVAILABLE') return [];
      throw new StoreUnavailableError(`topic ${topic.name} could not be read`);
    }
    return offsets.length === 0 ? [] : [{ name: found.topic.record.name, topicId: topic.id, offsets }];
  });
  return topics.flat();
}
