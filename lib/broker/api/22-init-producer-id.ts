import { ANY_TOPIC, CLUSTER } from '../../auth/authorize.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { NO_PRODUCER_EPOCH, NO_PRODUCER_ID } from '../../records/batch.ts';
import { InitProducerId } from '../../wire/messages/22-init-producer-id.ts';
import type { TransactionBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { coordinated, knownError, transactionalAccess } from '../transactional.ts';

/** The first version whose clients know PRODUCER_FENCED. */
const FIRST_WITH_FENCED = 4;

/**
 * InitProducerId, versions 0 to 5. Without a transactional id it always returns a new producer id with
 * epoch 0, as Kafka does, whatever id and epoch the producer sent; WRITE on any topic is sufficient
 * (KIP-679). With one, the answer follows the end of the transaction that an earlier producer of the
 * id has left open. An id without an epoch, or the reverse, gets INVALID_REQUEST.
 */
export const initProducerId = defineApi(
  InitProducerId,
  async (broker: TransactionBroker, request, version, context) => {
    const refused = (error: ErrorName) => ({
      errorCode: errorCode(knownError(error, version >= FIRST_WITH_FENCED)),
      producerId: NO_PRODUCER_ID,
      producerEpoch: NO_PRODUCER_EPOCH,
    });
    const { transactionalId, transactionTimeoutMs: timeoutMs, producerId, producerEpoch } = request;
    if (transactionalId === null) {
      const decisions = await broker.authorize(context, [
        { operation: 'IDEMPOTENT_WRITE', resource: CLUSTER },
        { operation: 'WRITE', resource: ANY_TOPIC },
      ]);
      if (!decisions.allows('IDEMPOTENT_WRITE', CLUSTER) && !decisions.allows('WRITE', ANY_TOPIC)) {
        return refused('CLUSTER_AUTHORIZATION_FAILED');
      }
    } else {
      const { operation, resource } = transactionalAccess('WRITE', transactionalId);
      const decisions = await broker.authorize(context, [{ operation, resource }]);
      if (!decisions.allows(operation, resource)) return refused('TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
    }
    const hasId = producerId !== NO_PRODUCER_ID;
    if (hasId !== (producerEpoch !== NO_PRODUCER_EPOCH)) return refused('INVALID_REQUEST');
    const expected = hasId ? { producerId, producerEpoch } : undefined;
    const answer = await coordinated(transactionalId ?? NONE, async () =>
      transactionalId === null
        ? ({ kind: 'ok', producerId: await broker.producerIds.next(), producerEpoch: 0 } as const)
        : broker.transactions.initProducerId({ transactionalId, timeoutMs, expected }, context),
    );
    if (answer.kind === 'refused') return refused(answer.error);
    return { errorCode: 0, producerId: answer.producerId, producerEpoch: answer.producerEpoch };
  },
);

/** Stands for the absence of a transactional id. */
const NONE = '-';
