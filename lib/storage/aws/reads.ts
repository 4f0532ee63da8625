import { type Clock, sleep } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { StoreUnavailableError } from '../ports.ts';
import { failedWrite, mayPass } from './failures.ts';

/** Four tries over about half a second outlast a table's usual burst of throttling; longer is the caller's patience. */
const READ_ATTEMPTS = 4;

/** The first wait is up to this long, each further one up to twice as long; with full jitter. */
const FIRST_WAIT_MS = 50;

/** One attempt of a small read, which DynamoDB and S3 answer in tens of milliseconds. */
const READ_TIMEOUT_MS = 5_000;

/**
 * Makes a read, again where the failure may pass. `attempt` is given a signal that aborts it after `timeoutMs`.
 * Throws StoreUnavailableError.
 */
export async function readWithRetries<T>(
  clock: Clock,
  random: Random,
  attempt: (signal: AbortSignal) => Promise<T>,
  timeoutMs = READ_TIMEOUT_MS,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await withAbort(clock, timeoutMs, attempt);
    } catch (error) {
      const failure = failedWrite(error);
      const refused = failure.kind === 'refused' && failure.reason === 'unavailable';
      if (tries >= READ_ATTEMPTS || !(mayPass(error) || refused)) {
        throw new StoreUnavailableError(`the read failed: ${failure.message}`, { cause: error });
      }
    }
    await sleep(clock, random.next() * FIRST_WAIT_MS * 2 ** (tries - 1));
  }
}

/**
 * Runs `perform` with a signal that aborts after `timeoutMs`. Rejects then in any case: a body that stalls half way does
 * not listen to the signal.
 */
export function withAbort<T>(
  clock: Clock,
  timeoutMs: number,
  perform: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(timeoutMs, () => {
      controller.abort();
      reject(Object.assign(new Error(`no answer within ${timeoutMs} ms`), { name: 'TimeoutError' }));
    });
    perform(controller.signal).then(resolve, reject).finally(cancel);
  });
}
