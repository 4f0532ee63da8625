import type { FrameOutcome } from '../../broker/frame-handler.ts';
import { assert } from '../../core/assert.ts';
import { type ReceivedFrame, SIZE_PREFIX_BYTES } from '../../wire/frame.ts';
import type { AnswerMemory, AnswerWaiter } from './answer-memory.ts';
import type { GatewayLimits } from './limits.ts';
import type { RequestMemory } from './request-memory.ts';

/** Kafka's number for Produce. */
const PRODUCE = 0;

/** Kafka's numbers for the requests whose answers carry records: Fetch and ShareFetch. */
const APIS_WITH_LARGE_ANSWERS = [1, 78];

/**
 * What a connection's first fetch is expected to answer with when memory is short; the later ones,
 * as the last did.
 */
const FIRST_ANSWER_BYTES_EXPECTED = 8 * 1024 * 1024;

/**
 * Up to here an answer is small: as much as a fetch gets when memory is short
 * (lib/log/read-budget.ts).
 */
const SMALL_ANSWER_BYTES_MAX = 64 * 1024;

/** One request that is being handled. */
export interface InFlightRequest {
  readonly apiKey: number;
  readonly apiVersion: number;
  /** What it holds of the request memory. */
  readonly bytes: number;
  /** By Clock.monotonic(), ms. */
  readonly startedAt: number;
  /** What it holds of the answer memory ahead of its answer. */
  readonly reservedBytes: number;
  outcome: FrameOutcome | undefined;
}

export type SettledRequest = InFlightRequest & { readonly outcome: FrameOutcome };

/**
 * The next request of a connection.
 * - `none`: none has arrived.
 * - `held`: it may not start yet: requests before it are in progress, answers have to leave, or it
 *   stands in the line of the answer memory.
 * - `admitted`: the answer memory has let it in and holds `reservedBytes` for its answer.
 */
type Next =
  | { readonly kind: 'none' }
  | { readonly kind: 'held'; readonly frame: ReceivedFrame }
  | { readonly kind: 'admitted'; readonly frame: ReceivedFrame; readonly reservedBytes: number };

const NONE = { kind: 'none' } as const;

export interface InFlightOptions {
  readonly limits: Pick<GatewayLimits, 'inFlightRequestsMax' | 'inFlightBytesMax'>;
  readonly requestMemory: RequestMemory;
  readonly answerMemory: AnswerMemory;
  /** Whether the client has read all answers. */
  readonly isAllRead: () => boolean;
  /** The next request may start as far as the answer memory is concerned. */
  readonly onAdmitted: () => void;
}

/**
 * The requests of one connection that are in progress, in the order of their arrival, and the one
 * after them. Kafka handles one request per connection at a time; here Produce requests may
 * overlap, so that what a client pipelines shares a group commit. All others wait for what came
 * before them, and nothing starts before they are answered. Fetches wait for room in the answer
 * memory, too.
 */
export class InFlight implements AnswerWaiter {
  readonly #options: InFlightOptions;
  readonly #requests: InFlightRequest[] = [];
  #bytes = 0;
  #next: Next = NONE;
  #lastAnswerBytes = FIRST_ANSWER_BYTES_EXPECTED;

  constructor(options: InFlightOptions) {
    this.#options = options;
  }

  /** Whether no request is in progress. */
  get isEmpty(): boolean {
    return this.#requests.length === 0;
  }

  /** The request that may not start yet. */
  get held(): ReceivedFrame | undefined {
    return this.#next.kind === 'none' ? undefined : this.#next.frame;
  }

  get expectedAnswerBytes(): number {
    return this.#lastAnswerBytes;
  }

  get asksLittle(): boolean {
    return this.#options.isAllRead() && this.#lastAnswerBytes <= SMALL_ANSWER_BYTES_MAX;
  }

  admit(reservedBytes: number): void {
    assert(this.#next.kind === 'held', 'the answer memory admits a request that does not wait for it');
    this.#next = { ...this.#next, kind: 'admitted', reservedBytes };
    this.#options.onAdmitted();
  }

  /** Whether the request, which is the next one, may start; if not, it is held. */
  mayStart(frame: ReceivedFrame): boolean {
    if (this.#mayOverlap(frame) && this.#hasAnswerRoom(frame.head.apiKey)) return true;
    this.hold(frame);
    return false;
  }

  /** Keeps the next request until it may start. */
  hold(frame: ReceivedFrame): void {
    if (this.#next.kind === 'none') this.#next = { kind: 'held', frame };
    assert(this.held === frame, 'a connection holds one request at a time');
  }

  /** The next request is in progress from now on. */
  start(frame: ReceivedFrame, startedAt: number): InFlightRequest {
    const { apiKey, apiVersion } = frame.head;
    const bytes = heldBytes(frame);
    const reservedBytes = this.#next.kind === 'admitted' ? this.#next.reservedBytes : 0;
    this.#next = NONE;
    const request = { apiKey, apiVersion, bytes, startedAt, reservedBytes, outcome: undefined };
    this.#requests.push(request);
    this.#bytes += bytes;
    return request;
  }

  /** A request has its outcome. What it reserved for its answer is free. */
  settle(request: InFlightRequest, outcome: FrameOutcome): void {
    request.outcome = outcome;
    if (request.reservedBytes > 0) this.#options.answerMemory.unreserve(request.reservedBytes);
  }

  /**
   * Removes and returns the oldest request if it has its outcome; call `answered` once that was
   * passed on.
   */
  nextSettled(): SettledRequest | undefined {
    const oldest = this.#requests[0];
    if (oldest?.outcome === undefined) return undefined;
    this.#requests.shift();
    this.#bytes -= oldest.bytes;
    return oldest as SettledRequest;
  }

  /** The outcome of a request was passed on, in an answer of so many bytes where there is one. */
  answered({ apiKey, bytes }: InFlightRequest, answerBytes: number | undefined): void {
    if (answerBytes !== undefined && APIS_WITH_LARGE_ANSWERS.includes(apiKey)) this.#lastAnswerBytes = answerBytes;
    this.#options.requestMemory.answered(bytes);
  }

  /** All answers may have left. */
  allSent(): void {
    if (this.isEmpty && this.#options.isAllRead()) this.#options.answerMemory.sent(this);
  }

  /** The next request does not start any more. */
  dropHeld(): void {
    const next = this.#next;
    this.#next = NONE;
    this.#options.answerMemory.leave(this);
    if (next.kind === 'none') return;
    if (next.kind === 'admitted') this.#options.answerMemory.unreserve(next.reservedBytes);
    this.#options.requestMemory.answered(heldBytes(next.frame));
  }

  #mayOverlap(frame: ReceivedFrame): boolean {
    const last = this.#requests.at(-1);
    if (last === undefined) return true;
    if (frame.head.apiKey !== PRODUCE || last.apiKey !== PRODUCE) return false;
    const { inFlightRequestsMax, inFlightBytesMax } = this.#options.limits;
    return this.#requests.length < inFlightRequestsMax && this.#bytes + heldBytes(frame) <= inFlightBytesMax;
  }

  #hasAnswerRoom(apiKey: number): boolean {
    if (this.#next.kind === 'admitted' || !APIS_WITH_LARGE_ANSWERS.includes(apiKey)) return true;
    return this.#options.answerMemory.mayStart(this);
  }
}

/** What a frame holds of the request memory, its size prefix included. */
function heldBytes({ bytes }: ReceivedFrame): number {
  return SIZE_PREFIX_BYTES + bytes.length;
}
