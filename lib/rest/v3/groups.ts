import { ANY_TOPIC, type Decisions, groupAccesses, groupResource, topicResource } from '../../auth/authorize.ts';
import type { RequestContext } from '../../core/context.ts';
import { isConsumer } from '../../groups/consumer/state.ts';
import { assignorOf } from '../../groups/consumer/target.ts';
import type { Group } from '../../groups/group.ts';
import { classicAssignor, type GroupMember, groupMembers } from '../../groups/group-members.ts';
import { protocolOf } from '../../groups/protocols.ts';
import type { Refusal } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { kafkaFailure, refusedWith } from '../errors.ts';

/** A group as v3 shows it. */
export interface DescribedGroup {
  readonly groupId: string;
  readonly type: Group['type'];
  /** Kafka's name of the state. */
  readonly state: string;
  readonly assignor: string;
  /** It has offsets and no protocol type: its offsets were committed by clients that are no members. */
  readonly isSimple: boolean;
  readonly members: readonly GroupMember[];
}

/** The rights to look at a group, and at the topics that its members read. */
export function describeAccesses(groupId: string) {
  return [...groupAccesses('DESCRIBE', [groupId]), { operation: 'DESCRIBE', resource: ANY_TOPIC } as const];
}

/** A group that the client may describe. Topics that it may not describe are left out. */
export async function describedGroup(
  rest: RestEnvironment,
  context: RequestContext,
  decisions: Decisions,
  groupId: string,
): Promise<DescribedGroup | Refusal> {
  if (!decisions.allows('DESCRIBE', groupResource(groupId))) {
    return kafkaFailure({ error: 'GROUP_AUTHORIZATION_FAILED' });
  }
  const found = await rest.groups.describe(groupId, context);
  if (found.kind === 'failed' && found.error !== 'INVALID_GROUP_ID') return kafkaFailure(found);
  const group = found.kind === 'reply' ? found.reply : undefined;
  if (group === undefined) return refusedWith(404, `Consumer Group ${groupId} could not be found.`);
  const { state, protocolType } = protocolOf(group).summary(group);
  const members = groupMembers(group).map((member) => ({
    ...member,
    assigned: member.assigned.filter(({ topic }) => decisions.allows('DESCRIBE', topicResource(topic))),
  }));
  const assignor = isConsumer(group) ? assignorOf(group, rest.settings.assignors) : classicAssignor(group);
  return { groupId, type: group.type, state, assignor, isSimple: protocolType === '', members };
}

/** The spelling of v3: PREPARING_REBALANCE for PreparingRebalance. */
export function stateName(state: string): string {
  return state.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
}
