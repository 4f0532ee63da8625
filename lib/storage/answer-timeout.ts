import type { Clock } from '../core/clock.ts';

/** The answer, or `late()` when it takes longer than `timeoutMs`; the work itself goes on. */
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
