import { type ErrorName, errorCode } from '../../core/errors.ts';
import { NO_PRODUCER_EPOCH, NO_PRODUCER_ID } from '../../records/batch.ts';
import { EndTxn } from '../../wire/messages/26-end-txn.ts';
import type { TransactionBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { coordinated, knownError, transactionalAccess } from '../transactional.ts';

/** The first version whose clients know PRODUCER_FENCED. */
const FIRST_WITH_FENCED = 2;

/** The first version of transactions version 2 (KIP-890): the answer has the epoch to use next. */
const FIRST_THAT_BUMPS = 5;

/**
 * EndTxn, versions 0 to 5. The answer follows the markers in all partitions, where Kafka answers
 * before them.
 */
export const endTxn = defineApi(EndTxn, async (broker: TransactionBroker, request, version, context) => {
  const refused = (error: ErrorName) => ({
    errorCode: errorCode(knownError(error, version >= FIRST_WITH_FENCED)),
    producerId: NO_PRODUCER_ID,
    producerEpoch: NO_PRODUCER_EPOCH,
  });
  const { transactionalId, producerId, producerEpoch, committed: commit } = request;
  const write = transactionalAccess('WRITE', transactionalId);
  const decisions = await broker.authorize(context, [write]);
  if (!decisions.allows(write.operation, write.resource)) return refused('TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
  const protocol = version >= FIRST_THAT_BUMPS ? 2 : 1;
  const ended = await coordinated(transactionalId, () =>
    broker.transactions.end({ transactionalId, producerId, producerEpoch, commit, protocol }, context),
  );
  if (ended.kind === 'refused') return refused(ended.error);
  return { errorCode: 0, producerId: ended.producerId, producerEpoch: ended.producerEpoch };
});
