import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BlobStore } from '../../lib/storage/ports.ts';

export interface BlobContractTarget {
  /** Two clients of the same objects. */
  readonly store: BlobStore;
  readonly other: BlobStore;
  close(): Promise<void>;
}

let made = 0;
const uniqueKey = () => `contract/${process.pid}-${Math.floor(performance.timeOrigin)}/${++made}`;

/** The rules that every BlobStore keeps. `skip` says why the adapter cannot run here. */
export function blobStoreContract(name: string, open: () => Promise<BlobContractTarget>, skip?: string) {
  describe.skipIf(skip !== undefined)(
    `${name} as a BlobStore${skip === undefined ? '' : ` (skipped: ${skip})`}`,
    () => {
      let target: BlobContractTarget;
      let store: BlobStore;
      beforeAll(async () => {
        target = await open();
        store = target.store;
      });
      afterAll(() => target?.close());

      const bytesOf = async (key: string) => {
        const range = await target.other.get(key);
        return range.kind === 'found' ? range.bytes : undefined;
      };

      const contents: readonly [string, Buffer[]][] = [
        ['nothing', []],
        ['empty chunks', [Buffer.alloc(0), Buffer.alloc(0)]],
        ['one chunk', [Buffer.from('one')]],
        ['chunks, some of them empty', [Buffer.from('a'), Buffer.alloc(0), Buffer.from('bc')]],
        ['every byte value', [Buffer.from(Array.from({ length: 256 }, (_, i) => i))]],
        ['more chunks than one system call takes', Array.from({ length: 2500 }, (_, i) => Buffer.from(`${i},`))],
        ['3 MB', [Buffer.alloc(1_500_000, 1), Buffer.alloc(1_500_000, 2)]],
      ];
      it.each(contents)('keeps %s', async (_, chunks) => {
        const key = uniqueKey();
        expect(await store.put(key, chunks)).toMatchObject({ kind: 'stored' });
        expect(Buffer.concat(chunks).equals((await bytesOf(key))!)).toBe(true);
      });

      const ranges: readonly [number, number, string][] = [
        [0, 10, '0123456789'],
        [0, 3, '012'],
        [4, 5, '4'],
        [7, 100, '789'],
        [9, 10, '9'],
        [10, 20, ''],
        [50, 60, ''],
        [3, 3, ''],
      ];
      it('gives ranges', async () => {
        const key = uniqueKey();
        await store.put(key, [Buffer.from('0123456789')]);
        for (const [start, end, expected] of ranges) {
          const range = await target.other.getRange(key, start, end);
          expect([start, end, range.kind === 'found' && range.bytes.toString()]).toEqual([start, end, expected]);
        }
      });

      it('tells size and time with every range, as a list does', async () => {
        for (const size of [10, 0]) {
          const key = uniqueKey();
          await store.put(key, [Buffer.alloc(size, 'x')]);
          const [info] = await store.list(key, undefined, 1);
          for (const [start, end] of [...ranges, [0, 0]] as const) {
            const range = await target.other.getRange(key, start, end);
            expect(range).toMatchObject({ kind: 'found', size });
            expect(Math.abs((range as { modified: number }).modified - info!.modified)).toBeLessThan(1_000);
          }
          expect(await target.other.get(key)).toMatchObject({ kind: 'found', size });
        }
      });

      it('says what is not there', async () => {
        const key = uniqueKey();
        for (const range of [await store.get(key), await store.getRange(key, 0, 1), await store.getRange(key, 3, 3)]) {
          expect(range.kind).toBe('missing');
        }
      });

      it('replaces and deletes, and another client sees it', async () => {
        const key = uniqueKey();
        await store.put(key, [Buffer.from('first')]);
        expect((await bytesOf(key))?.toString()).toBe('first');
        await store.put(key, [Buffer.from('second')]);
        expect((await bytesOf(key))?.toString()).toBe('second');
        await store.delete(key);
        expect(await bytesOf(key)).toBeUndefined();
        await store.delete(key);
      });

      it('does not store what would be signed too late', async () => {
        const key = uniqueKey();
        await store.put(uniqueKey(), [Buffer.from('tells the time')]);
        const early = { signBefore: store.now() - 60_000 };
        expect(await store.put(key, [Buffer.from('x')], early)).toMatchObject({ kind: 'refused', reason: 'stale' });
        expect(await bytesOf(key)).toBeUndefined();
        const inTime = { signBefore: store.now() + 60_000 };
        expect(await store.put(key, [Buffer.from('x')], inTime)).toMatchObject({ kind: 'stored' });
        await store.delete(key);
      });

      it('lists in the order of the keys', async () => {
        const base = uniqueKey();
        const names = ['0', 'A', 'a', 'a-b', 'a.b', 'a/b', 'a/b/c', 'a/c', 'a0', 'b/x', 'b_x', 'ba'];
        for (const name of [...names].reverse()) await store.put(`${base}/${name}`, [Buffer.from(name)]);
        const listed = async (prefix: string, after?: string, limit = 100) =>
          (await target.other.list(`${base}/${prefix}`, after && `${base}/${after}`, limit)).map((info) => info.key);
        const expected = (prefix: string, after = '', limit = 100) =>
          names
            .filter((name) => name.startsWith(prefix) && name > after)
            .slice(0, limit)
            .map((name) => `${base}/${name}`);
        expect([...names].sort()).toEqual(names);
        for (const prefix of ['', 'a', 'a/', 'a/b', 'b', 'zz']) {
          expect(await listed(prefix)).toEqual(expected(prefix));
          for (const after of ['a', 'a/b', 'a-c', 'b_x', 'zz']) {
            expect([prefix, after, await listed(prefix, after)]).toEqual([prefix, after, expected(prefix, after)]);
          }
          expect(await listed(prefix, undefined, 3)).toEqual(expected(prefix, '', 3));
        }
      });

      it('lists sizes and times by the clock of its answers', async () => {
        const key = uniqueKey();
        const outcome = await store.put(key, [Buffer.alloc(12_345)]);
        const [info] = await store.list(key, undefined, 1);
        expect(info).toMatchObject({ key, size: 12_345 });
        const storeTime = (outcome as { storeTime: number }).storeTime;
        expect(Math.abs(info!.modified - storeTime)).toBeLessThan(5_000);
        expect(Math.abs(store.now() - storeTime)).toBeLessThan(60_000);
      });

      it.each(['', '/', 'a//b', '../a', 'a/./b', 'a/', '/a', 'é', 'a b', 'a~'])('refuses the key %j', async (key) => {
        expect(await store.put(key, [Buffer.from('x')])).toMatchObject({ kind: 'refused', reason: 'rejected' });
      });
    },
  );
}
