import { api } from '../api.ts';
import { array, bool, bytes, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/**
 * Joins a group of the classic protocol and waits for the other members. From 4 on, a new member
 * first gets its id (KIP-394). 5 added static members, 8 a reason for joining.
 */
export const JoinGroupRequest = message('JoinGroupRequest', '0-9', '6+', {
  groupId: string(),
  sessionTimeoutMs: int32(),
  rebalanceTimeoutMs: int32('1+', { default: -1, ignorable: true }),
  memberId: string(),
  groupInstanceId: string('5+', { nullable: true, default: null }),
  protocolType: string(),
  protocols: array({ name: string(), metadata: bytes() }),
  reason: string('8+', { nullable: true, default: null, ignorable: true }),
});

/**
 * Only the leader gets the members. From 7 on, the protocol may be null. From 9 on, the leader may
 * have to skip the assignment.
 */
export const JoinGroupResponse = message('JoinGroupResponse', '0-9', '6+', {
  throttleTimeMs: int32('2+', { default: 0, ignorable: true }),
  errorCode: int16(),
  generationId: int32({ default: -1 }),
  protocolType: string('7+', { nullable: true, default: null, ignorable: true }),
  protocolName: string({ nullable: '7+' }),
  leader: string(),
  skipAssignment: bool('9+', { default: false }),
  memberId: string(),
  members: array({
    memberId: string(),
    groupInstanceId: string('5+', { nullable: true, default: null, ignorable: true }),
    metadata: bytes(),
  }),
});

export const JoinGroup = api('JoinGroup', JoinGroupRequest, JoinGroupResponse);
