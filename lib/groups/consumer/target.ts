import { assert } from '../../core/assert.ts';
import type { Uuid } from '../../core/uuid.ts';
import { type AssignorMember, NO_PARTITIONS, type TargetAssignment } from '../assignors/assignor.ts';
import { ASSIGNORS, chooseAssignor } from '../assignors/choose.ts';
import { sameAssignment } from './partitions.ts';
import type { ConsumerGroup, Member, ResolvedPattern } from './state.ts';
import { subscribedNames } from './subscription.ts';

/** The assignor that the group's members have chosen (see chooseAssignor). */
export function assignorOf(group: ConsumerGroup, configured: readonly string[]): string {
  return chooseAssignor(
    group.body.members.map(({ assignor }) => assignor),
    configured,
  );
}

/**
 * Computes the targets for the group epoch. Returns the same group if they are up to date. An
 * unchanged target keeps its reference. Source: Kafka's TargetAssignmentBuilder.
 */
export function computeTargets(group: ConsumerGroup, configured: readonly string[]): ConsumerGroup {
  if (group.assignmentEpoch === group.groupEpoch) return group;
  const { topicsByName } = group.body;
  // Topic ids by list of names, which equal subscriptions share, and by pattern.
  const subscriptions = new Map<readonly string[], Map<string, readonly string[]>>();
  const members = group.body.members.map((member): AssignorMember => {
    let byPattern = subscriptions.get(member.topicNames);
    if (byPattern === undefined) {
      byPattern = new Map();
      subscriptions.set(member.topicNames, byPattern);
    }
    let topicIds = byPattern.get(member.topicPattern);
    if (topicIds === undefined) {
      topicIds = idsOf(member, group.body.patterns, topicsByName);
      byPattern.set(member.topicPattern, topicIds);
    }
    return { memberId: member.memberId, instanceId: member.instanceId, topicIds, current: member.target };
  });
  const partitionCounts = new Map(group.body.topics.map(({ topicId, partitions }) => [topicId, partitions]));
  const assign = ASSIGNORS.get(assignorOf(group, configured))!;
  const targets = assign({ members, partitionCounts });
  assertTargets(targets, partitionCounts);
  return {
    ...group,
    assignmentEpoch: group.groupEpoch,
    body: group.body.with({
      members: group.body.members.map((member) => {
        const target = targets.get(member.memberId) ?? NO_PARTITIONS;
        return sameAssignment(target, member.target) ? member : { ...member, target };
      }),
    }),
  };
}

/** Asserts that targets contain only existing partitions, each at most once. */
export function assertTargets(targets: TargetAssignment, partitionCounts: ReadonlyMap<Uuid, number>): void {
  const given = new Map([...partitionCounts.keys()].map((topicId) => [topicId, new Set<number>()]));
  for (const target of targets.values()) {
    for (const { topicId, partitions } of target) {
      const ofTopic = given.get(topicId);
      assert(ofTopic !== undefined, `a target has partitions of ${topicId}, which is not a topic of the group`);
      for (const partition of partitions) {
        const exists = partition >= 0 && partition < (partitionCounts.get(topicId) ?? 0);
        assert(exists, `a target has partition ${partition} of ${topicId}, which does not exist`);
        assert(!ofTopic.has(partition), `two targets have partition ${partition} of ${topicId}`);
        ofTopic.add(partition);
      }
    }
  }
}

function idsOf(
  member: Member,
  patterns: readonly ResolvedPattern[],
  topics: ReadonlyMap<string, { readonly topicId: string }>,
): string[] {
  const ids: string[] = [];
  for (const name of subscribedNames(member, patterns)) {
    const topic = topics.get(name);
    if (topic !== undefined) ids.push(topic.topicId);
  }
  return ids;
}
