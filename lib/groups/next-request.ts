import type { StoreTime } from '../storage/ports.ts';

/**
 * Minimum time that a member gets for its next request, even if its timeout is shorter; ms. The
 * member first has to receive its answer, and another process finds that answer by polling five
 * times a second (see GroupWorker). Kafka starts the timer after it has sent the answer.
 */
export const NEXT_REQUEST_MIN_MS = 1000;

/** Store time by which a member has to send its next request, for a timeout of `timeoutMs`. */
export function nextRequestBy(now: StoreTime, timeoutMs: number): StoreTime {
  return now + Math.max(timeoutMs, NEXT_REQUEST_MIN_MS);
}
