import type { ErrorName } from '../core/errors.ts';
import { type Refusal, refused } from './answer.ts';

/**
 * Confluent's error codes (io.confluent.kafkarest.Errors, and rest-utils' KafkaExceptionMapper). A
 * code below 1,000 is the status of HTTP itself.
 */
export const RestCode = {
  KAFKA_BAD_REQUEST: 40002,
  KAFKA_AUTHORIZATION: 40301,
  PARTITION_NOT_FOUND: 40402,
  UNKNOWN_TOPIC_OR_PARTITION: 40403,
  CONSUMER_INSTANCE_NOT_FOUND: 40403,
  CONSUMER_FORMAT_MISMATCH: 40601,
  SERIALIZATION: 40801,
  CONSUMER_ALREADY_EXISTS: 40902,
  ILLEGAL_STATE: 40903,
  INVALID_CONSUMER_CONFIG_CONSTRAINT: 40001,
  INVALID_CONSUMER_CONFIG: 42204,
  INVALID_PAYLOAD: 42206,
  PRODUCE_BATCH: 42208,
  KAFKA_ERROR: 50002,
  KAFKA_RETRIABLE: 50003,
  BROKER_NOT_AVAILABLE: 50302,
} as const;

/** Jersey's texts for answers without a message of their own. */
const STATUS_TEXTS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
};

/** The refusal that is known by the status of HTTP alone. */
export function refusedWith(status: number, message = `HTTP ${status} ${STATUS_TEXTS[status]}`): Refusal {
  return refused(status, status, message);
}

/** io.confluent.kafkarest.exceptions.BadRequestException */
export function badRequest(detail: string): Refusal {
  return refused(400, 400, `Bad Request: ${detail}`);
}

/** A body that has the form of JSON, but not the asked one (ConstraintViolationExceptionMapper). */
export function unprocessable(message: string): Refusal {
  return refused(422, 422, message);
}

export function invalidPayload(cause: string): Refusal {
  return refused(422, RestCode.INVALID_PAYLOAD, `Payload error. ${cause}`);
}

export const PARTITION_NOT_FOUND = refused(404, RestCode.PARTITION_NOT_FOUND, 'Partition not found.');

/** An operation that does not fit the state of a consumer instance. */
export function illegalState(message: string): Refusal {
  return refused(409, RestCode.ILLEGAL_STATE, `Illegal state: ${message}`);
}

const NOT_ALLOWED: ReadonlySet<ErrorName> = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
]);

const BAD_REQUESTS: ReadonlySet<ErrorName> = new Set([
  'INVALID_REPLICATION_FACTOR',
  'SECURITY_DISABLED',
  'UNSUPPORTED_VERSION',
  'INVALID_PARTITIONS',
  'INVALID_REQUEST',
  'UNKNOWN_SERVER_ERROR',
  'POLICY_VIOLATION',
  'TOPIC_ALREADY_EXISTS',
  'INVALID_CONFIG',
]);

/**
 * What the request has wrong, where Confluent's answers 500 with 50002. A 5xx would say that the
 * server is at fault, and be retried.
 */
const WRONG_REQUESTS: ReadonlySet<ErrorName> = new Set([
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_GROUP_ID',
  'INVALID_REPLICA_ASSIGNMENT',
]);

/** The group has members, or others than the one that asks. */
const NOT_THE_MEMBER: ReadonlySet<ErrorName> = new Set([
  'UNKNOWN_MEMBER_ID',
  'FENCED_MEMBER_EPOCH',
  'STALE_MEMBER_EPOCH',
  'ILLEGAL_GENERATION',
  'REBALANCE_IN_PROGRESS',
]);

