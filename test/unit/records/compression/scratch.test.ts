import { expect, it } from 'vitest';
import { Scratch } from '../../../../lib/records/compression/scratch.ts';

it('is used again where it is large enough, and grows where it is not', () => {
  const scratch = new Scratch();
  const first = scratch.room(100);
  expect(first.length).toBeGreaterThanOrEqual(100);
  expect(scratch.room(40)).toBe(first);
  expect(scratch.room(101)).not.toBe(first);
  expect(scratch.room(101).length).toBeGreaterThanOrEqual(101);
});

it('belongs to its owner', () => {
  expect(new Scratch().room(10)).not.toBe(new Scratch().room(10));
});
