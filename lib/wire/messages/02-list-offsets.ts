import { api } from '../api.ts';
import { array, int8, int16, int32, int64, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/**
 * Finds offsets by time. Negative timestamps name positions: -1 the end, -2 the beginning, -3 the
 * largest timestamp (from 7), -4 the first local offset (from 8), -5 the last tiered one (from 9),
 * -6 the first offset not yet tiered (from 11).
 */
export const ListOffsetsRequest = message('ListOffsetsRequest', '1-11', '6+', {
  replicaId: int32(),
  isolationLevel: int8('2+'),
  topics: array({
    name: string(),
    partitions: array({
      partitionIndex: int32(),
      currentLeaderEpoch: int32('4+', { default: -1, ignorable: true }),
      timestamp: int64(),
    }),
  }),
  timeoutMs: int32('10+', { ignorable: true }),
});

export const ListOffsetsResponse = message('ListOffsetsResponse', '1-11', '6+', {
  throttleTimeMs: int32('2+', { default: 0, ignorable: true }),
  topics: array({
    name: string(),
    partitions: array({
      partitionIndex: int32(),
      errorCode: int16(),
      timestamp: int64({ default: -1 }),
      offset: int64({ default: -1 }),
      leaderEpoch: int32('4+', { default: -1 }),
    }),
  }),
});

export const ListOffsets = api('ListOffsets', ListOffsetsRequest, ListOffsetsResponse);
