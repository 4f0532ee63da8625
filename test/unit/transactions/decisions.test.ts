import { describe, expect, it } from 'vitest';
import type { TransactionState, TransactionStatus } from '../../../lib/storage/items/transaction.ts';
import { decideAdd, decideVerify } from '../../../lib/transactions/decide-add.ts';
import { complete, decideEnd, decideTimeout } from '../../../lib/transactions/decide-end.ts';
import { decideExpiry } from '../../../lib/transactions/decide-expiry.ts';
import { decideInit } from '../../../lib/transactions/decide-init.ts';
import type { TransactionDecision } from '../../../lib/transactions/decision.ts';

const TOPIC = 'AAECAwQFBgcICQoLDA0ODw';
const NOW = 1_000_000;

const base: TransactionState = {
  transactionalId: 't',
  status: 'Empty',
  transaction: 5,
  producerId: 10,
  producerEpoch: 3,
  lastProducerEpoch: 2,
  previousProducerId: -1,
  nextProducerId: -1,
  protocol: 2,
  timeoutMs: 60_000,
  partitions: new Map(),
  groups: new Set(),
  startedAt: -1,
  updatedAt: 0,
};
const ongoing: TransactionState = {
  ...base,
  status: 'Ongoing',
  startedAt: NOW,
  partitions: new Map([[TOPIC, new Set([0])]]),
};

function summary(decision: TransactionDecision): string {
  switch (decision.kind) {
    case 'refused':
      return decision.error;
    case 'put':
      return `${decision.state.status} ${decision.state.producerId}/${decision.state.producerEpoch}`;
    default:
      return decision.kind;
  }
}

const init = (state: TransactionState | undefined, more: object = {}) =>
  decideInit(
    state,
    {
      transactionalId: 't',
      timeoutMs: 60_000,
      timeoutMaxMs: 900_000,
      expected: undefined,
      newProducerId: undefined,
      ...more,
    },
    NOW,
  );
const end = (
  state: TransactionState | undefined,
  epoch: number,
  commit = true,
  protocol: 1 | 2 = 2,
  more: object = {},
) =>
  decideEnd(state, { producerId: 10, producerEpoch: epoch, commit, protocol, newProducerId: undefined, ...more }, NOW);
const add = (state: TransactionState | undefined, epoch = 3, partition = 0, producerId = 10) => ({
  ...{ producerId, producerEpoch: epoch, groups: [], partitions: new Map([[TOPIC, new Set([partition])]]) },
  state,
});
const at = (status: TransactionStatus, more: Partial<TransactionState> = {}): TransactionState => ({
  ...ongoing,
  status,
  ...more,
});
const id = (producerId: number, producerEpoch: number) => ({ expected: { producerId, producerEpoch } });

/** Rows from Kafka: TransactionCoordinator.handleInitProducerId, prepareInitProducerIdTransit. */
describe('InitProducerId', () => {
  it.each<[string, TransactionDecision, string]>([
    ['an empty id', init(undefined, { transactionalId: '' }), 'INVALID_REQUEST'],
    ['no time-out', init(undefined, { timeoutMs: 0 }), 'INVALID_TRANSACTION_TIMEOUT'],
    ['a time-out above the largest', init(undefined, { timeoutMs: 900_001 }), 'INVALID_TRANSACTION_TIMEOUT'],
    ['a new id', init(undefined), 'needsProducerId'],
    ['a new id with a producer id', init(undefined, { newProducerId: 77 }), 'Empty 77/0'],
    ['an id that is there', init(base), 'Empty 10/4'],
    ['an id whose transaction is prepared', init(at('PrepareCommit')), 'finish'],
    ['an id whose transaction is open', init(ongoing), 'PrepareAbort 10/4'],
    ['an id whose transaction is complete', init(at('CompleteAbort')), 'Empty 10/4'],
    ['the current epoch expected', init(base, id(10, 3)), 'Empty 10/4'],
    ['the epoch before expected: a repeated request', init(base, id(10, 2)), 'Empty 10/3'],
    ['an older epoch expected', init(base, id(10, 1)), 'PRODUCER_FENCED'],
    ['another producer id expected', init(base, id(11, 3)), 'PRODUCER_FENCED'],
    ['an exhausted epoch', init({ ...base, producerEpoch: 32_766 }, { newProducerId: 77 }), 'Empty 77/0'],
    ['an exhausted epoch without a new id', init({ ...base, producerEpoch: 32_766 }), 'needsProducerId'],
    ['the epoch below the exhausted', init({ ...base, producerEpoch: 32_765 }), 'Empty 10/32766'],
    ['a fence of the last epoch without a new id', init({ ...ongoing, producerEpoch: 32_766 }), 'needsProducerId'],
    [
      'a fence of the last epoch',
      init({ ...ongoing, producerEpoch: 32_766 }, { newProducerId: 77 }),
      'PrepareAbort 10/32767',
    ],
  ])('%s', (_, decision, expected) => {
    expect(summary(decision)).toBe(expected);
  });

  it('answers a repeated roll-over with the new producer id', () => {
    const before = { ...base, producerEpoch: 32_766 };
    const rolled = init(before, { ...id(10, 32_766), newProducerId: 77 });
    expect(rolled).toMatchObject({ kind: 'put', state: { previousProducerId: 10, lastProducerEpoch: 32_766 } });
    if (rolled.kind !== 'put') return;
    expect(summary(init(rolled.state, id(10, 32_766)))).toBe('Empty 77/0');
  });
});

