import { api } from '../api.ts';
import { array, int16, int32, int64, records, string, struct, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

const batchIndexAndErrorMessage = {
  batchIndex: int32(),
  batchIndexErrorMessage: string({ clipped: true, nullable: true, default: null }),
};

const leaderIdAndEpoch = { leaderId: int32({ default: -1 }), leaderEpoch: int32({ default: -1 }) };

const nodeEndpoint = {
  nodeId: int32(),
  host: string(),
  port: int32(),
  rack: string({ nullable: true, default: null }),
};

/**
 * Appends record batches to partitions. Versions 0 to 2 carry older batch formats and have no
 * schema here. From 7 on, batches may be compressed with zstd. With 12, the batch of an open
 * transaction adds its partition (KIP-890). 13 names topics by id (KIP-516).
 */
export const ProduceRequest = message('ProduceRequest', '3-13', '9+', {
  transactionalId: string({ nullable: true, default: null }),
  acks: int16(),
  timeoutMs: int32(),
  topicData: array({
    name: string('3-12', { ignorable: true }),
    topicId: uuid('13+', { ignorable: true }),
    partitionData: array({ index: int32(), records: records({ nullable: true }) }),
  }),
});

/** From 8 on, it names the invalid records (KIP-467); from 10 on, the current leader (KIP-951). */
export const ProduceResponse = message('ProduceResponse', '3-13', '9+', {
  responses: array({
    name: string('3-12', { ignorable: true }),
    topicId: uuid('13+', { ignorable: true }),
    partitionResponses: array({
      index: int32(),
      errorCode: int16(),
      baseOffset: int64(),
      logAppendTimeMs: int64({ default: -1, ignorable: true }),
      logStartOffset: int64('5+', { default: -1, ignorable: true }),
      recordErrors: array(batchIndexAndErrorMessage, '8+', { ignorable: true }),
      errorMessage: string('8+', { clipped: true, nullable: true, default: null, ignorable: true }),
      currentLeader: struct(leaderIdAndEpoch, '10+', { tag: 0 }),
    }),
  }),
  throttleTimeMs: int32({ default: 0, ignorable: true }),
  nodeEndpoints: array(nodeEndpoint, '10+', { tag: 0 }),
});

export const Produce = api('Produce', ProduceRequest, ProduceResponse);
