import { api } from '../api.ts';
import { array, int16, int32, int64, string, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/**
 * Commits a group's offsets. 7 added static members, 9 supports groups of the KIP-848 protocol, 10
 * names topics by id.
 */
export const OffsetCommitRequest = message('OffsetCommitRequest', '2-10', '8+', {
  groupId: string(),
  generationIdOrMemberEpoch: int32({ default: -1, ignorable: true }),
  memberId: string({ ignorable: true }),
  groupInstanceId: string('7+', { nullable: true, default: null }),
  retentionTimeMs: int64('2-4', { default: -1, ignorable: true }),
  topics: array({
    name: string('2-9', { ignorable: true }),
    topicId: uuid('10+', { ignorable: true }),
    partitions: array({
      partitionIndex: int32(),
      committedOffset: int64(),
      committedLeaderEpoch: int32('6+', { default: -1, ignorable: true }),
      committedMetadata: string({ nullable: true }),
    }),
  }),
});

export const OffsetCommitResponse = message('OffsetCommitResponse', '2-10', '8+', {
  throttleTimeMs: int32('3+', { default: 0, ignorable: true }),
  topics: array({
    name: string('2-9', { ignorable: true }),
    topicId: uuid('10+', { ignorable: true }),
    partitions: array({ partitionIndex: int32(), errorCode: int16() }),
  }),
});

export const OffsetCommit = api('OffsetCommit', OffsetCommitRequest, OffsetCommitResponse);
