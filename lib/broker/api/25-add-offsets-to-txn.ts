import { groupResource } from '../../auth/authorize.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { AddOffsetsToTxn } from '../../wire/messages/25-add-offsets-to-txn.ts';
import type { TransactionBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { coordinated, knownError, transactionalAccess } from '../transactional.ts';

/** The first version whose clients know PRODUCER_FENCED. */
const FIRST_WITH_FENCED = 2;

/** AddOffsetsToTxn, versions 0 to 4: the transaction will commit offsets of this group. */
export const addOffsetsToTxn = defineApi(
  AddOffsetsToTxn,
  async (broker: TransactionBroker, request, version, context) => {
    const answer = (error: ErrorName) => ({ errorCode: errorCode(knownError(error, version >= FIRST_WITH_FENCED)) });
    const { transactionalId, producerId, producerEpoch, groupId } = request;
    const write = transactionalAccess('WRITE', transactionalId);
    const decisions = await broker.authorize(context, [write, { operation: 'READ', resource: groupResource(groupId) }]);
    if (!decisions.allows(write.operation, write.resource)) return answer('TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
    if (!decisions.allows('READ', groupResource(groupId))) return answer('GROUP_AUTHORIZATION_FAILED');
    const added = await coordinated(transactionalId, () =>
      broker.transactions.add(
        { transactionalId, producerId, producerEpoch, partitions: new Map(), groups: [groupId] },
        context,
      ),
    );
    return answer(added.kind === 'ok' ? 'NONE' : added.error);
  },
);
