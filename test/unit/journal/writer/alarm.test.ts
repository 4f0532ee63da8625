import { beforeEach, describe, expect, it } from 'vitest';
import { Alarm } from '../../../../lib/journal/writer/alarm.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const HOUR_MS = 60 * 60_000;

let clock: VirtualClock;
let rings: number[];
let alarm: Alarm;

beforeEach(() => {
  clock = new VirtualClock();
  rings = [];
  alarm = new Alarm(clock, () => rings.push(clock.monotonic()));
});

describe('an alarm', () => {
  it('rings at the earliest of its deadlines, once', async () => {
    alarm.set(500);
    alarm.set(200);
    alarm.set(300);
    await clock.advance(1_000);
    expect(rings).toEqual([200]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is due from its deadline on until it is cleared', async () => {
    expect(alarm.isDue(1e9)).toBe(false);
    alarm.set(200);
    expect([199, 200].map((now) => alarm.isDue(now))).toEqual([false, true]);
    alarm.clear();
    expect(alarm.isDue(200)).toBe(false);
    await clock.advance(1_000);
    expect(rings).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('can be set to a later deadline after it was cleared', async () => {
    alarm.set(100);
    await clock.advance(100);
    alarm.clear();
    alarm.set(400);
    await clock.advance(1_000);
    expect(rings).toEqual([100, 400]);
  });

  it('rings a moment later for a deadline that has passed', async () => {
    await clock.advance(50);
    alarm.set(10);
    expect(rings).toEqual([]);
    await clock.advance(10);
    expect(rings).toEqual([51]);
  });

  it('needs no timer for ever, and none beyond an hour', async () => {
    alarm.set(Number.POSITIVE_INFINITY);
    expect(clock.pendingTimers).toBe(0);
    alarm.set(3 * HOUR_MS + 0.5);
    await clock.advance(HOUR_MS);
    // Whoever is called back finds that it is not due, and sets it anew.
    expect(rings).toEqual([HOUR_MS]);
    expect(alarm.isDue(clock.monotonic())).toBe(false);
  });
});
