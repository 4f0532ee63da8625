import { beforeEach, describe, expect, it } from 'vitest';
import { UnreadableItems } from '../../../lib/kit/unreadable-items.ts';
import {
  encodeTransaction,
  TRANSACTION_SK,
  type TransactionState,
  transactionPk,
} from '../../../lib/storage/items/transaction.ts';
import { TRANSACTIONS_DUE_PK, TRANSACTIONS_PK } from '../../../lib/storage/items/transaction-index.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { decideAdd } from '../../../lib/transactions/decide-add.ts';
import { decideInit } from '../../../lib/transactions/decide-init.ts';
import { expireTransactionalIds } from '../../../lib/transactions/expire-ids.ts';
import { listTransactions, type TransactionFilter } from '../../../lib/transactions/list-transactions.ts';
import { TransactionItems } from '../../../lib/transactions/transaction-items.ts';
import { createWorld, FOREVER, first, HOUR, MINUTE, type Process, type World } from '../journal/world.ts';

const DAY = 24 * HOUR;
const EXPIRATION_MS = 7 * DAY;
const ALL: TransactionFilter = {
  producerIds: new Set(),
  statuses: new Set(),
  longerThanMs: -1,
  isMatch: () => true,
};

let world: World;
let nextProducerId: number;
beforeEach(async () => {
  world = await createWorld();
  nextProducerId = 1_000;
});

interface Participant {
  readonly process: Process;
  readonly items: TransactionItems;
  /** InitProducerId, as far as it concerns the items. */
  init(transactionalId: string): Promise<TransactionState>;
  expire(): Promise<{ readonly counts: Readonly<Record<string, number>>; readonly isComplete: boolean }>;
  list(filter?: Partial<TransactionFilter>): Promise<string[]>;
}

function participant(): Participant {
  const process = world.process();
  const { clock, random, logger, turns } = process.env;
  const env = { state: process.stores.state, clock, random };
  const items = new TransactionItems(env);
  const unreadable = new UnreadableItems(logger);
  return {
    process,
    items,
    async init(transactionalId) {
      const request = { transactionalId, timeoutMs: MINUTE, timeoutMaxMs: MINUTE, expected: undefined };
      for (let newProducerId: number | undefined; ; ) {
        const step = await world.run(
          items.step(transactionalId, (state, now) => decideInit(state, { ...request, newProducerId }, now)),
        );
        if (step.kind === 'put') return step.stored.state;
        if (step.kind !== 'needsProducerId') throw new Error(`InitProducerId led to ${step.kind}`);
        newProducerId = nextProducerId++;
        await world.run(items.name(newProducerId, transactionalId));
      }
    },
    expire: () =>
      world.run(expireTransactionalIds({ ...env, items, unreadable, expirationMs: EXPIRATION_MS }, undefined, FOREVER)),
    async list(filter = {}) {
      const listed = await world.run(listTransactions({ ...env, items, logger, turns }, { ...ALL, ...filter }));
      return listed.map(({ transactionalId }) => transactionalId);
    },
  };
}

/** What is left in the state table of transactional ids and their producers. */
const leftovers = () =>
  world.stores
    .contents()
    .state.filter(({ pk }) => /^(transaction|producer\/)/.test(pk))
    .map(({ pk, sk }) => `${pk} ${sk}`);
const dueCount = () => world.stores.contents().state.filter(({ pk }) => pk === TRANSACTIONS_DUE_PK).length;

