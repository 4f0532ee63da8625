import type { Access, Resource } from '../auth/authorize.ts';
import type { ErrorName, Failure } from '../core/errors.ts';
import { StoreUnavailableError } from '../storage/ports.ts';

export function transactionalIdResource(transactionalId: string): Resource {
  return { type: 'TRANSACTIONAL_ID', name: transactionalId };
}

/** The right to use a transactional id. */
export function transactionalAccess(operation: 'WRITE' | 'DESCRIBE', transactionalId: string): Access {
  return { operation, resource: transactionalIdResource(transactionalId) };
}

type Refused = { readonly kind: 'refused' } & Failure;

/**
 * The coordinator's answer. If the store does not answer it is COORDINATOR_NOT_AVAILABLE, after which
 * clients send the request again. An empty id gets INVALID_REQUEST, as in Kafka
 * (TransactionCoordinator).
 */
export async function coordinated<Answer>(
  transactionalId: string,
  ask: () => Promise<Answer>,
): Promise<Answer | Refused> {
  if (transactionalId === '') return { kind: 'refused', error: 'INVALID_REQUEST' };
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return { kind: 'refused', error: 'COORDINATOR_NOT_AVAILABLE' };
  }
}

/** Older clients do not know PRODUCER_FENCED (KafkaApis). */
export function knownError(error: ErrorName, knowsFenced: boolean): ErrorName {
  return error === 'PRODUCER_FENCED' && !knowsFenced ? 'INVALID_PRODUCER_EPOCH' : error;
}
