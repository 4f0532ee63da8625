import { api } from '../api.ts';
import { array, int8, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Elects leaders: preferred (0) or, from version 1 on, unclean (1). Null partitions mean all. */
export const ElectLeadersRequest = message('ElectLeadersRequest', '0-2', '2+', {
  electionType: int8('1+'),
  topicPartitions: array({ topic: string(), partitions: array(int32()) }, { nullable: true }),
  timeoutMs: int32({ default: 60000 }),
});

export const ElectLeadersResponse = message('ElectLeadersResponse', '0-2', '2+', {
  throttleTimeMs: int32({ default: 0 }),
  errorCode: int16('1+'),
  replicaElectionResults: array({
    topic: string(),
    partitionResult: array({
      partitionId: int32(),
      errorCode: int16(),
      errorMessage: string({ clipped: true, nullable: true }),
    }),
  }),
});

export const ElectLeaders = api('ElectLeaders', ElectLeadersRequest, ElectLeadersResponse);
