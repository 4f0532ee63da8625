import { api } from '../api.ts';
import { array, int16, int32, int64, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/**
 * Commits offsets as part of a transaction. From 3 on, it also checks the group's membership
 * (KIP-447), which Streams needs. From 5 on, it adds the group to the transaction implicitly.
 */
export const TxnOffsetCommitRequest = message('TxnOffsetCommitRequest', '0-5', '3+', {
  transactionalId: string(),
  groupId: string(),
  producerId: int64(),
  producerEpoch: int16(),
  generationIdOrMemberEpoch: int32('3+', { default: -1 }),
  memberId: string('3+', { default: '' }),
  groupInstanceId: string('3+', { nullable: true, default: null }),
  topics: array({
    name: string({ ignorable: true }),
    partitions: array({
      partitionIndex: int32(),
      committedOffset: int64(),
      committedLeaderEpoch: int32('2+', { default: -1, ignorable: true }),
      committedMetadata: string({ nullable: true }),
    }),
  }),
});

export const TxnOffsetCommitResponse = message('TxnOffsetCommitResponse', '0-5', '3+', {
  throttleTimeMs: int32({ default: 0 }),
  topics: array({
    name: string({ ignorable: true }),
    partitions: array({ partitionIndex: int32(), errorCode: int16() }),
  }),
});

export const TxnOffsetCommit = api('TxnOffsetCommit', TxnOffsetCommitRequest, TxnOffsetCommitResponse);
