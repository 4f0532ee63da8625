import { setTimeout as wait } from 'node:timers/promises';

/** What `promise` gives, or 'late' if that takes longer; what it gives or throws then is nobody's business any more. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | 'late'> {
  const timer = new AbortController();
  promise.catch(() => {});
  try {
    return await Promise.race([promise, wait(ms, 'late' as const, { signal: timer.signal })]);
  } finally {
    timer.abort();
  }
}
