import type { Clock } from '../core/clock.ts';

/** Resolves to the answer, or to `late()` after `timeoutMs`. The work itself is not cancelled. */
export function answerWithin<T>(
  clock: Clock,
  timeoutMs: number | undefined,
  answer: Promise<T>,
  late: () => T,
): Promise<T> {
  if (timeoutMs === undefined) return answer;
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(timeoutMs, () => resolve(late()));
    answer.then(resolve, reject).finally(cancel);
  });
}
