import * as v from 'valibot';
import { ANY_GROUP, ANY_TOPIC, CLUSTER, groupResource } from '../../auth/authorize.ts';
import { controllerOf } from '../../cluster/partition-nodes.ts';
import type { RequestContext } from '../../core/context.ts';
import type { GroupMember } from '../../groups/group-members.ts';
import { each } from '../../kit/each.ts';
import { isRefusal, ok } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { refusedWith } from '../errors.ts';
import { liveNodes, numberIn } from '../find-topic.ts';
import { type DescribedGroup, describeAccesses, describedGroup, stateName } from './groups.ts';
import { type ClusterLinks, defineClusterRoute, list, listSchema, relationship, resourceSchema } from './resource.ts';

const TAG = 'Consumer Group (v3)';

const groupData = resourceSchema('KafkaConsumerGroup', {
  cluster_id: v.string(),
  consumer_group_id: v.string(),
  is_simple: v.boolean(),
  partition_assignor: v.string(),
  state: v.string(),
  type: v.string(),
  is_mixed_consumer_group: v.boolean(),
  coordinator: relationship,
  consumers: relationship,
  lag_summary: relationship,
});

const consumerData = resourceSchema('KafkaConsumer', {
  cluster_id: v.string(),
  consumer_group_id: v.string(),
  consumer_id: v.string(),
  instance_id: v.nullable(v.string()),
  client_id: v.string(),
  assignments: relationship,
});

const assignmentData = resourceSchema('KafkaConsumerAssignment', {
  cluster_id: v.string(),
  consumer_group_id: v.string(),
  consumer_id: v.string(),
  topic_name: v.string(),
  partition_id: v.number(),
  partition: relationship,
  lag: relationship,
});

/** Groups that a list reads at the same time. */
const AT_ONCE_MAX = 16;

const listGroups = defineClusterRoute({
  method: 'GET',
  path: '/consumer-groups',
  summary: 'List consumer groups',
  tag: TAG,
  success: { status: 200, schema: listSchema('KafkaConsumerGroupList', groupData) },
  accesses: () => [
    { operation: 'DESCRIBE', resource: CLUSTER },
    { operation: 'DESCRIBE', resource: ANY_GROUP },
    { operation: 'DESCRIBE', resource: ANY_TOPIC },
  ],
  async handle(rest, { decisions, context }, cluster) {
    const listed = (await rest.groups.list(context)).filter(
      ({ groupId }) => decisions.allows('DESCRIBE', CLUSTER) || decisions.allows('DESCRIBE', groupResource(groupId)),
    );
    const coordinator = await coordinatorLink(rest, cluster, context);
    const groups = await each({ atOnce: AT_ONCE_MAX }, listed, ({ groupId }) =>
      describedGroup(rest, context, { allows: () => true }, groupId),
    );
    // A group that was deleted meanwhile is left out.
    const data = groups.flatMap((group) => (isRefusal(group) ? [] : [describe(cluster, group, coordinator)]));
    return list('KafkaConsumerGroupList', cluster.url('consumer-groups'), data);
  },
});

const getGroup = defineClusterRoute({
  method: 'GET',
  path: '/consumer-groups/{consumer_group_id}',
  summary: 'Get a consumer group',
  tag: TAG,
  success: { status: 200, schema: groupData },
  accesses: ({ parameters }) => describeAccesses(parameters.consumer_group_id),
  async handle(rest, { parameters, decisions, context }, cluster) {
    const group = await describedGroup(rest, context, decisions, parameters.consumer_group_id);
    if (isRefusal(group)) return group;
    return ok(describe(cluster, group, await coordinatorLink(rest, cluster, context)));
  },
});

const listConsumers = defineClusterRoute({
  method: 'GET',
  path: '/consumer-groups/{consumer_group_id}/consumers',
  summary: 'List the consumers of a group',
  tag: TAG,
  success: { status: 200, schema: listSchema('KafkaConsumerList', consumerData) },
  accesses: ({ parameters }) => describeAccesses(parameters.consumer_group_id),
  async handle(rest, { parameters, decisions, context }, cluster) {
    const group = await describedGroup(rest, context, decisions, parameters.consumer_group_id);
    if (isRefusal(group)) return group;
    const self = cluster.url('consumer-groups', group.groupId, 'consumers');
    const data = group.members.map((member) => consumer(cluster, group.groupId, member));
    return list('KafkaConsumerList', self, data);
  },
});

const getConsumer = defineClusterRoute({
  method: 'GET',
  path: '/consumer-groups/{consumer_group_id}/consumers/{consumer_id}',
  summary: 'Get a consumer of a group',
  tag: TAG,
  success: { status: 200, schema: consumerData },
  accesses: ({ parameters }) => describeAccesses(parameters.consumer_group_id),
  async handle(rest, { parameters, decisions, context }, cluster) {
    const group = await describedGroup(rest, context, decisions, parameters.consumer_group_id);
    if (isRefusal(group)) return group;
    const member = memberCalled(group, parameters.consumer_id);
    return member === undefined ? refusedWith(404) : ok(consumer(cluster, group.groupId, member));
  },
});