describe('the index of transactional ids', () => {
  it('lists every id, whatever its length, in pages', async () => {
    const one = participant();
    const ids = ['a', 'b'.repeat(480), 'c'.repeat(481), '~d', 'é/\n', 'f'.repeat(10_000)];
    for (const id of ids) await one.init(id);
    expect((await one.list()).sort()).toEqual([...ids].sort());
  });

  it('has an id before its item, so that a crash in between loses nothing', async () => {
    const one = participant();
    await world.run(one.items.name(5, 'lost'));
    expect(await one.list()).toEqual([]);
    await participant().init('lost');
    expect(await one.list()).toEqual(['lost']);
  });

  it('does not let an id be created whose entry is not stored', async () => {
    const one = participant();
    await one.init('first');
    one.process.faults = first(20, 'state.put', { refuse: 'unavailable' });
    await expect(one.init('second')).rejects.toThrow(StoreUnavailableError);
    expect(leftovers().some((key) => key.startsWith('transaction/second'))).toBe(false);
  });

  it('is filtered by producer id without reading other ids', async () => {
    const one = participant();
    for (const id of ['a', 'b', 'c']) await one.init(id);
    const before = one.process.calls.length;
    expect(await one.list({ producerIds: new Set([1_001, 9_999]) })).toEqual(['b']);
    expect(one.process.calls.slice(before).map(({ operation }) => operation)).toEqual(['get', 'get', 'get']);
  });

  it('is filtered by state, age and pattern', async () => {
    const one = participant();
    for (const id of ['a', 'b']) await one.init(id);
    const { producerId, producerEpoch } = await one.init('b');
    const request = { producerId, producerEpoch, partitions: new Map(), groups: ['g'] };
    await world.run(one.items.step('b', (state, now) => decideAdd(state, request, now)));
    await world.clock.advance(5_000);
    await one.init('a');
    expect(await one.list({ statuses: new Set(['Ongoing']) })).toEqual(['b']);
    expect(await one.list({ statuses: new Set(['Dead']) })).toEqual([]);
    expect(await one.list({ isMatch: (id) => id === 'a' })).toEqual(['a']);
    expect(await one.list({ longerThanMs: 4_000, statuses: new Set(['Ongoing']) })).toEqual(['b']);
    expect(await one.list({ longerThanMs: 6_000 })).toEqual(['a']);
  });

  it('leaves out what this program cannot read', async () => {
    const one = participant();
    for (const id of ['a', 'b']) await one.init(id);
    const { version, nonce } = (await one.process.stores.state.get(transactionPk('a'), TRANSACTION_SK, true)).item!;
    await one.process.stores.state.put(
      { pk: transactionPk('a'), sk: TRANSACTION_SK, version: version + 1, nonce: `${nonce}x`, body: Buffer.of(99) },
      { kind: 'version', version },
    );
    expect(await one.list()).toEqual(['b']);
    expect(one.process.lines).toMatchObject([{ level: 'warn', event: 'unreadable_item' }]);
  });
});