/** The errors whose exceptions are RetriableException in Kafka's clients. */
const RETRIABLE: ReadonlySet<ErrorName> = new Set([
  'CORRUPT_MESSAGE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_OR_FOLLOWER',
  'REQUEST_TIMED_OUT',
  'REPLICA_NOT_AVAILABLE',
  'NETWORK_EXCEPTION',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'NOT_CONTROLLER',
  'KAFKA_STORAGE_ERROR',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'OFFSET_NOT_AVAILABLE',
  'PREFERRED_LEADER_NOT_AVAILABLE',
  'ELIGIBLE_LEADERS_NOT_AVAILABLE',
  'UNSTABLE_OFFSET_COMMIT',
  'THROTTLING_QUOTA_EXCEEDED',
  'UNKNOWN_TOPIC_ID',
  'INCONSISTENT_TOPIC_ID',
]);

export function isRetriable(error: ErrorName): boolean {
  return RETRIABLE.has(error);
}

export function isNotAllowed(error: ErrorName): boolean {
  return NOT_ALLOWED.has(error);
}

/** What Kafka's clients say of an error that comes without a message (Errors). */
const MESSAGES: Partial<Record<ErrorName, string>> = {
  UNKNOWN_TOPIC_OR_PARTITION: 'This server does not host this topic-partition.',
  TOPIC_AUTHORIZATION_FAILED: 'Topic authorization failed.',
  GROUP_AUTHORIZATION_FAILED: 'Group authorization failed.',
  CLUSTER_AUTHORIZATION_FAILED: 'Cluster authorization failed.',
  REQUEST_TIMED_OUT: 'The request timed out.',
  MESSAGE_TOO_LARGE: 'The request included a message larger than the max message size the server will accept.',
  INVALID_RECORD: 'This record has failed the validation on broker and hence will be rejected.',
  COORDINATOR_NOT_AVAILABLE: 'The coordinator is not available.',
  GROUP_ID_NOT_FOUND: 'The group id does not exist.',
  NON_EMPTY_GROUP: 'The group is not empty.',
  TOPIC_DELETION_DISABLED: 'Topic deletion is disabled.',
  KAFKA_STORAGE_ERROR: 'Disk error when trying to access log file on the disk.',
  LEADER_NOT_AVAILABLE: 'There is no leader for this topic-partition as we are in the middle of a leadership election.',
  INVALID_TOPIC_EXCEPTION: 'The request attempted to perform an operation on an invalid topic.',
  INVALID_GROUP_ID: 'The configured groupId is invalid.',
  UNKNOWN_MEMBER_ID: 'The coordinator is not aware of this member.',
  OFFSET_OUT_OF_RANGE: 'The requested offset is not within the range of offsets maintained by the server.',
};

export function kafkaMessage(error: ErrorName, message?: string): string {
  return message ?? MESSAGES[error] ?? `Kafka answered ${error}.`;
}

/** Kafka's error as an answer (KafkaExceptionMapper). */
export function kafkaFailure({ error, message }: { readonly error: ErrorName; readonly message?: string }): Refusal {
  const text = kafkaMessage(error, message);
  if (isNotAllowed(error)) return refused(403, RestCode.KAFKA_AUTHORIZATION, text);
  if (BAD_REQUESTS.has(error) || WRONG_REQUESTS.has(error)) return refused(400, RestCode.KAFKA_BAD_REQUEST, text);
  if (NOT_THE_MEMBER.has(error)) return illegalState(text);
  if (error === 'UNKNOWN_TOPIC_OR_PARTITION') return refused(404, RestCode.UNKNOWN_TOPIC_OR_PARTITION, text);
  if (error === 'BROKER_NOT_AVAILABLE') return refused(503, RestCode.BROKER_NOT_AVAILABLE, text);
  return refused(500, isRetriable(error) ? RestCode.KAFKA_RETRIABLE : RestCode.KAFKA_ERROR, text);
}

/** The store did not answer: Kafka's clients would see a time-out. */
export function storeUnavailable(): Refusal {
  return kafkaFailure({ error: 'REQUEST_TIMED_OUT', message: 'The store did not answer in time.' });
}