/** Rows from Kafka: TransactionCoordinator.endTransaction. */
describe('EndTxn', () => {
  it.each<[string, TransactionDecision, string]>([
    ['an unknown id', end(undefined, 3), 'INVALID_PRODUCER_ID_MAPPING'],
    ['another producer id', end(ongoing, 3, true, 2, { producerId: 11 }), 'INVALID_PRODUCER_ID_MAPPING'],
    ['an older epoch', end(ongoing, 2), 'PRODUCER_FENCED'],
    ['a newer epoch', end(ongoing, 4), 'PRODUCER_FENCED'],
    ['version 1 commits', end(ongoing, 3, true, 1), 'PrepareCommit 10/3'],
    ['version 1 aborts', end(ongoing, 3, false, 1), 'PrepareAbort 10/3'],
    ['version 2 commits', end(ongoing, 3), 'PrepareCommit 10/4'],
    ['version 2 aborts', end(ongoing, 3, false), 'PrepareAbort 10/4'],
    ['version 2 at the last epoch', end({ ...ongoing, producerEpoch: 32_766 }, 32_766), 'needsProducerId'],
    [
      'version 1 at the last epoch',
      end({ ...ongoing, producerEpoch: 32_766 }, 32_766, true, 1),
      'PrepareCommit 10/32766',
    ],
    ['version 2 commits nothing', end(base, 3), 'INVALID_TXN_STATE'],
    ['version 2 aborts nothing', end(base, 3, false), 'PrepareAbort 10/4'],
    ['version 1 aborts nothing', end(base, 3, false, 1), 'INVALID_TXN_STATE'],
    ['the same end again, prepared', end(at('PrepareCommit'), 2), 'finish'],
    ['the other end, prepared', end(at('PrepareCommit'), 2, false), 'INVALID_TXN_STATE'],
    ['the same end again, complete', end(at('CompleteCommit'), 2), 'done'],
    ['the other end, complete', end(at('CompleteCommit'), 2, false), 'INVALID_TXN_STATE'],
    ['the epoch of the markers, prepared', end(at('PrepareCommit'), 3), 'PRODUCER_FENCED'],
    ['version 1 again, prepared', end(at('PrepareAbort', { protocol: 1 }), 3, false, 1), 'finish'],
    ['version 1 again, complete', end(at('CompleteAbort', { protocol: 1 }), 3, false, 1), 'done'],
    ['the next commit without data, complete', end(at('CompleteCommit'), 3), 'INVALID_TXN_STATE'],
    ['the next abort without data, complete', end(at('CompleteCommit'), 3, false), 'PrepareAbort 10/4'],
    ['version 1 again after a version 2 end', end(at('CompleteCommit'), 2, true, 1), 'PRODUCER_FENCED'],
    ['version 2 after a version 1 end', end(at('CompleteCommit', { protocol: 1 }), 3), 'INVALID_TXN_STATE'],
    [
      'the old producer id after a roll-over',
      end({ ...base, producerEpoch: 0, previousProducerId: 9 }, 32_766, true, 2, { producerId: 9 }),
      'PRODUCER_FENCED',
    ],
  ])('%s', (_, decision, expected) => {
    expect(summary(decision)).toBe(expected);
  });

  it('rolls over to a new producer id, and knows the request that is sent again', () => {
    const last = { ...ongoing, producerEpoch: 32_766 };
    const prepared = end(last, 32_766, true, 2, { newProducerId: 77 });
    expect(summary(prepared)).toBe('PrepareCommit 10/32767');
    if (prepared.kind !== 'put') return;
    expect(summary(end(prepared.state, 32_766))).toBe('finish');
    const over = complete(prepared.state, NOW);
    expect(over).toMatchObject({ status: 'CompleteCommit', producerId: 77, producerEpoch: 0, previousProducerId: 10 });
    expect(summary(end(over, 32_766))).toBe('done');
    expect(summary(end(over, 32_766, false))).toBe('INVALID_TXN_STATE');
  });

  it('leaves no partition and no group behind', () => {
    const over = complete(at('PrepareAbort', { groups: new Set(['g']) }), NOW + 1);
    expect(over).toMatchObject({ status: 'CompleteAbort', partitions: new Map(), groups: new Set(), transaction: 5 });
  });
});

