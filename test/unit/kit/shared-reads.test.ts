import { expect, it } from 'vitest';
import { SharedReads } from '../../../lib/kit/shared-reads.ts';

/** Reads that end when they are told to, in the order in which they began. */
function heldReads() {
  const held: { resolve: (value: number) => void; reject: (error: Error) => void }[] = [];
  const read = () => new Promise<number>((resolve, reject) => held.push({ resolve, reject }));
  return { held, read };
}

it('a read begins after the call, and is shared by all who called before it began', async () => {
  const reads = new SharedReads<string, number>();
  const { held, read } = heldReads();
  const first = reads.read('a', read);
  const second = reads.read('a', read);
  const third = reads.read('a', read);
  const other = reads.read('b', read);
  expect(held).toHaveLength(2);
  held[1]!.resolve(10);
  expect(await other).toBe(10);
  held[0]!.resolve(1);
  expect(await first).toBe(1);
  await expect.poll(() => held.length).toBe(3);
  const late = reads.read('a', read);
  held[2]!.resolve(2);
  expect(await Promise.all([second, third])).toEqual([2, 2]);
  await expect.poll(() => held.length).toBe(4);
  held[3]!.resolve(3);
  expect(await late).toBe(3);
});

it('a read that fails fails those who share it, and nobody after them', async () => {
  const reads = new SharedReads<string, number>();
  const { held, read } = heldReads();
  const first = reads.read('a', read);
  const second = reads.read('a', read);
  held[0]!.reject(new Error('lost'));
  await expect(first).rejects.toThrow('lost');
  await expect.poll(() => held.length).toBe(2);
  held[1]!.resolve(2);
  expect(await second).toBe(2);
});
