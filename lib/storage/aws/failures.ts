import type { RefusedReason } from '../ports.ts';

/** A write that AWS, or the way to it, did not answer with success. */
export type FailedWrite =
  | { readonly kind: 'refused'; readonly reason: RefusedReason; readonly message: string }
  | { readonly kind: 'unknown'; readonly message: string };

/** There was no free connection for a request: it was never sent. */
export class NoConnectionError extends Error {
  override readonly name = 'NoConnectionError';
}

/** What an error of an AWS SDK v3 client carries, of which everything may be missing. */
interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly syscall?: string;
  readonly errors?: readonly SdkError[];
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** The service turned the request away for its rate. */
const THROTTLED = new Set([
  'ThrottlingException',
  'Throttling',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'TooManyRequestsException',
  'SlowDown',
  // Another write to this very item is under way; this one was turned away before it began.
  'TransactionConflictException',
  'ReplicatedWriteConflictException',
  'OperationAborted',
]);

/** The signature is too old, too new, or not one. S3 and DynamoDB have names of their own for it. */
const EXPIRED = new Set([
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'RequestExpired',
  'RequestTimeTooSkewed',
  'RequestInTheFuture',
]);

/** Credentials or resources that come with time, or that somebody has to set right; the write itself is sound. */
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
 * What an error means for a write. `refused` only where it surely did not happen: the service said so with a 4xx, or
 * there never was a connection. A 5xx, a time-out and a lost connection may have landed: `unknown`.
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

/** True for errors of reads that may pass: worth another attempt. */
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
