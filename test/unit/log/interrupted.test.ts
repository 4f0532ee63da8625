import { expect, it } from 'vitest';
import { Interrupted } from '../../../lib/log/interrupted.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const MINUTE_MS = 60_000;

it('holds what lies behind the first failure back until that has come again', () => {
  const interrupted = new Interrupted(new VirtualClock());
  expect(interrupted.isBehind('p', 5)).toBe(false);
  interrupted.failed('p', 3);
  interrupted.failed('p', 4);
  expect([2, 3, 4].map((sequence) => interrupted.isBehind('p', sequence))).toEqual([false, false, true]);
  expect(interrupted.isBehind('another', 4)).toBe(false);
  interrupted.failed('p', 1);
  interrupted.appended('p', 3);
  expect(interrupted.isBehind('p', 2)).toBe(true);
  interrupted.appended('p', 1);
  expect(interrupted.isBehind('p', 2)).toBe(false);
});

it('forgets after ten minutes, and the oldest of more than ten thousand', async () => {
  const clock = new VirtualClock();
  const interrupted = new Interrupted(clock);
  interrupted.failed('old', 0);
  await clock.advance(10 * MINUTE_MS - 1);
  expect(interrupted.isBehind('old', 1)).toBe(true);
  await clock.advance(1);
  expect(interrupted.isBehind('old', 1)).toBe(false);
  for (let producer = 0; producer <= 10_000; producer++) interrupted.failed(`${producer}`, 0);
  expect([0, 1, 10_000].map((producer) => interrupted.isBehind(`${producer}`, 1))).toEqual([false, true, true]);
});
