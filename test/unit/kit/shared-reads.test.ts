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

it('the next read begins before anybody hears of the end of the one before', async () => {
  const reads = new SharedReads<string, number>();
  const { held, read } = heldReads();
  const again = reads.read('a', read).then(() => reads.read('a', read));
  const shared = reads.read('a', read);
  held[0]!.resolve(1);
  await expect.poll(() => held.length).toBe(2);
  held[1]!.resolve(2);
  expect(await shared).toBe(2);
  await expect.poll(() => held.length).toBe(3);
  held[2]!.resolve(3);
  expect(await again).toBe(3);
});

it('join shares the read that is running, and begins one if there is none', async () => {
  const reads = new SharedReads<string, number>();
  const { held, read } = heldReads();
  expect(reads.running('a')).toBeUndefined();
  const calls = [reads.join('a', read), reads.join('a', read), reads.running('a')];
  expect(held).toHaveLength(1);
  held[0]!.resolve(1);
  expect(await Promise.all(calls)).toEqual([1, 1, 1]);
  expect(reads.running('a')).toBeUndefined();
});

it('nobody shares a read that was dropped, which is told so', async () => {
  const reads = new SharedReads<string, number>();
  const { held, read } = heldReads();
  const current: boolean[] = [];
  const told = (isCurrent: () => boolean) => {
    current.push(isCurrent());
    return read().finally(() => current.push(isCurrent()));
  };
  const old = reads.read('a', told);
  reads.drop('a');
  const fresh = reads.join('a', read);
  expect(held).toHaveLength(2);
  held[0]!.resolve(1);
  expect(await old).toBe(1);
  expect(current).toEqual([true, false]);
  expect(await Promise.race([reads.running('a'), Promise.resolve('still running')])).toBe('still running');
  held[1]!.resolve(2);
  expect(await fresh).toBe(2);
});

it('calls made in the pause before a read share it', async () => {
  const pauses: (() => void)[] = [];
  const reads = new SharedReads<string, number>(() => new Promise((resolve) => pauses.push(resolve)));
  const { held, read } = heldReads();
  const first = reads.read('a', read);
  const second = reads.read('a', read);
  expect(held).toHaveLength(0);
  pauses[0]!();
  await expect.poll(() => held.length).toBe(1);
  const third = reads.read('a', read);
  held[0]!.resolve(1);
  expect(await Promise.all([first, second])).toEqual([1, 1]);
  await expect.poll(() => pauses.length).toBe(2);
  pauses[1]!();
  await expect.poll(() => held.length).toBe(2);
  held[1]!.resolve(2);
  expect(await third).toBe(2);
});

it('a read that was to follow a dropped one does not replace a read that began after the drop', async () => {
  const reads = new SharedReads<string, number>();
  const { held, read } = heldReads();
  let isCurrent: (() => boolean) | undefined;
  const first = reads.read('a', read);
  const second = reads.read('a', read);
  reads.drop('a');
  const third = reads.read('a', (current) => {
    isCurrent = current;
    return read();
  });
  held[0]!.resolve(1);
  await first;
  expect(isCurrent!()).toBe(true);
  expect(held).toHaveLength(2);
  reads.drop('a');
  expect(isCurrent!()).toBe(false);
  held[1]!.resolve(2);
  expect(await Promise.all([second, third])).toEqual([2, 2]);
});
