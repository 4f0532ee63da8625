import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/core/clock.ts';
import { systemRandom } from '../../../lib/core/random.ts';
import { openEmbeddedStores } from '../../../lib/storage/embedded/embedded-stores.ts';
import { explain } from '../../../lib/storage/embedded/format.ts';
import type { Stores } from '../../../lib/storage/ports.ts';
import { scaled } from '../../support/machine.ts';

let path: string;
let opened: Stores[];

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'tidelog-embedded-'));
  opened = [];
});

afterEach(async () => {
  for (const stores of opened) await stores.close();
  await rm(path, { recursive: true, force: true });
});

async function open(at = path): Promise<Stores> {
  const stores = await openEmbeddedStores({ path: at, clock: systemClock, random: systemRandom });
  opened.push(stores);
  return stores;
}

const item = { pk: 'p', sk: 's', version: 3, nonce: 'n', body: Buffer.from('kept') };

describe('opening', () => {
  it('makes the directory, also below others, and finds everything again', async () => {
    const deep = join(path, 'a', 'b');
    const first = await open(deep);
    await first.state.put(item, { kind: 'absent' });
    await first.blobs.put('x/y', [Buffer.from('object')]);
    await opened.pop()!.close();
    expect(await readFile(join(deep, 'format'), 'utf8')).toBe('tidelog-store 1\n');
    const again = await open(deep);
    expect((await again.state.get('p', 's', true)).item).toEqual(item);
    expect((await again.journal.get('p', 's', true)).item).toBeUndefined();
    expect(await again.blobs.get('x/y')).toMatchObject({ bytes: Buffer.from('object') });
  });

  it('may be done by several at once', async () => {
    const stores = await Promise.all([open(), open(), open()]);
    await stores[0].journal.put(item, { kind: 'absent' });
    expect((await stores[2].journal.get('p', 's', true)).item).toEqual(item);
  });

  const refusals: readonly [string, () => Promise<unknown>, string][] = [
    [
      'a newer format',
      () => writeFile(join(path, 'format'), 'tidelog-store 2\n'),
      'has format 2, this program knows up to 1',
    ],
    ['a foreign marker', () => writeFile(join(path, 'format'), '{"x":1}'), 'not of a store'],
    ['a marker that is a directory', () => mkdir(join(path, 'format')), 'cannot be opened'],
    [
      'data that are not LMDB',
      async () => {
        await mkdir(join(path, 'items'));
        await writeFile(join(path, 'items', 'data.mdb'), Buffer.alloc(20_000, 7));
      },
      'is not an LMDB file',
    ],
    ['a lock that is a directory', () => mkdir(join(path, 'items', 'lock.mdb'), { recursive: true }), 'is not a file'],
  ];
  it.each(refusals)('refuses %s', async (_, prepare, message) => {
    await prepare();
    await expect(open()).rejects.toThrow(
      expect.objectContaining({ name: 'StoreOpenError', message: expect.stringContaining(message) }),
    );
  });

  describe('over a store that lost a part of itself', () => {
    const dataFile = () => join(path, 'items', 'data.mdb');
    /** A store with so many items and one object, closed again. */
    async function stored(items: number): Promise<void> {
      const stores = await open();
      for (let index = 0; index < items; index++) {
        await stores.state.put({ ...item, sk: String(index), body: Buffer.alloc(10_000) }, { kind: 'absent' });
      }
      await stores.blobs.put('x/y', [Buffer.from('object')]);
      await opened.pop()!.close();
    }
    const losses: readonly [string, (bytes: number) => Promise<unknown>, string][] = [
      ['its end', (bytes) => truncate(dataFile(), bytes - 4096), 'is cut off'],
      ['its second half', (bytes) => truncate(dataFile(), bytes / 2), 'is cut off'],
      ['all but its first page', () => truncate(dataFile(), 4096), 'is cut off'],
      ['all but its first bytes', () => truncate(dataFile(), 10), 'is cut off'],
      ['all of its data', () => truncate(dataFile(), 0), 'is empty'],
      ['its data file', () => rm(dataFile()), 'is missing'],
      ['its items', () => rm(join(path, 'items'), { recursive: true }), 'is missing'],
    ];
    it.each(losses)('refuses where %s is gone, and takes nothing for a new store', async (_, lose, message) => {
      await stored(20);
      const { length } = await readFile(dataFile());
      await lose(length);
      await expect(open()).rejects.toThrow(
        expect.objectContaining({ name: 'StoreOpenError', message: expect.stringContaining(message) }),
      );
    });

    it('refuses where objects are all that is left, as of a store that was never marked as used', async () => {
      await stored(1);
      await rm(join(path, 'used'));
      await rm(join(path, 'items'), { recursive: true });
      await expect(open()).rejects.toThrow('is missing');
    });

    it('begins anew where a process was killed before there was anything', async () => {
      await mkdir(join(path, 'items'));
      await writeFile(dataFile(), '');
      const stores = await open();
      expect(await stores.state.put(item, { kind: 'absent' })).toMatchObject({ kind: 'committed' });
    });

    it(
      'opens a store whose file ends before pages that are free',
      async () => {
        const stores = await open();
        let seed = 1;
        const random = (below: number) => {
          seed = (seed * 48_271) % 2_147_483_647;
          return seed % below;
        };
        for (let round = 0; round < 150; round++) {
          await Promise.all(
            Array.from({ length: 1 + random(6) }, async () => {
              const sk = String(random(100));
              const { item: there } = await stores.state.get('p', sk, false);
              if (there !== undefined) await stores.state.delete('p', sk, there.version);
              else await stores.state.put({ ...item, sk, body: Buffer.alloc(random(60_000)) }, { kind: 'absent' });
            }),
          );
          const another = await openEmbeddedStores({ path, clock: systemClock, random: systemRandom });
          await another.close();
        }
      },
      scaled(120_000),
    );
  });

  it('refuses a file and what lies below one', async () => {
    const file = join(path, 'file');
    await writeFile(file, '');
    await expect(open(file)).rejects.toThrow('a directory is needed');
    await expect(open(join(file, 'store'))).rejects.toThrow('a directory is needed');
  });

  it.each([
    ['EACCES', 'cannot be written by this user'],
    ['EROFS', 'read-only file system'],
    ['ENOSPC', 'is full'],
  ])('explains %s', (code, message) => {
    expect(explain('/data', Object.assign(new Error('x'), { code }))).toContain(message);
  });

  it('removes temporary files older than an hour, and no others', async () => {
    const temporary = join(path, 'blobs', 'tmp~~');
    await mkdir(temporary, { recursive: true });
    const age = async (name: string, minutes: number) => {
      const time = systemClock.now() / 1000 - minutes * 60;
      await writeFile(join(temporary, name), 'x');
      await utimes(join(temporary, name), time, time);
    };
    await age('old', 61);
    await age('young', 59);
    const stores = await open();
    expect(await readdir(temporary)).toEqual(['young']);
    expect(await stores.blobs.list('', undefined, 10)).toEqual([]);
  });
});

