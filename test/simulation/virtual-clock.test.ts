import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sleep } from '../../lib/core/clock.ts';
import { SkewedClock, VirtualClock } from '../support/virtual-clock.ts';

describe('VirtualClock', () => {
  it('fires timers by time, then by the order in which they were set', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(20), fc.boolean()), { maxLength: 60 }), async (timers) => {
        const clock = new VirtualClock(0);
        const fired: number[] = [];
        timers.forEach(([delay, cancelled], i) => {
          const cancel = clock.setTimer(delay, () => {
            expect(clock.monotonic()).toBe(delay);
            fired.push(i);
          });
          if (cancelled) cancel();
        });
        expect(clock.pendingTimers).toBe(timers.filter(([, cancelled]) => !cancelled).length);
        await clock.runUntilIdle();
        const expected = timers
          .map(([delay, cancelled], i) => ({ delay, cancelled, i }))
          .filter(({ cancelled }) => !cancelled)
          .sort((a, b) => a.delay - b.delay || a.i - b.i);
        expect(fired).toEqual(expected.map(({ i }) => i));
        expect(clock.pendingTimers).toBe(0);
      }),
    );
  });

  it('lets chains of awaits of any depth run out before time moves', async () => {
    const clock = new VirtualClock(0);
    const seen: string[] = [];
    const deep = async (depth: number): Promise<void> => (depth === 0 ? undefined : await deep(depth - 1));
    const worker = async (name: string) => {
      await sleep(clock, 5);
      await deep(500);
      for (let i = 0; i < 300; i++) await null;
      seen.push(`${name} at ${clock.monotonic()}`);
      await sleep(clock, 1);
      seen.push(`${name} at ${clock.monotonic()}`);
    };
    const all = Promise.all([worker('a'), worker('b')]);
    clock.setTimer(5.5, () => seen.push('between'));
    await clock.runUntilIdle();
    await all;
    expect(seen).toEqual(['a at 5', 'b at 5', 'between', 'a at 6', 'b at 6']);
  });

  it('advances by what it is told, and fires what falls due on the way', async () => {
    const clock = new VirtualClock(1_000);
    const fired: number[] = [];
    const tick = () => {
      fired.push(clock.now());
      clock.setTimer(10, tick);
    };
    clock.setTimer(10, tick);
    await clock.advance(35);
    expect(fired).toEqual([1_010, 1_020, 1_030]);
    expect(clock.now()).toBe(1_035);
  });

  it('runs until a condition holds, or says that it does not', async () => {
    const clock = new VirtualClock(0);
    let count = 0;
    const tick = () => {
      count++;
      clock.setTimer(1, tick);
    };
    tick();
    expect(await clock.runUntil(() => count === 50)).toBe(true);
    expect(clock.monotonic()).toBe(49);
    expect(await clock.runUntil(() => false, 10)).toBe(false);
    expect(clock.monotonic()).toBe(59);
    expect(await new VirtualClock().runUntil(() => false)).toBe(false);
  });

  it('takes the same steps each time, with a thousand coroutines', async () => {
    const run = async () => {
      const clock = new VirtualClock(0);
      const steps: number[] = [];
      const worker = async (id: number) => {
        for (let i = 0; i < 10; i++) {
          await sleep(clock, (id * 7 + i * 13) % 17);
          steps.push(id);
        }
      };
      const all = Promise.all(Array.from({ length: 1000 }, (_, id) => worker(id)));
      await clock.runUntilIdle();
      await all;
      return steps;
    };
    const first = await run();
    expect(first).toHaveLength(10_000);
    expect(await run()).toEqual(first);
  });
});

describe('SkewedClock', () => {
  it('is ahead or behind, stands still, and goes on', async () => {
    const world = new VirtualClock(10_000);
    const clock = new SkewedClock(world, -400);
    expect(clock.now()).toBe(9_600);
    clock.stop();
    await world.advance(100);
    expect([clock.now(), clock.monotonic()]).toEqual([9_600, 0]);
    clock.resume();
    expect([clock.now(), clock.monotonic()]).toEqual([9_700, 100]);
    clock.setOffset(1);
    expect(clock.now()).toBe(10_101);
  });
});
