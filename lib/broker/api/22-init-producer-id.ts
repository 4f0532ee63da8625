import { CLUSTER } from '../../auth/authorize.ts';
import { errorCode } from '../../core/errors.ts';
import { NO_PRODUCER_EPOCH, NO_PRODUCER_ID } from '../../records/batch.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import type { ApiKey } from '../../wire/apis.ts';
import type { Handler } from '../broker.ts';

/**
 * InitProducerId, versions 0 to 5, for idempotent producers: always a new producer id with epoch 0, as Kafka does without a
 * transactional id, whatever id and epoch the producer says it had; one of them without the other gets INVALID_REQUEST. A
 * transactional id is refused with INVALID_REQUEST: there is no transaction coordinator.
 */
export const initProducerId: Handler<typeof ApiKey.InitProducerId> = async (broker, request, _version, context) => {
  const refused = (error: Parameters<typeof errorCode>[0]) => ({
    errorCode: errorCode(error),
    producerId: -1,
    producerEpoch: -1,
  });
  if (request.transactionalId !== null) return refused('INVALID_REQUEST');
  const hasId = request.producerId !== NO_PRODUCER_ID;
  if (hasId !== (request.producerEpoch !== NO_PRODUCER_EPOCH)) return refused('INVALID_REQUEST');
  if (!broker.authorize(context, 'IDEMPOTENT_WRITE', CLUSTER)) return refused('CLUSTER_AUTHORIZATION_FAILED');
  try {
    return { errorCode: 0, producerId: await broker.producerIds.next(), producerEpoch: 0 };
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return refused('COORDINATOR_NOT_AVAILABLE');
  }
};
