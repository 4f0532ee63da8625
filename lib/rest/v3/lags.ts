import * as v from 'valibot';
import { type Decisions, topicResource } from '../../auth/authorize.ts';
import type { RequestContext } from '../../core/context.ts';
import { NO_OFFSET, type Offset } from '../../core/offset.ts';
import type { GroupMember } from '../../groups/group-members.ts';
import { NO_MEMBER } from '../../offsets/environment.ts';
import { isRefusal, ok, type Refusal } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { kafkaFailure, refusedWith } from '../errors.ts';
import { describeAccesses, describedGroup } from './groups.ts';
import { type ClusterLinks, defineClusterRoute, list, listSchema, relationship, resourceSchema } from './resource.ts';

const TAG = 'Consumer Group (v3)';

const lagData = resourceSchema('KafkaConsumerLag', {
  cluster_id: v.string(),
  consumer_group_id: v.string(),
  topic_name: v.string(),
  partition_id: v.number(),
  current_offset: v.number(),
  log_end_offset: v.number(),
  lag: v.number(),
  consumer_id: v.string(),
  instance_id: v.nullable(v.string()),
  client_id: v.string(),
});

const summaryData = resourceSchema('KafkaConsumerGroupLagSummary', {
  cluster_id: v.string(),
  consumer_group_id: v.string(),
  max_lag_consumer_id: v.string(),
  max_lag_instance_id: v.nullable(v.string()),
  max_lag_client_id: v.string(),
  max_lag_topic_name: v.string(),
  max_lag_partition_id: v.number(),
  max_lag: v.number(),
  total_lag: v.number(),
  max_lag_consumer: relationship,
  max_lag_partition: relationship,
});

/** How far a group is behind in one partition for which it has committed an offset. */
interface Lag {
  readonly topic: string;
  readonly partition: number;
  readonly current: Offset;
  readonly end: Offset;
  readonly lag: number;
  /** The member that reads the partition; undefined if none does. */
  readonly member: GroupMember | undefined;
}

const listLags = defineClusterRoute({
  method: 'GET',
  path: '/consumer-groups/{consumer_group_id}/lags',
  summary: 'List the lags of a group',
  tag: TAG,
  success: { status: 200, schema: listSchema('KafkaConsumerLagList', lagData) },
  accesses: ({ parameters }) => describeAccesses(parameters.consumer_group_id),
  async handle(rest, { parameters, decisions, context }, cluster) {
    const groupId = parameters.consumer_group_id;
    const lags = await lagsOf(rest, context, decisions, groupId);
    if (isRefusal(lags)) return lags;
    const self = cluster.url('consumer-groups', groupId, 'lags');
    return list(
      'KafkaConsumerLagList',
      self,
      lags.map((lag) => describe(cluster, groupId, lag)),
    );
  },
});

const getLag = defineClusterRoute({
  method: 'GET',
  path: '/consumer-groups/{consumer_group_id}/lags/{topic_name}/partitions/{partition_id}',
  summary: 'Get the lag of a group in a partition',
  tag: TAG,
  success: { status: 200, schema: lagData },
  accesses: ({ parameters }) => describeAccesses(parameters.consumer_group_id),
  async handle(rest, { parameters, decisions, context }, cluster) {
    const groupId = parameters.consumer_group_id;
    const lags = await lagsOf(rest, context, decisions, groupId);
    if (isRefusal(lags)) return lags;
    const lag = lags.find(
      ({ topic, partition }) => topic === parameters.topic_name && String(partition) === parameters.partition_id,
    );
    return lag === undefined ? refusedWith(404) : ok(describe(cluster, groupId, lag));
  },
});

const getSummary = defineClusterRoute({
  method: 'GET',
  path: '/consumer-groups/{consumer_group_id}/lag-summary',
  summary: 'Get the largest and the total lag of a group',
  tag: TAG,
  success: { status: 200, schema: summaryData },
  accesses: ({ parameters }) => describeAccesses(parameters.consumer_group_id),
  async handle(rest, { parameters, decisions, context }, cluster) {
    const groupId = parameters.consumer_group_id;
    const lags = await lagsOf(rest, context, decisions, groupId);
    if (isRefusal(lags)) return lags;
    const most = lags.reduce((worst, lag) => (lag.lag > worst.lag ? lag : worst));
    const group = ['consumer-groups', groupId] as const;
    const memberId = most.member?.memberId ?? '';
    return ok({
      ...cluster.head('KafkaConsumerGroupLagSummary', [...group, 'lag-summary'], [['consumer-group', groupId]]),
      consumer_group_id: groupId,
      max_lag_consumer_id: memberId,
      max_lag_instance_id: most.member?.instanceId ?? null,
      max_lag_client_id: most.member?.clientId ?? '',
      max_lag_topic_name: most.topic,
      max_lag_partition_id: most.partition,
      max_lag: most.lag,
      total_lag: lags.reduce((sum, { lag }) => sum + lag, 0),
      max_lag_consumer: cluster.related(...group, 'consumers', memberId),
      max_lag_partition: cluster.related('topics', most.topic, 'partitions', most.partition),
    });
  },
});

/** The lags of the partitions with a committed offset, at least one. */
async function lagsOf(
  rest: RestEnvironment,
  context: RequestContext,
  decisions: Decisions,
  groupId: string,
): Promise<readonly Lag[] | Refusal> {
  const group = await describedGroup(rest, context, decisions, groupId);
  if (isRefusal(group)) return group;
  const fetched = await rest.offsets.fetch({ groupId, claim: NO_MEMBER, topics: null, requireStable: false }, context);
  if (fetched.kind === 'refused') return kafkaFailure(fetched);
  const committed = (fetched.kind === 'fetched' ? fetched.topics : []).flatMap(({ topic, offsets }) =>
    decisions.allows('DESCRIBE', topicResource(topic.name))
      ? offsets
          .filter(({ error, offset }) => error === 'NONE' && offset !== NO_OFFSET)
          .map(({ partition, offset }) => ({ topic: topic.name, partition, offset }))
      : [],
  );
  const asked = committed.map(({ topic, partition }) => ({
    topic: { name: topic },
    partition,
    position: 'latest' as const,
    currentLeaderEpoch: -1,
  }));
  const ends = await rest.log.listOffsets(context, asked, 'read_committed');
  const lags = committed.flatMap(({ topic, partition, offset }, index): Lag[] => {
    const end = ends[index]!;
    // The offsets of a deleted topic stay until they expire.
    if (end.error !== 'NONE') return [];
    const member = group.members.find(({ assigned }) =>
      assigned.some((one) => one.topic === topic && one.partitions.includes(partition)),
    );
    return [{ topic, partition, current: offset, end: end.offset, lag: Math.max(0, end.offset - offset), member }];
  });
  return lags.length === 0 ? refusedWith(404, 'Consumer lags not found.') : lags;
}

function describe(cluster: ClusterLinks, groupId: string, { topic, partition, current, end, lag, member }: Lag) {
  const crnParts = [
    ['consumer-group', groupId],
    ['lag', topic],
    ['partition', partition],
  ] as const;
  const path = ['consumer-groups', groupId, 'lags', topic, 'partitions', partition] as const;
  return {
    ...cluster.head('KafkaConsumerLag', path, crnParts),
    consumer_group_id: groupId,
    topic_name: topic,
    partition_id: partition,
    current_offset: current,
    log_end_offset: end,
    lag,
    consumer_id: member?.memberId ?? '',
    instance_id: member?.instanceId ?? null,
    client_id: member?.clientId ?? '',
  };
}

export const lagRoutes = [listLags, getLag, getSummary];
