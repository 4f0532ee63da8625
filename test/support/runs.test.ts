import { expect, it } from 'vitest';
import { runs } from './runs.ts';

it('a costly property gets a part of its runs, and all of them where that is asked for', () => {
  expect(runs(1_500, {})).toBe(300);
  expect(runs(1_500, { TIDELOG_ALL_RUNS: '1' })).toBe(1_500);
});

it('a property with few runs still gets one', () => {
  expect(runs(1, {})).toBe(1);
});
