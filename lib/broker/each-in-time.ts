import type { Clock } from '../core/clock.ts';
import { each } from '../kit/each.ts';
import type { Turns } from '../kit/turns.ts';

/**
 * Topics that one request changes concurrently. Each takes several store calls, and other requests
 * need capacity too.
 */
const AT_ONCE_MAX = 32;

/**
 * The result of `perform` for each item, in order. An item not started within `timeoutMs` gets
 * `late`; started items run to their end. With a time-out of 0 or less none is started, as in
 * Kafka's controller.
 */
export function eachInTime<Item, Result>(
  { clock, turns }: { readonly clock: Clock; readonly turns: Turns },
  timeoutMs: number,
  items: readonly Item[],
  perform: (item: Item) => Promise<Result>,
  late: (item: Item) => Result,
): Promise<Result[]> {
  const deadline = clock.monotonic() + timeoutMs;
  return each({ atOnce: AT_ONCE_MAX }, items, async (item) => {
    await turns.turn();
    return clock.monotonic() < deadline ? perform(item) : late(item);
  });
}
