import { FRAME_FUNCTIONS, type FrameFunction } from '../../broker/apis.ts';

/**
 * What a function, or the way to it, said no with. None of these was carried out.
 * - `forbidden`: the credentials are wrong, have run out, or may not call the function.
 * - `credentials`: there are none to sign with.
 * - `missing`: there is no such function at that address.
 * - `throttled`, `unreachable`: it may work a moment later.
 * - `tooLarge`: more bytes than the way to the function takes.
 * - `rejected`: the function could not make sense of the request.
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
 * What became of one request to a function.
 * - `answered`: the body of its answer.
 * - `refused`: it surely was not carried out; `message` is the service's own words.
 * - `unknown`: a time-out, a lost connection or an error of the server; it may have been carried out, or may still be.
 */
export type CallOutcome =
  | { readonly kind: 'answered'; readonly body: Buffer }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly message: string }
  | { readonly kind: 'unknown'; readonly message: string };

/** No answer, whatever the reason. */
export type Trouble = Exclude<CallOutcome, { readonly kind: 'answered' }>;

/** A way to call functions: over HTTP, or by Lambda's own invoke. */
export interface Transport {
  /** Where requests go, for people: a URL or the names of functions; never a secret. */
  readonly target: string;
  /** Sends one request envelope. Never rejects, and repeats nothing that may have been carried out. */
  call(name: FrameFunction, envelope: Buffer): Promise<CallOutcome>;
  /** What a function is called where it is looked for, such as `POST https://.../kafka/fetch`. */
  describe(name: FrameFunction): string;
  /** The right that calling it needs, in IAM's words. */
  readonly permission: string;
  /** Closes idle connections; calls under way still end. */
  close(): void;
}

/**
 * How long an answer is waited for; ms. Functions answer within 25 s, and API Gateway gives up after 30 s: an answer
 * later than that does not come.
 */
export const ANSWER_TIMEOUT_MS = 31_000;

/** How long making a connection may take; ms. Within a region it takes a few ms, around the world 300. */
export const CONNECT_TIMEOUT_MS = 5_000;

/** How long a connection without a request is kept; ms. API Gateway closes one later: a request that meets a closing one is lost, outcome unknown. */
export const IDLE_CONNECTION_MS = 20_000;

/**
 * Requests other than Produce to one function at the same time. A waiting fetch holds an instance of the function, of which an
 * account has 1,000 by default for everything in it.
 */
export const LONE_REQUESTS_MAX = 256;

/** Flushes of Produce requests under way at the same time; each is an instance of the function. */
export const FLIGHTS_MAX = 8;

/** A transport has a connection for every call that may be under way, so that none waits for another one's. */
export const SOCKETS_MAX = FRAME_FUNCTIONS.length * LONE_REQUESTS_MAX + FLIGHTS_MAX;

/**
 * What one frame may have. Lambda takes 6 MB of JSON (6,291,456 bytes), in which bytes stand as base64, so 4.7 MB of them;
 * the rest is for the headers of the event.
 */
export const FRAME_BYTES_MAX = 4_400_000;