/** Rows from Kafka: handleAddPartitionsToTransaction, handleVerifyPartitionsInTransaction. */
describe('adding partitions', () => {
  it.each<[string, ReturnType<typeof add>, string, string]>([
    ['an unknown id', add(undefined), 'INVALID_PRODUCER_ID_MAPPING', 'INVALID_PRODUCER_ID_MAPPING'],
    ['another producer id', add(ongoing, 3, 0, 11), 'INVALID_PRODUCER_ID_MAPPING', 'INVALID_PRODUCER_ID_MAPPING'],
    ['an older epoch', add(ongoing, 2), 'PRODUCER_FENCED', 'PRODUCER_FENCED'],
    ['a newer epoch', add(ongoing, 4), 'PRODUCER_FENCED', 'PRODUCER_FENCED'],
    ['prepared', add(at('PrepareCommit')), 'finish', 'finish'],
    ['the same partition', add(ongoing), 'done', 'done'],
    ['another partition', add(ongoing, 3, 1), 'Ongoing 10/3', 'TRANSACTION_ABORTABLE'],
    ['empty', add(base), 'Ongoing 10/3', 'TRANSACTION_ABORTABLE'],
    ['complete', add(at('CompleteCommit')), 'Ongoing 10/3', 'TRANSACTION_ABORTABLE'],
  ])('%s', (_, { state, ...request }, added, verified) => {
    expect(summary(decideAdd(state, request, NOW))).toBe(added);
    expect(summary(decideVerify(state, request))).toBe(verified);
  });

  it('begins a transaction with a number and a start of its own, and goes on with those', () => {
    const { state, ...request } = add(base);
    const first = decideAdd(state, request, NOW);
    expect(first).toMatchObject({ state: { transaction: 6, startedAt: NOW } });
    if (first.kind !== 'put') return;
    const more = decideAdd(first.state, { ...add(base, 3, 8), groups: ['g'] }, NOW + 5);
    expect(more).toMatchObject({
      state: {
        transaction: 6,
        startedAt: NOW,
        partitions: new Map([[TOPIC, new Set([0, 8])]]),
        groups: new Set(['g']),
      },
    });
  });
});

describe('a time-out', () => {
  it('aborts under a new epoch once the transaction is older', () => {
    expect(summary(decideTimeout(ongoing, NOW + 60_000, undefined))).toBe('done');
    const fenced = decideTimeout(ongoing, NOW + 60_001, undefined);
    expect(summary(fenced)).toBe('PrepareAbort 10/4');
    if (fenced.kind !== 'put') return;
    const over = complete(fenced.state, NOW);
    expect(summary(end(over, 3))).toBe('INVALID_TXN_STATE');
    expect(summary(end(over, 3, true, 1))).toBe('PRODUCER_FENCED');
    expect(summary(init(over))).toBe('Empty 10/5');
  });

  it('tells the epoch to a producer that aborts by itself, until a successor has bumped it', () => {
    const fenced = decideTimeout(ongoing, NOW + 60_001, undefined);
    if (fenced.kind !== 'put') throw new Error('the transaction has timed out');
    expect(summary(end(fenced.state, 3, false))).toBe('finish');
    const over = complete(fenced.state, NOW);
    expect(end(over, 3, false)).toMatchObject({ kind: 'done', state: { producerEpoch: 4 } });
    expect(summary(init(over, id(10, 3)))).toBe('Empty 10/4');
    const succeeded = init(over);
    if (succeeded.kind !== 'put') throw new Error('a successor is welcome');
    expect(summary(end(succeeded.state, 3, false))).toBe('PRODUCER_FENCED');
    expect(summary(end(succeeded.state, 4, false))).toBe('PRODUCER_FENCED');
  });

  it('rolls the last epoch over', () => {
    const last = { ...ongoing, producerEpoch: 32_766 };
    expect(summary(decideTimeout(last, NOW + 60_001, undefined))).toBe('needsProducerId');
    const fenced = decideTimeout(last, NOW + 60_001, 77);
    expect(summary(fenced)).toBe('PrepareAbort 10/32767');
    if (fenced.kind !== 'put') return;
    expect(complete(fenced.state, NOW)).toMatchObject({ producerId: 77, producerEpoch: 0, lastProducerEpoch: 32_766 });
  });

  it('finishes what is prepared, and leaves the rest', () => {
    expect(summary(decideTimeout(at('PrepareCommit'), NOW * 2, undefined))).toBe('finish');
    expect(summary(decideTimeout(base, NOW * 2, undefined))).toBe('done');
  });
});

describe('the expiry of a transactional id', () => {
  const idle = { updatedAt: NOW };

  it.each<[TransactionStatus, string]>([
    ['Empty', 'Dead 10/3'],
    ['Ongoing', 'done'],
    ['PrepareCommit', 'done'],
    ['PrepareAbort', 'done'],
    ['CompleteCommit', 'Dead 10/3'],
    ['CompleteAbort', 'Dead 10/3'],
    ['Dead', 'done'],
  ])('%s', (status, expected) => {
    expect(summary(decideExpiry(at(status, idle), NOW + 500, 500))).toBe(expected);
    expect(summary(decideExpiry(at(status, idle), NOW + 499, 500))).toBe('done');
  });
});
