import { api } from '../api.ts';
import { array, bytes, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/**
 * The leader sends the assignment of a generation; all members receive theirs. From 5 on, both
 * sides also name the protocol, as a check.
 */
export const SyncGroupRequest = message('SyncGroupRequest', '0-5', '4+', {
  groupId: string(),
  generationId: int32(),
  memberId: string(),
  groupInstanceId: string('3+', { nullable: true, default: null }),
  protocolType: string('5+', { nullable: true, default: null, ignorable: true }),
  protocolName: string('5+', { nullable: true, default: null, ignorable: true }),
  assignments: array({ memberId: string(), assignment: bytes() }),
});

export const SyncGroupResponse = message('SyncGroupResponse', '0-5', '4+', {
  throttleTimeMs: int32('1+', { default: 0, ignorable: true }),
  errorCode: int16(),
  protocolType: string('5+', { nullable: true, default: null, ignorable: true }),
  protocolName: string('5+', { nullable: true, default: null, ignorable: true }),
  assignment: bytes(),
});

export const SyncGroup = api('SyncGroup', SyncGroupRequest, SyncGroupResponse);