describe('objects', () => {
  it('leave no temporary file behind, and are read from more files than are kept open', async () => {
    const stores = await open();
    const keys = Array.from({ length: 300 }, (_, i) => `many/${i}`);
    await Promise.all(keys.map((key) => stores.blobs.put(key, [Buffer.from(key)])));
    expect(await readdir(join(path, 'blobs', 'tmp~~'))).toEqual([]);
    const read = await Promise.all([...keys, ...keys].map((key) => stores.blobs.getRange(key, 0, 100)));
    expect(read.map((range) => range.kind === 'found' && range.bytes.toString())).toEqual([...keys, ...keys]);
    const descriptors = await readdir('/proc/self/fd').catch(() => []);
    expect(descriptors.length).toBeLessThan(250);
  });
});

it('acknowledges nothing more once its folder was removed', async () => {
  const stores = await open();
  expect(await stores.state.put(item, { kind: 'absent' })).toMatchObject({ kind: 'committed' });
  await rm(path, { recursive: true });
  const removed = expect.stringContaining('was removed');
  const again = await stores.state.put({ ...item, sk: 'again' }, { kind: 'absent' });
  expect(again).toEqual({ kind: 'unknown', message: removed });
  expect(await stores.state.delete('p', 's', item.version)).toEqual({ kind: 'unknown', message: removed });
  await expect(stores.state.get('p', 's', true)).rejects.toThrow('was removed');
  await expect(stores.state.query({ pk: 'p', consistent: true })).rejects.toThrow('was removed');
  expect(await stores.blobs.put('x/y', [Buffer.from('object')])).toMatchObject({ kind: 'refused' });
});

it('refuses as unavailable on a full disk, and goes on reading', async () => {
  // A limit on the size of files stands in for the full disk: writes stop in the same place, with an error.
  const script = join(import.meta.dirname, 'full-disk-writer.ts');
  const limited = `trap '' XFSZ; ulimit -f 8000; exec "${process.execPath}" --import tsx "${script}" "${path}"`;
  const { stdout } = await promisify(execFile)('sh', ['-c', limited]);
  const told = JSON.parse(stdout.slice(stdout.indexOf('{"stored"')));
  const unavailable = { kind: 'refused', reason: 'unavailable' };
  expect(told).toMatchObject({ outcome: unavailable, again: unavailable, blob: unavailable, readable: 5, more: true });
  expect(told.stored).toBeGreaterThan(10);
  expect(told.blobsListed).toEqual([]);
  const stores = await open();
  expect(await stores.journal.put(item, { kind: 'absent' })).toMatchObject({ kind: 'committed' });
});