describe('the expiry of transactional ids', () => {
  it('costs one query when nothing is due', async () => {
    const one = participant();
    await one.init('a');
    const before = one.process.calls.length;
    expect(await one.expire()).toMatchObject({ isComplete: true, counts: { looked: 0 } });
    expect(one.process.calls.slice(before).map(({ operation }) => operation)).toEqual(['query']);
  });

  it('leaves an id that is used, and looks again a day later', async () => {
    const one = participant();
    await one.init('a');
    for (let day = 0; day < 10; day++) {
      await world.clock.advance(DAY + 1);
      await one.init('a');
      expect(await one.expire()).toMatchObject({ counts: { looked: 1, expired: 0 } });
      expect(dueCount()).toBe(1);
    }
    expect(await one.list()).toEqual(['a']);
  });

  it('leaves nothing of an id that nobody has used', async () => {
    const one = participant();
    await one.init('a');
    const told: Record<string, number>[] = [];
    for (let hours = 0; hours < 9 * 24; hours++) {
      await world.clock.advance(HOUR);
      told.push((await one.expire()).counts);
    }
    expect(told.filter(({ expired }) => expired === 1)).toHaveLength(1);
    expect(told.filter(({ removed }) => removed === 1)).toHaveLength(1);
    expect(leftovers()).toEqual([]);
  });

  it('begins anew, with higher versions and numbers, for an id that comes back when it is dead', async () => {
    const one = participant();
    const old = await one.init('a');
    await world.clock.advance(EXPIRATION_MS + MINUTE);
    expect(await one.expire()).toMatchObject({ counts: { expired: 1 } });
    expect(await one.list()).toEqual([]);
    const version = (await world.run(one.items.read('a')))!.version;
    const born = await one.init('a');
    expect(born).toMatchObject({ producerEpoch: 0, status: 'Empty' });
    expect(born.producerId).not.toBe(old.producerId);
    expect(born.transaction).toBeGreaterThan(old.transaction);
    expect((await world.run(one.items.read('a')))!.version).toBe(version + 1);
    await world.clock.advance(2 * HOUR);
    await one.expire();
    expect(await one.list()).toEqual(['a']);
    expect(dueCount()).toBeGreaterThan(0);
  });

  it('never removes an id that is being created meanwhile', async () => {
    const one = participant();
    await one.init('a');
    await world.clock.advance(EXPIRATION_MS + MINUTE);
    expect(await one.expire()).toMatchObject({ counts: { expired: 1 } });
    await world.clock.advance(2 * HOUR);
    const other = participant();
    const pending = one.expire();
    await other.init('a');
    await pending;
    await world.clock.advance(2 * HOUR);
    await one.expire();
    expect(await other.list()).toEqual(['a']);
    expect(await world.run(other.items.idOf(nextProducerId - 1))).toBe('a');
  });

  it('removes the entry that a crash has left without an item, after an hour', async () => {
    const one = participant();
    await world.run(one.items.name(5, 'lost'));
    await world.clock.advance(DAY + 1);
    await participant().items.ids.index.add('lost');
    expect(await one.expire()).toMatchObject({ counts: { looked: 1, removed: 0 } });
    await world.clock.advance(2 * HOUR);
    expect(await one.expire()).toMatchObject({ counts: { looked: 1, removed: 1 } });
    expect(leftovers()).toEqual(['producer/5 transactional-id']);
  });

  it('leaves an open transaction alone, and goes on where it stopped', async () => {
    const one = participant();
    for (const id of ['a', 'b', 'c']) await one.init(id);
    const { producerId, producerEpoch } = await one.init('a');
    const request = { producerId, producerEpoch, partitions: new Map(), groups: ['g'] };
    await world.run(one.items.step('a', (state, now) => decideAdd(state, request, now)));
    await world.clock.advance(EXPIRATION_MS + DAY);
    expect(await one.expire()).toMatchObject({ counts: { looked: 3, expired: 2 } });
    expect(await one.list()).toEqual(['a']);
    await world.clock.advance(2 * HOUR);
    const { clock, random, logger } = one.process.env;
    const env = { state: one.process.stores.state, clock, random, items: one.items };
    const unreadable = new UnreadableItems(logger);
    const stopped = await world.run(
      expireTransactionalIds({ ...env, unreadable, expirationMs: EXPIRATION_MS }, undefined, clock.monotonic()),
    );
    expect(stopped).toMatchObject({ isComplete: false, counts: { looked: 0 } });
    expect(await one.expire()).toMatchObject({ counts: { removed: 2 } });
  });

  it('passes over what this program cannot read', async () => {
    const one = participant();
    await one.init('a');
    const { state } = one.process.stores;
    const { version } = (await state.get(transactionPk('a'), TRANSACTION_SK, true)).item!;
    const body = Buffer.concat([Buffer.of(99), encodeTransaction(await one.init('b'))]);
    const item = { pk: transactionPk('a'), sk: TRANSACTION_SK, version: version + 1, nonce: 'n', body };
    await state.put(item, { kind: 'version', version });
    await world.clock.advance(DAY + 1);
    expect(await one.expire()).toMatchObject({ counts: { looked: 2, skipped: 1 } });
    expect(leftovers()).toContain(`${TRANSACTIONS_PK} a`);
  });
});
