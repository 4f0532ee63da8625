import { FRAME_FUNCTIONS, type FrameFunction } from '../../broker/apis.ts';

/**
 * Why a function, or the service before it, refused a request. None of these was carried out.
 * - `forbidden`: the credentials are wrong, have expired, or may not call the function.
 * - `credentials`: there are none to sign with.
 * - `missing`: there is no such function at that address.
 * - `throttled`, `unreachable`: a retry may succeed.
 * - `tooLarge`: more bytes than the transport accepts.
 * - `rejected`: the function could not parse the request.
 */
export type RefusalReason =
  | 'forbidden'
  | 'credentials'
  | 'missing'
  | 'throttled'
  | 'unreachable'
  | 'tooLarge'
  | 'rejected';

/**
 * The outcome of one request to a function.
 * - `answered`: the body of its answer.
 * - `refused`: it was certainly not carried out; `message` is the service's own text.
 * - `unknown`: a time-out, a lost connection or a server error. The request may have been carried
 *   out, or may still be running.
 */
export type CallOutcome =
  | { readonly kind: 'answered'; readonly body: Buffer }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly message: string }
  | { readonly kind: 'unknown'; readonly message: string };

/** No answer, for any reason. */
export type Trouble = Exclude<CallOutcome, { readonly kind: 'answered' }>;

/** A way to call functions: over HTTP, or by Lambda's Invoke. */
export interface Transport {
  /** Where requests go, for people: a URL or the functions' names; never a secret. */
  readonly target: string;
  /**
   * Sends one request envelope. Never rejects, and never repeats a request that may have been
   * carried out.
   */
  call(name: FrameFunction, envelope: Buffer): Promise<CallOutcome>;
  /** The function's full address, such as `POST https://.../kafka/fetch`. */
  describe(name: FrameFunction): string;
  /** The IAM action that calling it needs. */
  readonly permission: string;
  /** Closes idle connections. Running calls finish. */
  close(): void;
}

/**
 * How long to wait for an answer; ms. Functions answer within 25 s, and API Gateway gives up after
 * 30 s, so no answer comes later.
 */
export const ANSWER_TIMEOUT_MS = 31_000;

/** Time-out of a connect; ms. Within a region a connect takes a few ms, around the world 300. */
export const CONNECT_TIMEOUT_MS = 5_000;

/**
 * How long an idle connection is kept; ms. Shorter than API Gateway's own time-out: a request on a
 * connection that the server is closing is lost, with an unknown outcome.
 */
export const IDLE_CONNECTION_MS = 20_000;

/**
 * Concurrent requests other than Produce to one function. A waiting fetch occupies an instance of
 * the function, and an account has 1,000 instances by default for all its functions.
 */
export const LONE_REQUESTS_MAX = 256;

/** Concurrent Produce flushes. Each occupies an instance of the function. */
export const FLIGHTS_MAX = 8;

/**
 * A transport has a connection for every concurrent call, so that no call waits for a connection.
 */
export const SOCKETS_MAX = FRAME_FUNCTIONS.length * LONE_REQUESTS_MAX + FLIGHTS_MAX;

/**
 * The largest frame. Lambda takes 6 MB of JSON (6,291,456 bytes) with bytes as base64, which is 4.7
 * MB of bytes. The rest is for the headers of the event.
 */
export const FRAME_BYTES_MAX = 4_400_000;

/** Bytes of frames at which an envelope is full. The rest up to FRAME_BYTES_MAX is for its head. */
export const FLUSH_BYTES_MAX = 4_000_000;
