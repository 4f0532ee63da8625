import { beforeEach, describe, expect, it } from 'vitest';
import type { Leadership } from '../../../lib/cluster/leadership.ts';
import { Solo } from '../../../lib/cluster/solo.ts';
import type { RequestContext } from '../../../lib/core/context.ts';
import { emptyPartition, emptyView, type JournalView } from '../../../lib/journal/view.ts';
import { decideDeletion, type RecordsToDelete } from '../../../lib/log/delete-records.ts';
import { HeldReaders } from '../../../lib/log/held-readers.ts';
import { type Log, openLog } from '../../../lib/log/log.ts';
import { ReadBudget } from '../../../lib/log/read-budget.ts';
import { batchOf } from '../../support/requests.ts';
import { T0 } from '../journal/world.ts';
import { type AdminProcess, type AdminWorld, createAdminWorld } from '../topics/world.ts';

function viewWith(fields: Partial<JournalView>, start: number, end: number): JournalView {
  const partition = { ...emptyPartition(2), logStartOffset: start, nextOffset: end };
  return { ...emptyView('topic/0'), ...fields, partitions: new Map([[2, partition]]) };
}

describe('what is deleted', () => {
  const view = viewWith({ leaderEpoch: 4 }, 3, 10);
  const decide = (before: number | 'end', partition = 2, epoch: number | undefined = undefined) => {
    const { error, lowWatermark } = decideDeletion(view, { epoch, partition, before });
    return [error, lowWatermark];
  };

  it('is what lies below the offset, up to the end', () => {
    expect(decide(4)).toEqual(['NONE', 4]);
    expect(decide(10)).toEqual(['NONE', 10]);
    expect(decide('end')).toEqual(['NONE', 10]);
    expect(decide(11)).toEqual(['OFFSET_OUT_OF_RANGE', -1]);
    expect(decide(-2)).toEqual(['OFFSET_OUT_OF_RANGE', -1]);
  });

  it('is nothing below the log start', () => {
    expect(decide(2)).toEqual(['NONE', 3]);
    expect(decide(0)).toEqual(['NONE', 3]);
  });

  it('is nothing in a partition without records', () => {
    expect(decide(0, 5)).toEqual(['NONE', 0]);
    expect(decide('end', 5)).toEqual(['NONE', 0]);
    expect(decide(1, 5)).toEqual(['OFFSET_OUT_OF_RANGE', -1]);
  });

  it('is nothing under another epoch, or in a closed journal', () => {
    expect(decide(4, 2, 4)).toEqual(['NONE', 4]);
    expect(decide(4, 2, 3)).toEqual(['NOT_LEADER_OR_FOLLOWER', -1]);
    const closed = viewWith({ closed: true }, 3, 10);
    expect(decideDeletion(closed, { epoch: undefined, partition: 2, before: 4 })).toMatchObject({
      error: 'UNKNOWN_TOPIC_OR_PARTITION',
    });
  });
});

describe('a request', () => {
  const CONTEXT: RequestContext = {
    principal: 'User:somebody',
    clientId: '',
    host: '10.0.0.1',
    listener: 'PLAINTEXT',
    deadline: Number.POSITIVE_INFINITY,
    signal: new AbortController().signal,
  };
  const named = (name: string, before: RecordsToDelete['before'] = 'end') => ({
    topic: { name },
    partition: 0,
    before,
  });

  let world: AdminWorld;
  let process: AdminProcess;

  function logOf(by: AdminProcess, leads?: Partial<Leadership>): Log {
    const advertised = () => ({ host: 'here', port: 9092 });
    const solo = new Solo({ nodeId: 3, rack: null, advertised, journals: by.journals, items: {} as never });
    return openLog({
      clock: world.clock,
      turns: by.env.turns,
      partitions: by.partitions,
      leadership: leads === undefined ? solo : Object.assign(Object.create(solo), leads),
      authorize: () => ({ allows: () => true }),
      readBudget: new ReadBudget(1e9, () => 0),
      heldReaders: new HeldReaders({ meetProducer: async () => undefined }, world.clock),
      segments: {} as never,
      validation: 'full',
      transactions: { join: async () => ({ error: 'INVALID_TXN_STATE' }) },
    });
  }

  const ask = (log: Log, asked: readonly RecordsToDelete[], timeoutMs = 30_000) =>
    world.run(log.deleteRecords(CONTEXT, asked, timeoutMs));

  beforeEach(async () => {
    world = await createAdminWorld();
    process = world.admin();
    await world.created(process, 'orders');
    const batch = { topic: { name: 'orders' }, partition: 0, records: batchOf(['a', 'b'], { timestamp: T0 }) };
    await world.run(logOf(process).produce(CONTEXT, [batch], { timeoutMs: 30_000, allowsZstd: true }));
  });

  it('is answered by the deadline, also by a store that does not answer', async () => {
    process.faults = ({ store, operation }) =>
      store === 'journal' && operation === 'put' ? { delayBeforeMs: 60_000 } : undefined;
    const before = world.clock.monotonic();
    expect(await ask(logOf(process), [named('orders')], 3_000)).toMatchObject([
      { error: 'REQUEST_TIMED_OUT', lowWatermark: -1 },
    ]);
    expect(world.clock.monotonic() - before).toBe(3_000);
  });

  it('is an error of its partition if the store cannot be read', async () => {
    const cold = world.admin();
    cold.faults = () => ({ refuse: 'unavailable' });
    const failed = { error: 'KAFKA_STORAGE_ERROR', reason: expect.stringContaining('unavailable'), lowWatermark: -1 };
    expect(await ask(logOf(cold), [named('orders')])).toMatchObject([failed]);
  });

  it('is sent elsewhere by a process that does not lead the journal', async () => {
    const elsewhere = { peek: () => undefined, claim: async () => ({ kind: 'elsewhere' }) as const };
    expect(await ask(logOf(process, elsewhere), [named('orders')])).toMatchObject([
      { error: 'NOT_LEADER_OR_FOLLOWER' },
    ]);
    const former = { peek: () => ({ kind: 'leads', epoch: 7 }) as const };
    expect(await ask(logOf(process, former), [named('orders')])).toMatchObject([{ error: 'NOT_LEADER_OR_FOLLOWER' }]);
    expect(await ask(logOf(process), [named('orders', 1)])).toMatchObject([{ error: 'NONE', lowWatermark: 1 }]);
  });

  it('that loses its slot is decided again on what took it', async () => {
    const other = world.admin();
    const batch = { topic: { name: 'orders' }, partition: 0, records: batchOf(['c'], { timestamp: T0 }) };
    const log = logOf(other);
    await ask(log, [named('orders', 0)]);
    let isRaced = false;
    other.faults = ({ store, operation }) => {
      if (isRaced || store !== 'journal' || operation !== 'put') return undefined;
      isRaced = true;
      return { delayBeforeMs: 500 };
    };
    const deleting = log.deleteRecords(CONTEXT, [named('orders')], 30_000);
    await world.clock.advance(100);
    await world.run(logOf(process).produce(CONTEXT, [batch], { timeoutMs: 30_000, allowsZstd: true }));
    expect(await world.run(deleting)).toMatchObject([{ error: 'NONE', lowWatermark: 3 }]);
    expect(isRaced).toBe(true);
  });
});
