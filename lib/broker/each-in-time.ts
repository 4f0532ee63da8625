import type { Clock } from '../core/clock.ts';
import { Slots } from '../kit/slots.ts';
import type { Turns } from '../kit/turns.ts';

/** Topics that one request changes at the same time: each is a handful of store calls, and other requests want some as well. */
const AT_ONCE_MAX = 32;

/**
 * Runs `perform` for each item, some at a time, and gives the results in the items' order. `late` stands for an item that was not
 * begun within `timeoutMs`; what was begun goes on. So Kafka's controller does with requests that wait for their turn: with a
 * time-out of 0 or less none is begun.
 */
export function eachInTime<Item, Result>(
  { clock, pace }: { readonly clock: Clock; readonly pace: Turns },
  timeoutMs: number,
  items: readonly Item[],
  perform: (item: Item) => Promise<Result>,
  late: (item: Item) => Result,
): Promise<Result[]> {
  const slots = new Slots(AT_ONCE_MAX);
  const deadline = clock.monotonic() + timeoutMs;
  return Promise.all(
    items.map((item) =>
      slots.run(async () => {
        await pace.turn();
        return clock.monotonic() < deadline ? perform(item) : late(item);
      }),
    ),
  );
}
