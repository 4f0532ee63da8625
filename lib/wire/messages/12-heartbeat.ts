import { api } from '../api.ts';
import { int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Keeps a member's session alive and reports rebalances. */
export const HeartbeatRequest = message('HeartbeatRequest', '0-4', '4+', {
  groupId: string(),
  generationId: int32(),
  memberId: string(),
  groupInstanceId: string('3+', { nullable: true, default: null }),
});

export const HeartbeatResponse = message('HeartbeatResponse', '0-4', '4+', {
  throttleTimeMs: int32('1+', { default: 0, ignorable: true }),
  errorCode: int16(),
});

export const Heartbeat = api('Heartbeat', HeartbeatRequest, HeartbeatResponse);
