import { describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../../lib/core/clock.ts';
import { Turns } from '../../../lib/kit/turns.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('Turns', () => {
  it('gives small work a share of each turn of the event loop', async () => {
    const turns = new Turns(systemClock);
    const whole = turns.thisTurn.left;
    turns.thisTurn.left -= whole + 1;
    expect(turns.thisTurn.left).toBe(-1);
    await turn();
    await turn();
    expect(turns.thisTurn.left).toBe(whole);
  });

  it('gives a job what is left of this turn first, then a slice per turn', async () => {
    const turns = new Turns(systemClock);
    const whole = turns.thisTurn.left;
    const got = await turns.run(async (next) => {
      const first = await next();
      const left = first.left;
      first.left = 0;
      let turned = false;
      setImmediate(() => {
        turned = true;
      });
      const second = await next();
      return { left, slice: second.left, turned };
    });
    expect(got.left).toBe(whole);
    expect(got.turned).toBe(true);
    expect(got.slice).toBeGreaterThan(0);
    expect(got.slice).toBeLessThan(whole);
  });

  it('runs few jobs at once, and the others in their order', async () => {
    const turns = new Turns(systemClock);
    const began: number[] = [];
    const ends: (() => void)[] = [];
    const jobs = Array.from({ length: 7 }, (_, i) =>
      turns.run(() => {
        began.push(i);
        return new Promise<void>((resolve) => ends.push(resolve));
      }),
    );
    await turn();
    const atOnce = began.length;
    expect(atOnce).toBeLessThan(7);
    for (let done = 0; done < 7; done++) {
      ends[done]!();
      await jobs[done];
      await turn();
      expect(began.length).toBe(Math.min(7, atOnce + done + 1));
    }
    expect(began).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('goes on after a job that fails', async () => {
    const turns = new Turns(systemClock);
    const failing = Array.from({ length: 10 }, () =>
      turns.run(async () => {
        throw new Error('failed');
      }),
    );
    expect((await Promise.allSettled(failing)).map(({ status }) => status)).toEqual(Array(10).fill('rejected'));
    expect(await turns.run(async () => 'done')).toBe('done');
  });
});

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
  return { turns: new Turns(clock), time, nextTurn: () => due.shift()?.() };
}

describe('long requests', () => {
  it('lets work go on within a slice, and wait for the next turn after it', async () => {
    const { turns, time, nextTurn } = world();
    expect(turns.turn()).toBeUndefined();
    time.ms = 9;
    expect(turns.turn()).toBeUndefined();
    time.ms = 10;
    const waiting = turns.turn();
    expect(waiting).toBeDefined();
    nextTurn();
    await waiting;
    expect(turns.turn()).toBeUndefined();
  });

  it('gives one slice per turn, in the order of the calls, however many wait', async () => {
    const { turns, time, nextTurn } = world();
    turns.turn();
    time.ms = 10;
    const order: string[] = [];
    const waiting = ['a', 'b'].map((name) => turns.turn()!.then(() => order.push(name)));
    nextTurn();
    await waiting[0];
    expect(order).toEqual(['a']);
    nextTurn();
    await waiting[1];
    expect(order).toEqual(['a', 'b']);
  });

  it('begins anew after a turn without work', () => {
    const { turns, time, nextTurn } = world();
    turns.turn();
    nextTurn();
    time.ms = 1_000;
    expect(turns.turn()).toBeUndefined();
  });
});
