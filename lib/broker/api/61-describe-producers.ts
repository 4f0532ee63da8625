import { errorCode } from '../../core/errors.ts';
import { DescribeProducers } from '../../wire/messages/61-describe-producers.ts';
import type { AdminBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';

/** Transaction coordinators have no epochs here. Kafka answers this until it has seen a marker. */
const NO_COORDINATOR_EPOCH = -1;

/** DescribeProducers, version 0: the producers that partitions remember, and their open transactions. */
export const describeProducers = defineApi(
  DescribeProducers,
  async (broker: AdminBroker, request, _version, context) => {
    const asked = request.topics.flatMap(({ name, partitionIndexes }) => {
      const topic = { name };
      return partitionIndexes.map((partition) => ({ topic, partition }));
    });
    const described = await broker.log.describeProducers(context, asked);
    let next = 0;
    return {
      topics: request.topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => {
          const { error, reason, producers } = described[next++]!;
          if (reason !== undefined) {
            broker.logger.log('warn', { event: 'store_unavailable', apiKey: 61, message: reason });
          }
          return {
            partitionIndex,
            errorCode: errorCode(error),
            activeProducers: producers.map(
              ({ producerId, producerEpoch, lastSequence, lastTimestamp, transactionStart }) => ({
                ...{ producerId, producerEpoch, lastSequence, lastTimestamp },
                coordinatorEpoch: NO_COORDINATOR_EPOCH,
                currentTxnStartOffset: transactionStart,
              }),
            ),
          };
        }),
      })),
    };
  },
);
