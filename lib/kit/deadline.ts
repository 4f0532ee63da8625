import type { Clock } from '../core/clock.ts';

/**
 * The result of the work, or `late()` if it takes longer than `timeoutMs`. The work is not stopped.
 * `late` may throw.
 */
export function answerWithin<T>(
  clock: Clock,
  timeoutMs: number | undefined,
  answer: Promise<T>,
  late: () => T,
): Promise<T> {
  if (timeoutMs === undefined) return answer;
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(timeoutMs, () => {
      try {
        resolve(late());
      } catch (error) {
        reject(error);
      }
    });
    answer.then(resolve, reject).finally(cancel);
  });
}

/**
 * Runs `perform` with a signal that aborts after `timeoutMs`. Then rejects with an error named
 * TimeoutError, even if `perform` ignores the signal: a response that stalls half way does.
 */
export function withAbort<T>(
  clock: Clock,
  timeoutMs: number,
  perform: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  return answerWithin(clock, timeoutMs, perform(controller.signal), () => {
    controller.abort();
    throw Object.assign(new Error(`no answer within ${Math.round(timeoutMs)} ms`), { name: 'TimeoutError' });
  });
}
