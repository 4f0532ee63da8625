import type { FrameOutcome } from '../../broker/frame-handler.ts';

/** Kafka's number for Produce. */
const PRODUCE = 0;

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

/**
 * The requests of one connection that are in progress, in the order of their arrival. Kafka handles one request per
 * connection at a time; here Produce requests may overlap, so that what a client pipelines shares a group commit.
 * All others wait for what came before them, and nothing starts before they are answered.
 */
export class Pipeline {
  readonly #requests: InFlightRequest[] = [];
  #bytes = 0;
  readonly #requestsMax: number;
  readonly #bytesMax: number;

  constructor(requestsMax: number, bytesMax: number) {
    this.#requestsMax = requestsMax;
    this.#bytesMax = bytesMax;
  }

  get isEmpty(): boolean {
    return this.#requests.length === 0;
  }

  /** Whether a request of this API and size may start now. */
  mayStart(apiKey: number, bytes: number): boolean {
    const last = this.#requests.at(-1);
    if (last === undefined) return true;
    if (apiKey !== PRODUCE || last.apiKey !== PRODUCE) return false;
    return this.#requests.length < this.#requestsMax && this.#bytes + bytes <= this.#bytesMax;
  }

  started(request: InFlightRequest): void {
    this.#requests.push(request);
    this.#bytes += request.bytes;
  }

  /** Removes and returns the oldest request if it has its outcome. */
  nextSettled(): (InFlightRequest & { outcome: FrameOutcome }) | undefined {
    const oldest = this.#requests[0];
    if (oldest?.outcome === undefined) return undefined;
    this.#requests.shift();
    this.#bytes -= oldest.bytes;
    return oldest as InFlightRequest & { outcome: FrameOutcome };
  }
}
