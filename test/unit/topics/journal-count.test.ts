import { expect, it } from 'vitest';
import { journalCount } from '../../../lib/topics/journal-count.ts';

it.each([
  [1, 1],
  [16, 1],
  [17, 2],
  [32, 2],
  [100, 7],
  [256, 16],
  [257, 16],
  [10_000, 16],
])('%i partitions have %i journals of themselves', (partitions, journals) => {
  expect(journalCount('auto', partitions)).toBe(journals);
});

it.each([
  [1, 100, 1],
  [64, 100, 64],
  [64, 3, 3],
])('%i journals for %i partitions are %i', (wanted, partitions, journals) => {
  expect(journalCount(wanted, partitions)).toBe(journals);
});
