import { errorCode } from '../../core/errors.ts';
import { NO_OFFSET } from '../../core/offset.ts';
import type { ProduceResult } from '../../log/append-batch.ts';
import type { CurrentLeader } from '../../log/current-leader.ts';
import type { BatchToProduce } from '../../log/produce.ts';
import { Produce } from '../../wire/messages/00-produce.ts';
import { type Broker, CloseConnection, NO_ANSWER, type ProduceBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { currentLeader, endpointsOf } from '../leading.ts';
import { namedOnce } from '../named-once.ts';

/**
 * Produce, versions 3 to 13 (0 to 2 are advertised for old clients, never answered). Each
 * partition's batch is validated and appended independently. `acks` 1 and all are equivalent: every
 * append is durable in the store. With `acks` 0 there is no answer, and an error closes the
 * connection, as in Kafka. From version 12 on, a transactional batch adds its partition to the
 * transaction (KIP-890). If a partition is named twice, only its last batch is appended, as in Kafka.
 */
export const produce = defineApi(Produce, async (broker: ProduceBroker, request, version, context) => {
  const { acks, timeoutMs, transactionalId } = request;
  const topics = namedOnce(
    request.topicData,
    ({ name, topicId }) => (version >= FIRST_WITH_IDS ? topicId : name),
    ({ partitionData }) => partitionData,
    ({ index }) => index,
  );
  const batches: BatchToProduce[] = [];
  for (const { topic, partitions } of topics) {
    const reference = version >= FIRST_WITH_IDS ? { id: topic.topicId } : { name: topic.name };
    for (const { index, records } of partitions) batches.push({ topic: reference, partition: index, records });
  }
  const results =
    acks < -1 || acks > 1
      ? batches.map(() => REFUSED_ACKS)
      : await broker.log.produce(context, batches, {
          timeoutMs,
          allowsZstd: version >= FIRST_WITH_ZSTD,
          transaction: {
            transactionalId,
            protocol: version >= FIRST_THAT_ADDS ? 2 : 1,
            knowsAbortable: version >= FIRST_WITH_ABORTABLE,
          },
        });
  const leaders: (CurrentLeader | undefined)[] = [];
  let next = 0;
  let failure = 0;
  const responses = topics.map(({ topic, partitions }) => ({
    name: topic.name,
    topicId: topic.topicId,
    partitionResponses: partitions.map(({ index }) => {
      const { topic: reference } = batches[next]!;
      const answer = answerOf(broker, index, results[next++]!);
      if (answer.errorCode === 0) return answer;
      if (failure === 0) failure = answer.errorCode;
      if (version < FIRST_WITH_ENDPOINTS) return answer;
      const leader = currentLeader(broker.log, answer.errorCode, reference, index);
      leaders.push(leader);
      return leader === undefined ? answer : { ...answer, currentLeader: leader };
    }),
  }));
  if (acks !== 0) return { responses, nodeEndpoints: endpointsOf(broker.leadership, context, leaders) };
  if (failure === 0) return NO_ANSWER;
  return new CloseConnection(`a produce request with acks=0 failed with error ${failure}`);
});

/** From this version on, topics are named by id. */
const FIRST_WITH_IDS = 13;

/** The first version whose batches add their partitions to the transaction (KIP-890). */
const FIRST_THAT_ADDS = 12;

/** The first version whose clients know TRANSACTION_ABORTABLE (KIP-890). */
const FIRST_WITH_ABORTABLE = 11;

/** The first version that supports zstd (KIP-110). */
const FIRST_WITH_ZSTD = 7;

/** From this version on, answers name the current leader (KIP-951). */
const FIRST_WITH_ENDPOINTS = 10;

const REFUSED_ACKS: ProduceResult = { kind: 'rejected', error: 'INVALID_REQUIRED_ACKS' };

function answerOf({ logger }: Broker, index: number, result: ProduceResult) {
  if (result.kind === 'appended') {
    const { baseOffset, logAppendTime, logStartOffset } = result;
    return { index, errorCode: 0, baseOffset, logAppendTimeMs: logAppendTime, logStartOffset };
  }
  if (result.reason !== undefined) {
    logger.log('warn', { event: 'store_unavailable', apiKey: 0, message: result.reason });
  }
  return {
    index,
    errorCode: errorCode(result.error),
    baseOffset: NO_OFFSET,
    logStartOffset: result.logStartOffset ?? NO_OFFSET,
    errorMessage: result.message ?? null,
    recordErrors: (result.recordErrors ?? []).map(({ batchIndex, message }) => ({
      batchIndex,
      batchIndexErrorMessage: message,
    })),
  };
}
