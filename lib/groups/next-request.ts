import type { StoreTime } from '../storage/ports.ts';

/**
 * Every member gets at least so long for its next request, however short a time-out it names; ms. Its answer has to reach
 * it first, and in another process it is found by a read five times a second (see GroupWorker). Kafka's timer begins after
 * the answer has left.
 */
export const NEXT_REQUEST_MIN_MS = 1000;

/** Store time by which the next request of members has to come that may take `timeoutMs` for it. */
export function nextRequestBy(now: StoreTime, timeoutMs: number): StoreTime {
  return now + Math.max(timeoutMs, NEXT_REQUEST_MIN_MS);
}
