import { api } from '../api.ts';
import { array, int16, int32, int64, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Asks where a leader epoch ended, to find the point where logs diverge. */
export const OffsetForLeaderEpochRequest = message('OffsetForLeaderEpochRequest', '2-4', '4+', {
  replicaId: int32('3+', { default: -2, ignorable: true }),
  topics: array({
    topic: string(),
    partitions: array({
      partition: int32(),
      currentLeaderEpoch: int32({ default: -1, ignorable: true }),
      leaderEpoch: int32(),
    }),
  }),
});

export const OffsetForLeaderEpochResponse = message('OffsetForLeaderEpochResponse', '2-4', '4+', {
  throttleTimeMs: int32({ default: 0, ignorable: true }),
  topics: array({
    topic: string(),
    partitions: array({
      errorCode: int16(),
      partition: int32(),
      leaderEpoch: int32({ default: -1, ignorable: true }),
      endOffset: int64({ default: -1 }),
    }),
  }),
});

export const OffsetForLeaderEpoch = api(
  'OffsetForLeaderEpoch',
  OffsetForLeaderEpochRequest,
  OffsetForLeaderEpochResponse,
);
