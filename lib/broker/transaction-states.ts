import { TRANSACTION_STATUSES } from '../storage/items/transaction.ts';

/**
 * The names that Kafka knows (org.apache.kafka.coordinator.transaction.TransactionState). No id is
 * ever in the last one here.
 */
export const KAFKA_STATES: ReadonlySet<string> = new Set([...TRANSACTION_STATUSES, 'PrepareEpochFence']);