const listAssignments = defineClusterRoute({
  method: 'GET',
  path: '/consumer-groups/{consumer_group_id}/consumers/{consumer_id}/assignments',
  summary: 'List the assignments of a consumer',
  tag: TAG,
  success: { status: 200, schema: listSchema('KafkaConsumerAssignmentList', assignmentData) },
  accesses: ({ parameters }) => describeAccesses(parameters.consumer_group_id),
  async handle(rest, { parameters, decisions, context }, cluster) {
    const group = await describedGroup(rest, context, decisions, parameters.consumer_group_id);
    if (isRefusal(group)) return group;
    const member = memberCalled(group, parameters.consumer_id);
    if (member === undefined) return refusedWith(404, `Consumer ${parameters.consumer_id} could not be found.`);
    const { groupId } = group;
    const self = cluster.url('consumer-groups', groupId, 'consumers', member.memberId, 'assignments');
    const data = member.assigned.flatMap(({ topic, partitions }) =>
      partitions.map((partition) => assignment(cluster, groupId, member, topic, partition)),
    );
    return list('KafkaConsumerAssignmentList', self, data);
  },
});

const getAssignment = defineClusterRoute({
  method: 'GET',
  path: '/consumer-groups/{consumer_group_id}/consumers/{consumer_id}/assignments/{topic_name}/partitions/{partition_id}',
  summary: 'Get an assignment of a consumer',
  tag: TAG,
  success: { status: 200, schema: assignmentData },
  accesses: ({ parameters }) => describeAccesses(parameters.consumer_group_id),
  async handle(rest, { parameters, decisions, context }, cluster) {
    const group = await describedGroup(rest, context, decisions, parameters.consumer_group_id);
    if (isRefusal(group)) return group;
    const member = memberCalled(group, parameters.consumer_id);
    const partition = numberIn(parameters.partition_id);
    const topic = member?.assigned.find(
      (one) => one.topic === parameters.topic_name && partition !== undefined && one.partitions.includes(partition),
    );
    if (member === undefined || topic === undefined) return refusedWith(404);
    return ok(assignment(cluster, group.groupId, member, topic.topic, partition!));
  },
});

function memberCalled({ members }: DescribedGroup, id: string): GroupMember | undefined {
  return members.find(({ memberId }) => memberId === id);
}

/** Any node coordinates any group; shown is the one for administrative requests. */
async function coordinatorLink(rest: RestEnvironment, cluster: ClusterLinks, context: RequestContext) {
  const nodes = await liveNodes(rest, context);
  return cluster.related('brokers', controllerOf(rest.leadership.nodeId, nodes));
}

function describe(
  cluster: ClusterLinks,
  { groupId, type, state, assignor, isSimple }: DescribedGroup,
  coordinator: { readonly related: string },
) {
  const path = ['consumer-groups', groupId] as const;
  return {
    ...cluster.head('KafkaConsumerGroup', path, [['consumer-group', groupId]]),
    consumer_group_id: groupId,
    is_simple: isSimple,
    partition_assignor: assignor,
    state: stateName(state),
    type: type.toUpperCase(),
    is_mixed_consumer_group: false,
    coordinator,
    consumers: cluster.related(...path, 'consumers'),
    lag_summary: cluster.related(...path, 'lag-summary'),
  };
}

function consumer(cluster: ClusterLinks, groupId: string, { memberId, instanceId, clientId }: GroupMember) {
  const path = ['consumer-groups', groupId, 'consumers', memberId] as const;
  const crnParts = [
    ['consumer-group', groupId],
    ['consumer', memberId],
  ] as const;
  return {
    ...cluster.head('KafkaConsumer', path, crnParts),
    consumer_group_id: groupId,
    consumer_id: memberId,
    instance_id: instanceId ?? null,
    client_id: clientId,
    assignments: cluster.related(...path, 'assignments'),
  };
}

function assignment(cluster: ClusterLinks, groupId: string, member: GroupMember, topic: string, partition: number) {
  const { memberId } = member;
  const group = ['consumer-groups', groupId] as const;
  const crnParts = [
    ['consumer-group', groupId],
    ['consumer', memberId],
    ['assignment', topic],
    ['partition', partition],
  ] as const;
  const path = [...group, 'consumers', memberId, 'assignments', topic, 'partitions', partition] as const;
  return {
    ...cluster.head('KafkaConsumerAssignment', path, crnParts),
    consumer_group_id: groupId,
    consumer_id: memberId,
    topic_name: topic,
    partition_id: partition,
    partition: cluster.related('topics', topic, 'partitions', partition),
    lag: cluster.related(...group, 'lags', topic, 'partitions', partition),
  };
}

export const consumerGroupRoutes = [listGroups, getGroup, listConsumers, getConsumer, listAssignments, getAssignment];
