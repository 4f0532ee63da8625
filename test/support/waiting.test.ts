import { expect, it } from 'vitest';
import { until } from './waiting.ts';

it('waits until a condition holds, and looks again and again', async () => {
  let looks = 0;
  await until(() => ++looks === 3, 'the third look', { everyMs: 1 });
  expect(looks).toBe(3);
});

it('takes a condition that has to be asked for', async () => {
  let looks = 0;
  await until(async () => ++looks === 2, 'the second look', { everyMs: 1 });
  expect(looks).toBe(2);
});

it('says what never came', async () => {
  await expect(until(() => false, 'Godot', { withinMs: 20, everyMs: 1 })).rejects.toThrow('waited in vain for Godot');
});
