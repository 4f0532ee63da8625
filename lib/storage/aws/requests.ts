import { type Clock, sleep } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { withAbort } from '../../kit/deadline.ts';
import { Slots } from '../../kit/slots.ts';
import { StoreUnavailableError } from '../ports.ts';
import { failedWrite, mayPass, NoConnectionError } from './failures.ts';

/**
 * Four tries over about half a second outlast a usual burst of throttling. Callers that can wait
 * longer retry themselves.
 */
const READ_ATTEMPTS = 4;

/** The first wait is up to this long, each further one up to twice as long; with full jitter. */
const FIRST_WAIT_MS = 50;

/** One attempt of a small read, which DynamoDB and S3 answer in tens of milliseconds. */
const READ_TIMEOUT_MS = 5_000;

/** The share of its time that a request may wait for a connection; the rest is for the answer. */
const WAIT_SHARE = 0.5;

/**
 * Requests to one table or bucket, with bounded concurrency. A request that gets no connection in
 * time is never sent.
 */
export class Requests {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #slots: Slots;

  constructor(clock: Clock, random: Random, atOnceMax: number) {
    this.#clock = clock;
    this.#random = random;
    this.#slots = new Slots(atOnceMax);
  }

  /**
   * Makes a request, once, within `timeoutMs`. `perform` signs and sends it, and is given a signal
   * that aborts it. Rejects with NoConnectionError where it was not begun, with an error named
   * TimeoutError where the answer did not come in time.
   */
  async once<T>(timeoutMs: number, perform: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const endsAt = this.#clock.monotonic() + timeoutMs;
    const ran = await this.#slots.runWithin(this.#clock, timeoutMs * WAIT_SHARE, () =>
      withAbort(this.#clock, endsAt - this.#clock.monotonic(), perform),
    );
    if (ran === undefined) throw new NoConnectionError(`no connection was free within ${timeoutMs * WAIT_SHARE} ms`);
    return ran.value;
  }

  /**
   * Makes a read, each attempt as `once`, again where the failure may pass. Throws
   * StoreUnavailableError.
   */
  async read<T>(attempt: (signal: AbortSignal) => Promise<T>, timeoutMs = READ_TIMEOUT_MS): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.once(timeoutMs, attempt);
      } catch (error) {
        const failure = failedWrite(error);
        const refused = failure.kind === 'refused' && failure.reason === 'unavailable';
        if (tries >= READ_ATTEMPTS || !(mayPass(error) || refused)) {
          throw new StoreUnavailableError(`the read failed: ${failure.message}`, { cause: error });
        }
      }
      await sleep(this.#clock, this.#random.next() * FIRST_WAIT_MS * 2 ** (tries - 1));
    }
  }
}
