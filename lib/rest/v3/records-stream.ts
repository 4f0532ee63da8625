import * as v from 'valibot';
import { ANY_GROUP, groupResource, topicAccesses, topicResource } from '../../auth/authorize.ts';
import { isGroupId } from '../../storage/items/group-keys.ts';
import type { Topic } from '../../topics/topics.ts';
import { type Answer, isRefusal, type Refusal } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { badRequest, kafkaFailure, PARTITION_NOT_FOUND } from '../errors.ts';
import { describedTopic } from '../find-topic.ts';
import { EVENTS_TYPE } from '../media-type.ts';
import type { RestRequest } from '../route.ts';
import { decodePlace, type StreamPlace } from '../stream/event-id.ts';
import { type Following, followPartitions, STREAM_PARTITIONS_MAX } from '../stream/following.ts';
import { readPartitionFilter, readStart, type StreamStart, startPositions } from '../stream/start.ts';
import { defineClusterRoute } from './resource.ts';

const streamQuery = v.object({
  from: v.optional(v.string(), 'latest'),
  partition: v.optional(v.string()),
  group: v.optional(v.string()),
  isolation_level: v.optional(v.picklist(['read_committed', 'read_uncommitted']), 'read_uncommitted'),
  format: v.optional(v.picklist(['AUTO', 'BINARY']), 'AUTO'),
  last_event_id: v.optional(v.string()),
});

type StreamQuery = v.InferOutput<typeof streamQuery>;
type StreamRequest = RestRequest<string, undefined, StreamQuery>;

/**
 * GET records:stream: the records of a topic as server-sent events. No process keeps anything of it:
 * the id of each event says where the stream is, and the client's next request brings it back.
 */
export const streamRecords = defineClusterRoute({
  method: 'GET',
  path: '/topics/{topic_name}/records:stream',
  summary: "Read records as server-sent events (not in Confluent's REST Proxy)",
  tag: 'Tidelog',
  query: streamQuery,
  produces: [EVENTS_TYPE],
  success: { status: 200, schema: v.string() },
  accesses: ({ parameters }) => [
    ...topicAccesses('DESCRIBE', [parameters.topic_name]),
    ...topicAccesses('READ', [parameters.topic_name]),
    { operation: 'READ', resource: ANY_GROUP },
  ],
  async handle(rest, request): Promise<Answer> {
    const { parameters, query, header, decisions, context, answersWhole } = request;
    const topic = await describedTopic(rest, decisions, parameters.topic_name);
    if (isRefusal(topic)) return topic;
    if (!decisions.allows('READ', topicResource(topic.record.name))) {
      return kafkaFailure({ error: 'TOPIC_AUTHORIZATION_FAILED' });
    }
    const start = readStart(query.from);
    if (isRefusal(start)) return start;
    const lastEventId = header('last-event-id') ?? query.last_event_id;
    const place = lastEventId === undefined ? undefined : placeIn(lastEventId, topic);
    if (isRefusal(place)) return place;
    const { format, isolation_level: isolation } = query;
    const following =
      query.group === undefined
        ? await followingOf(rest, request, topic, start, place)
        : await groupFollowingOf(rest, request, topic, start, place, query.group);
    if (isRefusal(following)) return following;
    // Few ask for it, and a function's cold start is longer by what it loads.
    const { follow } = await import('../stream/follow.ts');
    return {
      kind: 'stream',
      chunks: follow(rest, following, { context, isolation, format, answersWhole }),
      // A proxy that collects an answer would hold the events back.
      headers: { 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' },
    };
  },
});

/** Where the client was, unless the topic has been created again since then. */
function placeIn(text: string, { record }: Topic): StreamPlace | 'recreated' | Refusal {
  const place = decodePlace(text);
  if (place === undefined) return badRequest('Last-Event-ID: it is not the id of an event of this interface');
  return place.topicId === record.id ? place : 'recreated';
}

async function followingOf(
  rest: RestEnvironment,
  { query, context }: StreamRequest,
  { record }: Topic,
  start: StreamStart,
  place: StreamPlace | 'recreated' | undefined,
): Promise<Following | Refusal> {
  if (typeof place === 'object' && place.member !== undefined) {
    return badRequest('Last-Event-ID: it is that of a stream of a group');
  }
  const named = query.partition === undefined ? undefined : readPartitionFilter(query.partition);
  if (isRefusal(named)) return named;
  if (named !== undefined && start.kind === 'offsets') {
    return badRequest('partition: the offsets in `from` name the partitions already');
  }
  const some = named ?? (start.kind === 'offsets' ? [...start.offsets.keys()] : undefined);
  if (some?.some((one) => one >= record.partitions) === true) return PARTITION_NOT_FOUND;
  const partitions = some ?? Array.from({ length: record.partitions }, (_, partition) => partition);
  if (partitions.length > STREAM_PARTITIONS_MAX) {
    return badRequest(`partition: a stream has at most ${STREAM_PARTITIONS_MAX} partitions, choose some`);
  }
  const topic = { name: record.name, id: record.id };
  const positions =
    place === undefined
      ? await startPositions(rest, context, topic, partitions, start, query.isolation_level)
      : // Partitions that the client did not know are new, and so is all of a topic that was created again.
        new Map(partitions.map((one) => [one, place === 'recreated' ? 0 : (place.positions.get(one) ?? 0)]));
  return isRefusal(positions) ? positions : followPartitions(rest, topic, positions, some === undefined);
}

async function groupFollowingOf(
  rest: RestEnvironment,
  { query, context, decisions }: StreamRequest,
  { record }: Topic,
  start: StreamStart,
  place: StreamPlace | 'recreated' | undefined,
  group: string,
): Promise<Following | Refusal> {
  if (!decisions.allows('READ', groupResource(group))) return kafkaFailure({ error: 'GROUP_AUTHORIZATION_FAILED' });
  if (!isGroupId(group)) return kafkaFailure({ error: 'INVALID_GROUP_ID' });
  if (query.partition !== undefined) return badRequest('partition: the group assigns the partitions');
  const isReset = start.kind === 'earliest' || (start.kind === 'latest' && start.before === 0);
  if (!isReset) return badRequest('from: for a group, earliest or latest, where it has committed nothing');
  if (typeof place === 'object' && place.member === undefined) {
    return badRequest('Last-Event-ID: it is that of a stream without a group');
  }
  const { followGroup } = await import('../stream/group.ts');
  const following = followGroup(rest, {
    group,
    topic: { name: record.name, id: record.id },
    reset: place === 'recreated' ? 'earliest' : (start.kind as 'earliest' | 'latest'),
    place: place === 'recreated' ? undefined : place,
    context,
    decisions,
  });
  return (await following.refresh()) ?? following;
}
