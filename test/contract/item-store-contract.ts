import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ITEM_OVERHEAD_BYTES,
  type Item,
  type ItemStore,
  MAX_ITEM_BYTES,
  MAX_PAGE_BYTES,
  type PutCondition,
  type PutOutcome,
  type QueryRequest,
} from '../../lib/storage/ports.ts';

/** One adapter at work. */
export interface ItemContractTarget {
  /** Two clients of the same table. */
  readonly store: ItemStore;
  readonly other: ItemStore;
  /** A put that lands although its writer never gets the answer. */
  lostPut(item: Item): Promise<PutOutcome>;
  /** A put that reaches the store more than 15 minutes after it was signed; left out if nothing checks. */
  latePut?(item: Item): Promise<PutOutcome>;
  close(): Promise<void>;
}

const ABSENT: PutCondition = { kind: 'absent' };
const version = (n: number): PutCondition => ({ kind: 'version', version: n });

let made = 0;

/** An item that no other has: a partition of its own unless told otherwise. */
function item(fields: Partial<Item> = {}): Item {
  made++;
  return {
    pk: `contract#${process.pid}#${performance.timeOrigin}#${made}`,
    sk: 'a',
    version: 1,
    nonce: `nonce-${made}`,
    body: Buffer.from(`body ${made}`),
    ...fields,
  };
}

/** An item as a test compares it: byte by byte, but without handing 400 KB to the matcher. */
function legible(of: Item | undefined) {
  return of && { ...of, body: `${of.body.length} bytes, ${createHash('sha1').update(of.body).digest('hex')}` };
}

export interface ItemContractOptions {
  /** Why the adapter cannot run here. */
  readonly skip?: string | undefined;
  /** False for a stand-in that takes signatures of any age. */
  readonly checksSignatures?: boolean;
  /** False for a stand-in that answers a query in one page, however large. */
  readonly hasPages?: boolean;
}

