import type { RefusedReason } from '../ports.ts';

/** A write without a successful answer. */
export type FailedWrite =
  | { readonly kind: 'refused'; readonly reason: RefusedReason; readonly message: string }
  | { readonly kind: 'unknown'; readonly message: string };

/** No connection was free for a request: it was never sent. */
export class NoConnectionError extends Error {
  override readonly name = 'NoConnectionError';
}

/** The fields of an AWS SDK v3 error; each may be missing. */
interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly syscall?: string;
  readonly errors?: readonly SdkError[];
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** The service throttled the request. */
const THROTTLED = new Set([
  'ThrottlingException',
  'Throttling',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'TooManyRequestsException',
  'SlowDown',
  // Another write to this item is in progress; this one was rejected before it began.
  'TransactionConflictException',
  'ReplicatedWriteConflictException',
  'OperationAborted',
]);

/**
 * The signature is too old, too new, or not one. S3 and DynamoDB have names of their own for it.
 */
const EXPIRED = new Set([
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'RequestExpired',
  'RequestTimeTooSkewed',
  'RequestInTheFuture',
]);

/**
 * Missing credentials or resources. They may appear later or an operator has to fix them; the write
 * itself is valid.
 */
const UNAVAILABLE = new Set([
  'ExpiredTokenException',
  'ExpiredToken',
  'CredentialsProviderError',
  'ResourceNotFoundException',
  'NoSuchBucket',
  // S3 waited for the rest of the body and gave up.
  'RequestTimeout',
]);

/** Errors of making a connection, before a byte of the request has left (see httpAgents). */
const CONNECT_CALLS = new Set(['connect', 'getaddrinfo']);

/**
 * The outcome that an error means for a write. `refused` only where the write certainly did not
 * happen: a 4xx answer, or no connection. After a 5xx, a time-out or a lost connection it may have
 * landed: `unknown`.
 */
export function failedWrite(error: unknown): FailedWrite {
  const { name = '', message: text = String(error), $metadata } = (error ?? {}) as SdkError;
  const message = `${name}: ${text}`;
  const status = $metadata?.httpStatusCode;
  const refused = (reason: RefusedReason): FailedWrite => ({ kind: 'refused', reason, message });
  if (THROTTLED.has(name)) return refused('throttled');
  if (EXPIRED.has(name)) return refused('expired');
  if (UNAVAILABLE.has(name) || error instanceof NoConnectionError || neverConnected(error))
    return refused('unavailable');
  if (name === 'EntityTooLarge' || (name === 'ValidationException' && /size/i.test(text))) return refused('tooLarge');
  if (status === 429) return refused('throttled');
  if (status !== undefined && status >= 400 && status < 500) return refused('rejected');
  return { kind: 'unknown', message };
}

/** True for transient errors of reads. */
export function mayPass(error: unknown): boolean {
  const failure = failedWrite(error);
  return failure.kind === 'unknown' || failure.reason === 'throttled';
}

/** With several addresses Node reports one error that holds those of each attempt. */
function neverConnected(error: unknown): boolean {
  const { syscall, errors } = (error ?? {}) as SdkError;
  if (errors !== undefined && errors.length > 0) return errors.every(neverConnected);
  return syscall !== undefined && CONNECT_CALLS.has(syscall);
}
