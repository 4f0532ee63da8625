import { type Access, ANY_TOPIC, CLUSTER } from '../../auth/authorize.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { NO_PRODUCER_EPOCH, NO_PRODUCER_ID } from '../../records/batch.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { InitProducerId } from '../../wire/messages/22-init-producer-id.ts';
import { defineApi } from '../define-api.ts';

/**
 * InitProducerId, versions 0 to 5, for idempotent producers. Always returns a new producer id with
 * epoch 0, as Kafka does without a transactional id, whatever id and epoch the producer sent; an id
 * without an epoch, or the reverse, gets INVALID_REQUEST. A transactional id is refused with
 * INVALID_REQUEST: there is no transaction coordinator. WRITE on any topic is sufficient (KIP-679).
 */
export const initProducerId = defineApi(InitProducerId, async (broker, request, _version, context) => {
  const refused = (error: ErrorName) => ({
    errorCode: errorCode(error),
    producerId: -1,
    producerEpoch: -1,
  });
  const { transactionalId } = request;
  if (transactionalId !== null) {
    const write: Access = { operation: 'WRITE', resource: { type: 'TRANSACTIONAL_ID', name: transactionalId } };
    const decisions = await broker.authorize(context, [write]);
    const isAllowed = decisions.allows(write.operation, write.resource);
    return refused(isAllowed ? 'INVALID_REQUEST' : 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
  }
  const decisions = await broker.authorize(context, [
    { operation: 'IDEMPOTENT_WRITE', resource: CLUSTER },
    { operation: 'WRITE', resource: ANY_TOPIC },
  ]);
  if (!decisions.allows('IDEMPOTENT_WRITE', CLUSTER) && !decisions.allows('WRITE', ANY_TOPIC)) {
    return refused('CLUSTER_AUTHORIZATION_FAILED');
  }
  const hasId = request.producerId !== NO_PRODUCER_ID;
  if (hasId !== (request.producerEpoch !== NO_PRODUCER_EPOCH)) return refused('INVALID_REQUEST');
  try {
    return { errorCode: 0, producerId: await broker.producerIds.next(), producerEpoch: 0 };
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return refused('COORDINATOR_NOT_AVAILABLE');
  }
});