/** The rules that every ItemStore keeps. */
export function itemStoreContract(
  name: string,
  open: () => Promise<ItemContractTarget>,
  { skip, checksSignatures = true, hasPages = true }: ItemContractOptions = {},
) {
  describe.skipIf(skip !== undefined)(
    `${name} as an ItemStore${skip === undefined ? '' : ` (skipped: ${skip})`}`,
    () => {
      let target: ItemContractTarget;
      let store: ItemStore;
      beforeAll(async () => {
        target = await open();
        store = target.store;
      });
      afterAll(() => target?.close());

      const put = async (...items: readonly Item[]) => {
        for (const one of items) expect(await store.put(one, ABSENT)).toMatchObject({ kind: 'committed' });
      };
      const read = async (of: Item) => (await target.other.get(of.pk, of.sk, true)).item;
      const expectThere = async (expected: Item) => expect(legible(await read(expected))).toEqual(legible(expected));

      describe('conditions', () => {
        const cases: readonly [string, number | undefined, PutCondition, 'committed' | 'conflict'][] = [
          ['absent, and it is', undefined, ABSENT, 'committed'],
          ['absent, but there is one', 4, ABSENT, 'conflict'],
          ['absent, but there is one of version 0', 0, ABSENT, 'conflict'],
          ['a version that is there', 4, version(4), 'committed'],
          ['an older version', 4, version(3), 'conflict'],
          ['a newer version', 4, version(5), 'conflict'],
          ['version 0 that is there', 0, version(0), 'committed'],
          ['version 0, but there is none', undefined, version(0), 'conflict'],
          ['the largest version', Number.MAX_SAFE_INTEGER, version(Number.MAX_SAFE_INTEGER), 'committed'],
          ['one below the largest version', Number.MAX_SAFE_INTEGER, version(Number.MAX_SAFE_INTEGER - 1), 'conflict'],
        ];
        it.each(cases)('put if %s', async (_, present, condition, expected) => {
          const before = item({ version: present ?? 0 });
          if (present !== undefined) await put(before);
          const after = item({ pk: before.pk, version: 7 });
          const outcome = await store.put(after, condition);
          expect(outcome.kind).toBe(expected);
          const there = present === undefined ? undefined : before;
          if (outcome.kind === 'conflict') expect(outcome.existing).toEqual(there);
          expect(await read(after)).toEqual(expected === 'committed' ? after : there);
        });

        const deletions: readonly [string, number | undefined, number, 'committed' | 'conflict'][] = [
          ['the version that is there', 4, 4, 'committed'],
          ['another version', 4, 5, 'conflict'],
          ['something that is not there', undefined, 4, 'committed'],
        ];
        it.each(deletions)('delete %s', async (_, present, wanted, expected) => {
          const before = item({ version: present ?? 0 });
          if (present !== undefined) await put(before);
          const outcome = await store.delete(before.pk, before.sk, wanted);
          expect(outcome.kind).toBe(expected);
          if (outcome.kind === 'conflict') expect(outcome.existing).toEqual(before);
          expect(await read(before)).toEqual(expected === 'committed' ? undefined : before);
        });

        it('takes a key again after a delete', async () => {
          const first = item();
          await put(first);
          await store.delete(first.pk, first.sk, first.version);
          const second = item({ pk: first.pk, version: 2 });
          await put(second);
          expect(await read(first)).toEqual(second);
        });
      });

      describe('races', () => {
        it('lets one of twenty writers win and shows the winner to the others', async () => {
          const contenders = Array.from({ length: 20 }, (_, i) =>
            item({ pk: `race#${process.pid}#${made - i}`, sk: 's', body: Buffer.alloc(300, i), version: i }),
          );
          const key = { pk: contenders[0]!.pk, sk: 's' };
          const outcomes = await Promise.all(
            contenders.map((one, i) => (i % 2 ? target.other : store).put({ ...one, ...key }, ABSENT)),
          );
          const winners = contenders.filter((_, i) => outcomes[i]!.kind === 'committed');
          expect(winners).toHaveLength(1);
          const winner = { ...winners[0]!, ...key };
          for (const outcome of outcomes) {
            if (outcome.kind !== 'committed') expect(outcome).toMatchObject({ kind: 'conflict', existing: winner });
          }
          expect(await read(winner)).toEqual(winner);
        });

        it('counts to the number of increments that were committed', async () => {
          const start = item({ version: 0 });
          await put(start);
          const increment = async (client: ItemStore) => {
            for (let seen = 0; ; ) {
              const outcome = await client.put(item({ pk: start.pk, version: seen + 1 }), version(seen));
              if (outcome.kind === 'committed') return;
              expect(outcome.kind).toBe('conflict');
              seen = (outcome as { existing: Item }).existing.version;
            }
          };
          await Promise.all(Array.from({ length: 8 }, (_, i) => increment(i % 2 ? target.other : store)));
          expect((await read(start))?.version).toBe(8);
        });

        it('shows a put whose answer was lost by its nonce', async () => {
          const lost = item();
          expect((await target.lostPut(lost)).kind).toBe('unknown');
          expect(await store.put(lost, ABSENT)).toMatchObject({ kind: 'conflict', existing: lost });
        });
      });

      describe('time', () => {
        it('tells it with every answer and goes on by itself', async () => {
          const one = item();
          const committed = await store.put(one, ABSENT);
          const times = [
            (committed as { storeTime: number }).storeTime,
            ((await store.put(one, ABSENT)) as { storeTime: number }).storeTime,
            (await store.get(one.pk, one.sk, true)).storeTime,
            (await store.query({ pk: one.pk, consistent: true })).storeTime,
            ((await store.delete(one.pk, one.sk, one.version)) as { storeTime: number }).storeTime,
            store.now(),
          ];
          for (const [i, time] of times.entries()) {
            expect(Number.isInteger(time)).toBe(true);
            expect(time).toBeGreaterThanOrEqual(times[Math.max(0, i - 1)]!);
            expect(time - times[0]!).toBeLessThan(60_000);
          }
        });

        it('refuses to sign too late, and signs in time', async () => {
          const one = item();
          await store.get(one.pk, one.sk, true);
          const stale = { kind: 'refused', reason: 'stale' };
          expect(await store.put(one, ABSENT, { signBefore: store.now() - 60_000 })).toMatchObject(stale);
          expect(await read(one)).toBeUndefined();
          expect(await store.put(one, ABSENT, { signBefore: store.now() + 60_000 })).toMatchObject({
            kind: 'committed',
          });
          expect(await store.delete(one.pk, one.sk, 1, { signBefore: store.now() - 60_000 })).toMatchObject(stale);
          expect(await read(one)).toEqual(one);
        });

        it.runIf(checksSignatures)('refuses a put that was signed more than 15 minutes ago', async () => {
          const late = item();
          expect(await target.latePut!(late)).toMatchObject({ kind: 'refused', reason: 'expired' });
          expect(await read(late)).toBeUndefined();
        });
      });

      describe('contents', () => {
        const bodies: readonly [string, Buffer][] = [
          ['empty', Buffer.alloc(0)],
          ['every byte value', Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
          ['invalid UTF-8', Buffer.from([0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80])],
          ['larger than a page of memory', Buffer.alloc(70_001, 0xa5)],
        ];
        it.each(bodies)('keeps a body: %s', async (_, body) => {
          const one = item({ body, pk: `pk é \u{1f600} ${made}`, sk: 'sk/ü#1', nonce: '' });
          const given = { ...one, body: Buffer.from(body) };
          await put(given);
          given.body.fill(0);
          const got = (await read(one))!;
          expect(legible(got)).toEqual(legible(one));
          expect(Buffer.isBuffer(got.body)).toBe(true);
          got.body.fill(1);
          const page = await store.query({ pk: one.pk, consistent: false });
          expect(page.items.map(legible)).toEqual([legible(one)]);
        });

        it('gives out buffers that later writes leave alone', async () => {
          const pk = item().pk;
          const first = item({ pk, body: Buffer.alloc(5_000, 1) });
          await put(first);
          const got = (await store.query({ pk, consistent: true })).items[0]!;
          for (let v = 1; v < 30; v++) {
            await store.put(item({ pk, version: v + 1, body: Buffer.alloc(5_000, v + 1) }), version(v));
          }
          expect(got.body.equals(Buffer.alloc(5_000, 1))).toBe(true);
        });

        it('takes items of exactly 400 KB and none above', async () => {
          const small = item({ body: Buffer.alloc(0), pk: `limit#${process.pid}#${made}`, nonce: 'n' });
          const used = small.pk.length + small.sk.length + 1 + ITEM_OVERHEAD_BYTES;
          const largest = { ...small, body: Buffer.alloc(MAX_ITEM_BYTES - used, 3) };
          await put(largest);
          await expectThere(largest);
          const tooLarge = { ...largest, sk: 'b', body: Buffer.alloc(MAX_ITEM_BYTES - used + 1) };
          expect(await store.put(tooLarge, ABSENT)).toMatchObject({ kind: 'refused', reason: 'tooLarge' });
        });

        const malformed: readonly [string, Partial<Item>][] = [
          ['no partition key', { pk: '' }],
          ['no sort key', { sk: '' }],
          ['a partition key of 1,025 bytes', { pk: 'x'.repeat(1025) }],
          ['a sort key of 513 bytes', { sk: `${'é'.repeat(256)}x` }],
          ['half a surrogate pair', { sk: 'a\ud800' }],
          ['a nonce of 65 bytes', { nonce: 'n'.repeat(65) }],
          ['a nonce that is not ASCII', { nonce: 'é' }],
          ['a negative version', { version: -1 }],
        ];
        it.each(malformed)('refuses %s', async (_, fields) => {
          expect(await store.put(item(fields), ABSENT)).toMatchObject({ kind: 'refused', reason: 'rejected' });
        });

        it('takes keys of the largest sizes', async () => {
          const one = item({ pk: `${'é'.repeat(500)}${String(made).padStart(24, '0')}`, sk: 'é'.repeat(256) });
          await put(one);
          expect(await read(one)).toEqual(one);
          expect((await store.query({ pk: one.pk, from: 'z', consistent: true })).items).toEqual([one]);
        });
      });

      describe('queries', () => {
        const sortKeys = [
          '!',
          '0',
          '00',
          '1',
          'A',
          'a',
          'a!',
          'aa',
          'b',
          '~',
          'é',
          '\ud7ff',
          '\ue000',
          '\uffee',
          '\u{1f600}',
        ];
        const pk = `sorted#${process.pid}#${performance.timeOrigin}`;
        const sorted = sortKeys.map((sk) => item({ pk, sk }));

        beforeAll(async () => {
          const shuffled = [...sorted].sort((x, y) => (x.nonce.at(-1)! < y.nonce.at(-1)! ? -1 : 1));
          await put(...shuffled, item({ pk: `${pk}!`, sk: 'A' }), item({ pk: pk.slice(0, -1), sk: 'A' }));
        });

        const ranges: readonly Pick<QueryRequest, 'from' | 'to'>[] = [
          {},
          { from: '0' },
          { from: '01' },
          { to: 'b' },
          { to: 'ab' },
          { from: 'A', to: 'b' },
          { from: '01', to: 'ab' },
          { from: 'a', to: 'a' },
          { from: 'b', to: 'a' },
          { from: '~', to: '\u{1f600}' },
          { from: '\u{1f601}' },
          { to: ' ' },
          { from: 'a!!', to: 'a!~' },
        ];
        const requests = ranges.flatMap((range) =>
          [undefined, 1, 3, 100].flatMap((limit) =>
            [false, true].map((reverse) => ({ ...range, reverse, ...(limit === undefined ? {} : { limit }) })),
          ),
        );
        it.each(requests)('gives the items of $from to $to, reverse $reverse, limit $limit', async (request) => {
          const { from, to, limit, reverse } = request;
          const bytes = (text: string) => Buffer.from(text);
          const inRange = sorted.filter(
            ({ sk }) =>
              (from === undefined || Buffer.compare(bytes(sk), bytes(from)) >= 0) &&
              (to === undefined || Buffer.compare(bytes(sk), bytes(to)) < 0),
          );
          const ordered = reverse ? inRange.reverse() : inRange;
          const page = await store.query({ pk, consistent: true, ...request });
          expect(page.items).toEqual(ordered.slice(0, limit));
          if (limit !== undefined && ordered.length > limit) expect(page.more).toBe(true);
          if (limit === undefined) expect(page.more).toBe(false);
        });

        it('finds nothing in a partition that is not there', async () => {
          const page = await store.query({ pk: item().pk, consistent: true });
          expect(page).toMatchObject({ items: [], more: false });
        });

        it.runIf(hasPages).each([false, true])(
          'goes through pages of 1 MB without gap or repetition, reverse %s',
          async (reverse) => {
            const partition = item().pk;
            const items = Array.from({ length: 26 }, (_, i) =>
              item({ pk: partition, sk: String(i).padStart(3, '0'), body: Buffer.alloc(100_000, i) }),
            );
            await Promise.all(items.map((one) => store.put(one, ABSENT)));
            const seen: Item[] = [];
            let pages = 0;
            for (let last: string | undefined; ; ) {
              const bound = last === undefined ? {} : reverse ? { to: last } : { from: `${last}\0` };
              const page = await store.query({ pk: partition, consistent: true, reverse, ...bound });
              const bytes = page.items.reduce((sum, one) => sum + one.body.length, 0);
              expect(bytes).toBeLessThanOrEqual(MAX_PAGE_BYTES + 100_000);
              seen.push(...page.items);
              pages++;
              if (!page.more) break;
              last = page.items.at(-1)!.sk;
            }
            expect(seen.map(legible)).toEqual((reverse ? items.reverse() : items).map(legible));
            expect(pages).toBe(3);
          },
        );
      });
    },
  );
}
