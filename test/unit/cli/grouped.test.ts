import { expect, it } from 'vitest';
import { grouped } from '../../../lib/cli/grouped.ts';

it('keeps the order of keys and items', () => {
  expect([...grouped(['pear', 'fig', 'plum', 'apple', 'fennel'], (word) => word[0])]).toEqual([
    ['p', ['pear', 'plum']],
    ['f', ['fig', 'fennel']],
    ['a', ['apple']],
  ]);
  expect(grouped([], String).size).toBe(0);
});
