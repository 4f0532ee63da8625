import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../lib/core/virtual-clock.ts';
import { Interrupted } from '../../../lib/log/interrupted.ts';

describe('a producer whose batch has failed', () => {
  it('has later batches behind it until it comes again', () => {
    const interrupted = new Interrupted(new VirtualClock());
    interrupted.failed('a', 5);
    interrupted.failed('a', 8);
    expect([4, 5, 6].map((sequence) => interrupted.isBehind('a', sequence))).toEqual([false, false, true]);
    expect(interrupted.isBehind('b', 6)).toBe(false);
    interrupted.appended('a', 6);
    expect(interrupted.isBehind('a', 6)).toBe(true);
    interrupted.appended('a', 5);
    expect(interrupted.isBehind('a', 6)).toBe(false);
  });

  it('is forgotten after ten minutes, and when ten thousand others failed later', async () => {
    const clock = new VirtualClock();
    const interrupted = new Interrupted(clock);
    interrupted.failed('a', 0);
    await clock.advance(10 * 60 * 1000);
    expect(interrupted.isBehind('a', 1)).toBe(false);
    for (let index = 0; index <= 10_000; index++) interrupted.failed(`p${index}`, 0);
    expect([interrupted.isBehind('p0', 1), interrupted.isBehind('p1', 1)]).toEqual([false, true]);
  });
});
