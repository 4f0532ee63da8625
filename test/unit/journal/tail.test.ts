import { beforeEach, describe, expect, it } from 'vitest';
import type { OpenJournal } from '../../../lib/journal/open-journal.ts';
import { batch, createWorld, FOREVER, first, HOUR, type Process, type World } from './world.ts';

let world: World;
let process: Process;
let open: OpenJournal;
let other: OpenJournal;

beforeEach(async () => {
  world = await createWorld();
  process = world.process({ pacing: { minMs: 10, maxMs: 1_000 } });
  open = await process.open();
  other = await world.process().open();
  process.calls.length = 0;
});

const polls = () => process.count('journal.query');

/** Counts how often each of `count` waiting readers is woken. */
function watch(count: number): { woken: number[]; end: (() => void)[] } {
  const woken = Array.from({ length: count }, () => 0);
  const end = woken.map((_, index) =>
    open.tail.watch(() => {
      woken[index]! += 1;
    }),
  );
  return { woken, end };
}

describe('the tail', () => {
  it('polls once for all who wait, eventually consistent', async () => {
    await world.clock.advance(HOUR);
    const { woken } = watch(50);
    await world.clock.advance(10_000);
    expect(polls()).toBe(10);
    expect(process.calls.every(({ consistent }) => consistent === false)).toBe(true);
    expect(woken.every((count) => count === 0)).toBe(true);
  });

  it('wakes all of them for what another process wrote', async () => {
    const { woken } = watch(3);
    await other.writer.append(batch('news'), FOREVER);
    expect(woken).toEqual([0, 0, 0]);
    await world.clock.advance(10);
    expect(woken).toEqual([1, 1, 1]);
  });

  it('wakes them at once for what this process wrote, without a poll', async () => {
    await world.clock.advance(HOUR / 2);
    const { woken } = watch(2);
    await open.writer.append(batch('own'), FOREVER);
    expect(woken).toEqual([1, 1]);
    expect(polls()).toBe(0);
  });

  it('wakes one function for each time it watches', () => {
    let woken = 0;
    const wake = () => {
      woken += 1;
    };
    const ends = [open.tail.watch(wake), open.tail.watch(wake)];
    ends[0]!();
    ends[0]!();
    expect(open.tail.idle).toBe(false);
    ends[1]!();
    expect(open.tail.idle).toBe(true);
    expect(woken).toBe(0);
  });

  it('polls nothing, and holds no timer, when nobody waits', async () => {
    const { end } = watch(2);
    await world.clock.advance(100);
    for (const one of end) one();
    expect(world.clock.pendingTimers).toBe(0);
    const before = polls();
    await world.clock.advance(HOUR);
    expect(polls()).toBe(before);
  });

  it('polls no more when the last reader leaves during a poll', async () => {
    process.faults = () => ({ delayBeforeMs: 50 });
    const { end } = watch(1);
    await world.clock.advance(20);
    end[0]!();
    await world.clock.advance(HOUR);
    expect(polls()).toBe(1);
    // And polls again for the next one.
    watch(1);
    await world.clock.advance(2_000);
    expect(polls()).toBeGreaterThan(1);
  });

  it.each([
    [0, 10],
    [400, 20],
    [4_000, 200],
    [60_000, 1_000],
  ])('after %i ms of silence looks in %i ms', async (silence, delay) => {
    await other.writer.append(batch('last'), FOREVER);
    await open.journal.catchUp(false);
    await world.clock.advance(silence);
    watch(1);
    const before = polls();
    await world.clock.advance(delay - 1);
    expect(polls()).toBe(before);
    await world.clock.advance(1);
    expect(polls()).toBe(before + 1);
  });

  it('looks closely again once the silence has ended, for all who wait', async () => {
    await world.clock.advance(HOUR / 2);
    watch(2);
    await open.writer.append(batch('own'), FOREVER);
    await other.journal.catchUp(true);
    await other.writer.append(batch('news'), FOREVER);
    await world.clock.advance(10);
    expect(open.journal.view.partitions.get(0)!.nextOffset).toBe(2);
  });

  it('looks in twice the time with each poll after an own entry, as long as others are silent', async () => {
    await world.clock.advance(HOUR / 2);
    watch(1);
    await open.writer.append(batch('own'), FOREVER);
    const seen: number[] = [];
    for (let ms = 1; ms <= 1_000; ms++) {
      const before = polls();
      await world.clock.advance(1);
      if (polls() > before) seen.push(ms);
    }
    expect(seen).toEqual([10, 20, 40, 80, 160, 320, 640]);
  });

  it('does not look while own entries come that fast', async () => {
    await world.clock.advance(HOUR / 2);
    watch(1);
    for (let count = 0; count < 20; count++) {
      await open.writer.append(batch('own'), FOREVER);
      await world.clock.advance(9);
    }
    expect(polls()).toBe(0);
  });

  it('goes on after a poll that failed', async () => {
    process.faults = first(3, 'journal.query', { refuse: 'throttled' });
    const { woken } = watch(1);
    await other.writer.append(batch('news'), FOREVER);
    await world.clock.advance(100);
    expect(woken).toEqual([1]);
    expect(process.lines.map(({ event }) => event)).toEqual(Array(3).fill('tail_poll_failed'));
  });

  it('tells those who wait that the journal was closed', async () => {
    const { woken } = watch(1);
    await other.writer.appendEntry((_, time) => ({ kind: 'close', time }), FOREVER);
    await world.clock.advance(10);
    expect(woken).toEqual([1]);
    expect(open.journal.view.closed).toBe(true);
  });

  it('shows nothing of a page that lags behind as if it were missing', async () => {
    for (const text of ['a', 'b', 'c']) await other.writer.append(batch(text), FOREVER);
    const lags = [{ writes: 2 }, { writes: 3 }, { writes: 0 }];
    const seen: number[] = [];
    process.faults = () => ({ lag: lags.shift() ?? { writes: 0 } });
    open.tail.watch(() => seen.push(open.journal.view.seq));
    await world.clock.advance(200);
    expect(seen).toEqual([1, 2, 3]);
  });
});
