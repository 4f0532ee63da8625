import { setTimeout as wait } from 'node:timers/promises';
import { scaled } from './machine.ts';

export interface UntilOptions {
  /** When to give up on a quiet machine, ms. */
  readonly withinMs?: number;
  /** Between two looks, ms. */
  readonly everyMs?: number;
}

/** Resolves once the condition holds; rejects with `what` was waited for when it never does. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = String(condition),
  { withinMs = 20_000, everyMs = 10 }: UntilOptions = {},
): Promise<void> {
  const giveUpAt = performance.now() + scaled(withinMs);
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`waited in vain for ${what}`);
    await wait(everyMs);
  }
}
