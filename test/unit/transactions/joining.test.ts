import { beforeEach, describe, expect, it } from 'vitest';
import type { PartitionsToJoin } from '../../../lib/log/open-transactions.ts';
import type { TransactionState } from '../../../lib/storage/items/transaction.ts';
import { decideEnd } from '../../../lib/transactions/decide-end.ts';
import { MINUTE } from '../journal/world.ts';
import { createTransactionsWorld, ID, OTHER_TOPIC, type Participant, TOPIC, type TransactionsWorld } from './world.ts';

let its: TransactionsWorld;
let one: Participant;
let other: Participant;
let begun: TransactionState;
const run = <T>(work: Promise<T>) => its.world.run(work);

beforeEach(async () => {
  its = await createTransactionsWorld();
  one = its.participant();
  other = its.participant();
  begun = await its.begin(one);
});

function request(protocol: 1 | 2, partition = 0, of: Partial<PartitionsToJoin> = {}): PartitionsToJoin {
  const { producerId, producerEpoch } = begun;
  const partitions = new Map([[TOPIC, new Set([partition])]]);
  return { transactionalId: ID, producerId, producerEpoch, protocol, partitions, ...of };
}

const join = async (by: Participant, asked: PartitionsToJoin) => (await run(by.joining.join(asked)))?.error ?? 'open';

async function prepare(): Promise<void> {
  const { producerId, producerEpoch } = begun;
  const end = { producerId, producerEpoch, commit: true, protocol: 2, newProducerId: undefined } as const;
  await run(one.items.step(ID, (state, now) => decideEnd(state, end, now)));
}

describe('a writer that joins a transaction', () => {
  it('adds its partition in version 2, and only verifies it in version 1', async () => {
    expect(await join(other, request(1))).toBe('TRANSACTION_ABORTABLE');
    expect((await its.stored()).status).toBe('Empty');
    expect(await join(other, request(2))).toBe('open');
    expect(await its.stored()).toMatchObject({ status: 'Ongoing', partitions: new Map([[TOPIC, new Set([0])]]) });
    expect(await join(other, request(1))).toBe('open');
    expect(await join(other, request(1, 1))).toBe('TRANSACTION_ABORTABLE');
  });

  it('puts once for all that ask while a put is in progress', async () => {
    await run(other.items.read(ID));
    const before = other.process.count('state.put');
    other.process.faults = ({ operation }) => (operation === 'put' ? { delayBeforeMs: 50 } : undefined);
    const asked = [0, 1, 2, 3].map((partition) => other.joining.join(request(2, partition)));
    asked.push(other.joining.join(request(2, 0, { partitions: new Map([[OTHER_TOPIC, new Set([0])]]) })));
    expect(await run(Promise.all(asked))).toEqual(Array.from({ length: 5 }, () => undefined));
    expect(other.process.count('state.put') - before).toBeLessThanOrEqual(2);
    const { partitions } = await its.stored();
    expect(partitions).toEqual(
      new Map([
        [TOPIC, new Set([0, 1, 2, 3])],
        [OTHER_TOPIC, new Set([0])],
      ]),
    );
  });

  it('puts nothing for what is listed', async () => {
    await join(other, request(2));
    const before = other.process.count('state.put');
    expect(await join(other, request(2))).toBe('open');
    expect(other.process.count('state.put')).toBe(before);
  });

  it('finishes nothing: a prepared transaction is for others', async () => {
    await join(one, request(2));
    await prepare();
    for (const protocol of [1, 2] as const) {
      const { producerEpoch } = await its.stored();
      expect(await join(other, request(protocol, 0, { producerEpoch }))).toBe('CONCURRENT_TRANSACTIONS');
    }
    expect((await its.stored()).status).toBe('PrepareCommit');
    expect(other.written).toEqual([]);
  });

  it.each([1, 2] as const)('is fenced once the transaction has timed out, in version %i', async (protocol) => {
    await join(one, request(2));
    await its.world.clock.advance(MINUTE);
    expect(await join(other, request(protocol))).toBe('open');
    await its.world.clock.advance(1);
    expect(await join(other, request(protocol))).toBe('PRODUCER_FENCED');
    expect((await its.stored()).status).toBe('Ongoing');
  });

  it.each([1, 2] as const)('is refused as another producer, in version %i', async (protocol) => {
    const { producerId, producerEpoch } = begun;
    const of = (more: Partial<PartitionsToJoin>) => join(other, request(protocol, 0, more));
    expect(await of({ producerEpoch: producerEpoch + 1 })).toBe('PRODUCER_FENCED');
    expect(await of({ producerId: producerId + 1 })).toBe('INVALID_PRODUCER_ID_MAPPING');
    expect(await of({ transactionalId: 'unknown' })).toBe('INVALID_PRODUCER_ID_MAPPING');
  });

  it('does not decide on an item that this process knows if that is not the stored one', async () => {
    await run(other.items.read(ID));
    const next = await its.begin(one);
    expect(next.producerEpoch).toBe(begun.producerEpoch + 1);
    expect(await join(other, request(2))).toBe('PRODUCER_FENCED');
  });
});

describe('a group that joins a transaction', () => {
  it('gets the number of the transaction', async () => {
    const { partitions: _, ...producer } = request(2);
    const joined = await run(other.joining.joinGroup({ ...producer, groupId: 'readers' }));
    expect(joined).toEqual({ kind: 'open', transaction: begun.transaction + 1 });
    const verified = await run(other.joining.joinGroup({ ...producer, protocol: 1, groupId: 'readers' }));
    expect(verified).toEqual(joined);
    const stranger = await run(other.joining.joinGroup({ ...producer, protocol: 1, groupId: 'others' }));
    expect(stranger).toMatchObject({ kind: 'refused', error: 'TRANSACTION_ABORTABLE' });
  });
});
