import { ANY_TOPIC, type Decisions, topicResource } from '../../auth/authorize.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { each } from '../../kit/each.ts';
import type { TransactionState } from '../../storage/items/transaction.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { OFFSETS_TOPIC } from '../../topics/topic-name.ts';
import { DescribeTransactions } from '../../wire/messages/65-describe-transactions.ts';
import type { TransactionReadBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { offsetsPartition } from '../offsets-partition.ts';
import { transactionalAccess } from '../transactional.ts';

/**
 * DescribeTransactions, version 0. Topics that the client may not describe, and deleted ones, are
 * left out. A group stands for its partition of `__consumer_offsets`, as in Kafka.
 */
export const describeTransactions = defineApi(
  DescribeTransactions,
  async (broker: TransactionReadBroker, request, _version, context) => {
    const ids = request.transactionalIds;
    const decisions = await broker.authorize(context, [
      ...[...new Set(ids)].map((id) => transactionalAccess('DESCRIBE', id)),
      { operation: 'DESCRIBE', resource: ANY_TOPIC },
    ]);
    const describe = async (transactionalId: string) => {
      const { operation, resource } = transactionalAccess('DESCRIBE', transactionalId);
      if (!decisions.allows(operation, resource))
        return failed(transactionalId, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
      if (transactionalId === '') return failed(transactionalId, 'INVALID_REQUEST');
      try {
        const state = await broker.transactionReader.read(transactionalId);
        if (state === undefined || state.status === 'Dead')
          return failed(transactionalId, 'TRANSACTIONAL_ID_NOT_FOUND');
        return {
          ...{ errorCode: 0, transactionalId, transactionState: state.status },
          transactionTimeoutMs: state.timeoutMs,
          transactionStartTimeMs: state.startedAt,
          ...{ producerId: state.producerId, producerEpoch: state.producerEpoch },
          topics: await topicsOf(broker, decisions, state),
        };
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        return failed(transactionalId, 'COORDINATOR_NOT_AVAILABLE');
      }
    };
    return { transactionStates: await each(broker, ids, describe, (id) => id) };
  },
);

function failed(transactionalId: string, error: ErrorName) {
  return {
    ...{ errorCode: errorCode(error), transactionalId, transactionState: '' },
    ...{ transactionTimeoutMs: 0, transactionStartTimeMs: 0, producerId: 0, producerEpoch: 0, topics: [] },
  };
}

async function topicsOf(broker: TransactionReadBroker, decisions: Decisions, { partitions, groups }: TransactionState) {
  const { topics } = broker.admin;
  const found = await each(broker, [...partitions], async ([topicId, listed]) => {
    const topic = (await topics.getById(topicId))?.record.name;
    return topic === undefined ? [] : [{ topic, partitions: [...listed].sort((a, b) => a - b) }];
  });
  const ofGroups = new Set(await each(broker, [...groups], (groupId) => offsetsPartition(broker, groupId)));
  const offsets = [{ topic: OFFSETS_TOPIC, partitions: [...ofGroups].sort((a, b) => a - b) }];
  return [...found.flat(), ...(ofGroups.size > 0 ? offsets : [])].filter(({ topic }) =>
    decisions.allows('DESCRIBE', topicResource(topic)),
  );
}
