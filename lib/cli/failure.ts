import { ERROR_CODES, type ErrorName, errorName } from '../core/errors.ts';
import { EXIT_FAILED, EXIT_USAGE } from './command.ts';

/** Ends a command. The message says in a sentence or two what is wrong, why, and what to do. */
export class CommandError extends Error {
  readonly exitCode: number;
  /** Kafka's name of the error, if the broker refused the request. */
  readonly kafkaError: string | undefined;

  constructor(message: string, options: { exitCode?: number; kafkaError?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.exitCode = options.exitCode ?? EXIT_FAILED;
    this.kafkaError = options.kafkaError;
  }
}

/** Wrong flags or arguments: exit code 2. */
export function usageError(message: string): CommandError {
  return new CommandError(message, { exitCode: EXIT_USAGE });
}

/** Advice for errors whose name does not say what to do. */
const HINTS: Partial<Record<ErrorName, string>> = {
  MESSAGE_TOO_LARGE: "The topic's max.message.bytes allows less: raise it, or lower --batch-size.",
  RECORD_LIST_TOO_LARGE: 'The broker accepts less per request: lower --batch-size.',
  INVALID_REPLICATION_FACTOR: "Omit --replication-factor to use the broker's default.",
  TOPIC_ALREADY_EXISTS: 'With --if-not-exists that is fine.',
  TOPIC_AUTHORIZATION_FAILED: 'Ask for the right on this topic, or log in as another user with --client-config.',
  CLUSTER_AUTHORIZATION_FAILED: 'Ask for the right on the cluster, or log in as another user with --client-config.',
  UNSUPPORTED_COMPRESSION_TYPE: 'The broker does not take this codec: choose another one with --compression.',
};

/** The name of an error code, or its number if the code is unknown here. */
export function kafkaErrorName(code: number): string {
  return errorName(code) ?? `error ${code}`;
}

/**
 * The error for a request that the broker refused.
 *
 * @param what the part of the sentence before the colon, such as `Topic words was not created`
 * @param code Kafka's error code, not 0
 * @param message the broker's own message, if any
 * @param advice what to do; default: the usual advice for the error
 */
export function brokerRefusal(what: string, code: number, message?: string | null, advice?: string): CommandError {
  const name = kafkaErrorName(code);
  const hint = advice ?? HINTS[name as ErrorName];
  const words = message === undefined || message === null || message === '' ? '' : `${withoutPeriod(message)} `;
  return new CommandError(
    `${what}: ${words}${words === '' ? name : `(${name})`}.${hint === undefined ? '' : ` ${hint}`}`,
    {
      kafkaError: name,
    },
  );
}

function withoutPeriod(message: string): string {
  return message.trim().replace(/\.$/, '');
}

/** Transient errors (RetriableException in Kafka's clients). */
const RETRIABLE: ReadonlySet<number> = new Set([
  ERROR_CODES.CORRUPT_MESSAGE,
  ERROR_CODES.LEADER_NOT_AVAILABLE,
  ERROR_CODES.NOT_LEADER_OR_FOLLOWER,
  ERROR_CODES.REQUEST_TIMED_OUT,
  ERROR_CODES.BROKER_NOT_AVAILABLE,
  ERROR_CODES.REPLICA_NOT_AVAILABLE,
  ERROR_CODES.NETWORK_EXCEPTION,
  ERROR_CODES.COORDINATOR_LOAD_IN_PROGRESS,
  ERROR_CODES.COORDINATOR_NOT_AVAILABLE,
  ERROR_CODES.NOT_ENOUGH_REPLICAS,
  ERROR_CODES.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  ERROR_CODES.KAFKA_STORAGE_ERROR,
  ERROR_CODES.FENCED_LEADER_EPOCH,
  ERROR_CODES.UNKNOWN_LEADER_EPOCH,
  ERROR_CODES.OFFSET_NOT_AVAILABLE,
  ERROR_CODES.THROTTLING_QUOTA_EXCEEDED,
]);

/** Whether a retry can help. */
export function isRetriable(code: number): boolean {
  return RETRIABLE.has(code);
}
