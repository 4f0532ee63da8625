import { api } from '../api.ts';
import { array, bool, int16, int32, int64, string, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

const offsetFetchRequestTopics = {
  name: string('8-9', { ignorable: true }),
  topicId: uuid('10+', { ignorable: true }),
  partitionIndexes: array(int32()),
};

const offsetFetchRequestGroup = {
  groupId: string(),
  memberId: string('9+', { nullable: true, default: null, ignorable: true }),
  memberEpoch: int32('9+', { default: -1, ignorable: true }),
  topics: array(offsetFetchRequestTopics, { nullable: true }),
};

const offsetFetchResponseTopic = {
  name: string(),
  partitions: array({
    partitionIndex: int32(),
    committedOffset: int64(),
    committedLeaderEpoch: int32('5-7', { default: -1, ignorable: true }),
    metadata: string({ nullable: true }),
    errorCode: int16(),
  }),
};

const offsetFetchResponseGroup = {
  groupId: string(),
  topics: array({
    name: string('8-9', { ignorable: true }),
    topicId: uuid('10+', { ignorable: true }),
    partitions: array({
      partitionIndex: int32(),
      committedOffset: int64(),
      committedLeaderEpoch: int32({ default: -1, ignorable: true }),
      metadata: string({ nullable: true }),
      errorCode: int16(),
    }),
  }),
  errorCode: int16({ default: 0 }),
};

/**
 * Asks for committed offsets: of one group up to 7, of several from 8 on. Null topics mean all
 * (from 2). With `requireStable` it waits for open transactions (KIP-447). 9 carries the member's
 * epoch, 10 names topics by id.
 */
export const OffsetFetchRequest = message('OffsetFetchRequest', '1-10', '6+', {
  groupId: string('1-7'),
  topics: array({ name: string(), partitionIndexes: array(int32()) }, '1-7', { nullable: '2-7' }),
  groups: array(offsetFetchRequestGroup, '8+'),
  requireStable: bool('7+', { default: false }),
});

/**
 * Up to 7 the message itself is the group's answer; from 8 on, each group has an entry in `groups`.
 */
export const OffsetFetchResponse = message('OffsetFetchResponse', '1-10', '6+', {
  throttleTimeMs: int32('3+', { default: 0, ignorable: true }),
  topics: array(offsetFetchResponseTopic, '1-7'),
  errorCode: int16('2-7', { default: 0, ignorable: true }),
  groups: array(offsetFetchResponseGroup, '8+'),
});

export const OffsetFetch = api('OffsetFetch', OffsetFetchRequest, OffsetFetchResponse);
