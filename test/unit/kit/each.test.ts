import { expect, it } from 'vitest';
import { systemClock } from '../../../lib/core/clock.ts';
import { each } from '../../../lib/kit/each.ts';
import { Turns } from '../../../lib/kit/turns.ts';

const env = { turns: new Turns(systemClock) };

it('gives the results in the order of the elements, and works on 64 at a time', async () => {
  let running = 0;
  let most = 0;
  const elements = Array.from({ length: 200 }, (_, index) => index);
  const results = await each(env, elements, async (element) => {
    most = Math.max(most, ++running);
    for (let round = 0; round <= element % 3; round++) await Promise.resolve();
    running--;
    return element * 2;
  });
  expect(results).toEqual(elements.map((element) => element * 2));
  expect(most).toBe(64);
});

it('works once on elements with the same key', async () => {
  const worked: string[] = [];
  const work = (element: string) => {
    worked.push(element);
    return element.toUpperCase();
  };
  expect(await each(env, ['a', 'b', 'a'], work, (element) => element)).toEqual(['A', 'B', 'A']);
  expect(worked).toEqual(['a', 'b']);
  expect(await each(env, ['a', 'a'], work)).toEqual(['A', 'A']);
  expect(worked).toEqual(['a', 'b', 'a', 'a']);
});

it('waits for its turn beyond the first 64, and fails as the work does', async () => {
  let turns = 0;
  const counting = {
    turns: {
      turn: () => {
        turns++;
        return undefined;
      },
    } as unknown as Turns,
  };
  await each(counting, Array.from({ length: 70 }), () => 0);
  expect(turns).toBe(6);
  const failing = each(env, [1], () => Promise.reject(new Error('failed')));
  await expect(failing).rejects.toThrow('failed');
});

it('works on as many at a time as it is told, and begins nothing further after an error', async () => {
  const begun: number[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const all = each({ atOnce: 2 }, [0, 1, 2, 3, 4], (element) => {
    begun.push(element);
    return new Promise<void>((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve())));
  });
  const outcome = expect(all).rejects.toThrow('failed');
  expect(begun).toEqual([0, 1]);
  ends[1]!();
  await expect.poll(() => begun).toEqual([0, 1, 2]);
  ends[0]!(new Error('failed'));
  await outcome;
  ends[2]!();
  await new Promise<void>((resolve) => setImmediate(resolve));
  expect(begun).toEqual([0, 1, 2]);
});
