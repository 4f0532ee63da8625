import { api } from '../api.ts';
import { array, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

const memberIdentity = {
  memberId: string(),
  groupInstanceId: string({ nullable: true, default: null }),
  reason: string('5+', { nullable: true, default: null, ignorable: true }),
};

/** Leaves a group: one member up to 2, several from 3 on, with reasons from 5 on. */
export const LeaveGroupRequest = message('LeaveGroupRequest', '0-5', '4+', {
  groupId: string(),
  memberId: string('0-2'),
  members: array(memberIdentity, '3+'),
});

export const LeaveGroupResponse = message('LeaveGroupResponse', '0-5', '4+', {
  throttleTimeMs: int32('1+', { default: 0, ignorable: true }),
  errorCode: int16(),
  members: array({ memberId: string(), groupInstanceId: string({ nullable: true }), errorCode: int16() }, '3+'),
});

export const LeaveGroup = api('LeaveGroup', LeaveGroupRequest, LeaveGroupResponse);
