import { expect, it } from 'vitest';
import type { Clock } from '../../../lib/core/clock.ts';
import { Pace } from '../../../lib/kit/pace.ts';

/** A clock whose time is set, and whose timers of 0 ms run when they are told to. */
function world() {
  const due: (() => void)[] = [];
  const time = { ms: 0 };
  const clock: Clock = {
    now: () => time.ms,
    monotonic: () => time.ms,
    setTimer: (_, callback) => {
      due.push(callback);
      return () => {};
    },
  };
  return { pace: new Pace(clock), time, nextTurn: () => due.shift()?.() };
}

it('lets work go on within a slice, and wait for the next turn after it', async () => {
  const { pace, time, nextTurn } = world();
  expect(pace.turn()).toBeUndefined();
  time.ms = 9;
  expect(pace.turn()).toBeUndefined();
  time.ms = 10;
  const waiting = pace.turn();
  expect(waiting).toBeDefined();
  nextTurn();
  await waiting;
  expect(pace.turn()).toBeUndefined();
});

it('gives one slice per turn, in the order of the calls, however many wait', async () => {
  const { pace, time, nextTurn } = world();
  pace.turn();
  time.ms = 10;
  const order: string[] = [];
  const waiting = ['a', 'b'].map((name) => pace.turn()!.then(() => order.push(name)));
  nextTurn();
  await waiting[0];
  expect(order).toEqual(['a']);
  nextTurn();
  await waiting[1];
  expect(order).toEqual(['a', 'b']);
});

it('begins anew after a turn without work', () => {
  const { pace, time, nextTurn } = world();
  pace.turn();
  nextTurn();
  time.ms = 1_000;
  expect(pace.turn()).toBeUndefined();
});
