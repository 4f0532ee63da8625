import type { StepContext, StepResult } from '../step.ts';
import { type JoinReply, type JoinRequest, joinReply, waitForJoin } from './join.ts';
import { maybeCompleteJoin, prepareRebalance, putMember, replaceStaticMember } from './rebalance.ts';
import { type ClassicGroup, type ClassicMember, selectProtocol } from './state.ts';

/**
 * A static member that comes back without its member id takes the place of its former self, which is fenced from then on
 * (GroupMetadataManager.updateStaticMemberThenRebalanceOrCompleteJoin). A stable group stays so unless another protocol
 * would be chosen: the member gets its former assignment, and a leader that can be told so (version 9, KIP-814) skips
 * assigning; an older one is told of its former id as leader, so that it does not assign either.
 */
export function replaceAndJoin(
  group: ClassicGroup,
  old: ClassicMember,
  member: ClassicMember,
  request: JoinRequest,
  context: StepContext,
): StepResult<JoinReply> {
  const { now } = context;
  const { memberId, instanceId } = member;
  // Kafka keeps the client id and host of the former member.
  const kept = { ...member, clientId: old.clientId, clientHost: old.clientHost };
  const replaced = replaceStaticMember(group, old.memberId, memberId, now);
  const updated = putMember(replaced, kept, request.protocolType);
  const wait = (after: ClassicGroup) => waitForJoin(after, memberId, instanceId, group.generation);
  switch (group.state) {
    case 'Stable': {
      if (selectProtocol(updated.roster.members.values()) !== group.protocolName) {
        return wait(prepareRebalance(updated, now, context.config.classic));
      }
      const stable = { ...updated, joined: group.joined };
      const reply = joinReply(stable, memberId, stable.leader === memberId);
      if (request.supportsSkippingAssignment) return { kind: 'reply', group: stable, reply, alive: memberId };
      const former = { ...reply, leader: group.leader ?? '', skipAssignment: false, members: [] };
      return { kind: 'reply', group: stable, reply: former, alive: memberId };
    }
    case 'CompletingRebalance':
      // The leader may assign to the former id, so that the new one would get nothing.
      return wait(prepareRebalance(updated, now, context.config.classic));
    case 'PreparingRebalance':
    case 'Empty':
      return wait(maybeCompleteJoin(updated, now));
  }
}
