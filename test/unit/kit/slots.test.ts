import { expect, it } from 'vitest';
import { Slots } from '../../../lib/kit/slots.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

/** Tasks that end when they are told to, in the order in which they began. */
function heldTasks() {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const task = (name: string) => () => {
    begun.push(name);
    return new Promise<string>((resolve) => ends.push(() => resolve(name)));
  };
  return { begun, ends, task };
}

it('runs so many at a time, the others in the order in which they came', async () => {
  const slots = new Slots(2);
  const { begun, ends, task } = heldTasks();
  const all = ['a', 'b', 'c', 'd'].map((name) => slots.run(task(name)));
  expect([begun, slots.hasFree]).toEqual([['a', 'b'], false]);
  ends[1]!();
  expect(await all[1]).toBe('b');
  await expect.poll(() => begun).toEqual(['a', 'b', 'c']);
  ends[0]!();
  await expect.poll(() => begun).toEqual(['a', 'b', 'c', 'd']);
  for (const end of ends) end();
  expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd']);
  expect(slots.hasFree).toBe(true);
});

it('does not begin what found no slot in time, and gives its turn to the next', async () => {
  const clock = new VirtualClock();
  const slots = new Slots(1);
  const { begun, ends, task } = heldTasks();
  const first = slots.runWithin(clock, 1_000, task('first'));
  const late = slots.runWithin(clock, 1_000, task('late'));
  const patient = slots.runWithin(clock, 3_000, task('patient'));
  await clock.advance(1_000);
  expect(await late).toBeUndefined();
  ends[0]!();
  expect(await first).toEqual({ value: 'first' });
  await clock.advance(0);
  expect(begun).toEqual(['first', 'patient']);
  await clock.advance(10_000);
  ends[1]!();
  expect(await patient).toEqual({ value: 'patient' });
  expect([slots.hasFree, clock.pendingTimers]).toEqual([true, 0]);
});

it('frees the slot of a task that fails', async () => {
  const slots = new Slots(1);
  await expect(slots.run(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(await slots.run(async () => 'done')).toBe('done');
});
