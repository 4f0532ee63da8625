import { describe, expect, it } from 'vitest';
import { MAX_OFFSET } from '../../../lib/core/offset.ts';
import { type BatchToAppend, decideAppend } from '../../../lib/journal/decide-append.ts';
import { Draft } from '../../../lib/journal/draft.ts';
import { Fold } from './entries.ts';
import { batch, sequenced } from './world.ts';

const transactional = { transactional: true } as const;
const verified = { transactional: true, transactionVerified: true } as const;
const MAX_SEQUENCE = 2 ** 31 - 1;

/** Producer 7 wrote sequences 0 and 1 to 3 with epoch 2; producer 8 has a transaction open; 10 records in all. */
function state(): Fold {
  const fold = new Fold();
  fold.from(7, 0, { producerEpoch: 2, maxTimestamp: 77 });
  fold.from(7, 1, { producerEpoch: 2, lastOffsetDelta: 2 });
  fold.from(8, 0, transactional);
  fold.records([{ lastOffsetDelta: 4 }]);
  return fold;
}

const appended = { kind: 'append', baseOffset: 10 };
const refused = (error: string) => ({ kind: 'rejected', error });
const outOfOrder = refused('OUT_OF_ORDER_SEQUENCE_NUMBER');

describe('a batch', () => {
  const cases: readonly [string, BatchToAppend, object][] = [
    ['without a producer', batch('x'), appended],
    ['of an unknown producer, from anywhere', sequenced('x', 500, { producerId: 99 }), appended],
    ['that is next', sequenced('x', 4, { producerEpoch: 2 }), appended],
    ['that skips one', sequenced('x', 5, { producerEpoch: 2 }), outOfOrder],
    [
      'that repeats the first',
      sequenced('x', 0, { producerEpoch: 2 }),
      { kind: 'duplicate', baseOffset: 0, timestamp: 77 },
    ],
    [
      'that repeats the last',
      sequenced('x', 1, { producerEpoch: 2, lastOffsetDelta: 2 }),
      { kind: 'duplicate', baseOffset: 1 },
    ],
    ['that repeats a part of one', sequenced('x', 1, { producerEpoch: 2 }), outOfOrder],
    ['of an older epoch', sequenced('x', 4, { producerEpoch: 1 }), refused('INVALID_PRODUCER_EPOCH')],
    [
      'that repeats, but with an older epoch',
      sequenced('x', 0, { producerEpoch: 1 }),
      refused('INVALID_PRODUCER_EPOCH'),
    ],
    ['of a new epoch from 0', sequenced('x', 0, { producerEpoch: 3 }), appended],
    ['of a new epoch from elsewhere', sequenced('x', 4, { producerEpoch: 3 }), outOfOrder],
    [
      'of another partition, where nothing is known',
      sequenced('x', 9, { partition: 1 }),
      { kind: 'append', baseOffset: 0 },
    ],
    ['that continues its transaction', sequenced('x', 1, { producerId: 8, ...transactional }), appended],
    ['outside of its open transaction', sequenced('x', 1, { producerId: 8 }), refused('INVALID_TXN_STATE')],
    [
      'that begins a transaction unasked',
      sequenced('x', 4, { producerEpoch: 2, ...transactional }),
      refused('INVALID_TXN_STATE'),
    ],
    ['that begins a verified transaction', sequenced('x', 4, { producerEpoch: 2, ...verified }), appended],
    [
      'of an unknown producer that begins one unasked',
      sequenced('x', 0, { producerId: 99, ...transactional }),
      refused('INVALID_TXN_STATE'),
    ],
    ['that would be past the last offset', batch('x', { lastOffsetDelta: MAX_OFFSET }), refused('INVALID_RECORD')],
  ];
  it.each(cases)('%s', (_, one, expected) => {
    expect(decideAppend(new Draft(state().view), one)).toMatchObject(expected);
  });

  it('of an unknown producer is not the first behind one that failed', () => {
    const unknown = sequenced('x', 4, { producerId: 99 });
    expect(decideAppend(new Draft(state().view), unknown)).toMatchObject({ kind: 'append' });
    expect(decideAppend(new Draft(state().view), unknown, true)).toMatchObject(outOfOrder);
  });

  it('is a repetition only of one of the last five', () => {
    const fold = new Fold();
    for (let sequence = 0; sequence < 7; sequence++) fold.from(7, sequence);
    const decisions = [0, 1, 2, 3, 6].map((sequence) => decideAppend(new Draft(fold.view), sequenced('x', sequence)));
    expect(decisions.map((one) => ('baseOffset' in one ? one.baseOffset : one.kind))).toEqual([
      'rejected',
      'rejected',
      2,
      3,
      6,
    ]);
  });

  it.each([
    [MAX_SEQUENCE, 0, 0],
    [MAX_SEQUENCE - 1, 1, 0],
    [MAX_SEQUENCE - 1, 3, 2],
  ])('after one from sequence %i with %i more records begins at %i', (baseSequence, lastOffsetDelta, next) => {
    const fold = new Fold();
    fold.from(7, baseSequence, { lastOffsetDelta });
    expect(decideAppend(new Draft(fold.view), sequenced('x', next))).toMatchObject({ kind: 'append' });
    expect(decideAppend(new Draft(fold.view), sequenced('x', next + 1))).toMatchObject(outOfOrder);
    const again = sequenced('x', baseSequence, { lastOffsetDelta });
    expect(decideAppend(new Draft(fold.view), again)).toMatchObject({ kind: 'duplicate', baseOffset: 0 });
  });

  it('after a marker begins anew at 0 in a new epoch, and goes on in the same', () => {
    const fold = new Fold();
    fold.from(7, 0, transactional);
    fold.end(7, true);
    expect(decideAppend(new Draft(fold.view), sequenced('x', 1, verified))).toMatchObject({ kind: 'append' });
    fold.end(7, false, [0], 1);
    const draft = new Draft(fold.view);
    expect(decideAppend(draft, sequenced('x', 1, { producerEpoch: 1 }))).toMatchObject(outOfOrder);
    expect(decideAppend(draft, sequenced('x', 0, { producerEpoch: 1 }))).toMatchObject({ kind: 'append' });
  });

  it('of a closed journal is refused, also a repetition', () => {
    const fold = state();
    fold.push({ kind: 'close', time: fold.time });
    const decision = decideAppend(new Draft(fold.view), sequenced('x', 0, { producerEpoch: 2 }));
    expect(decision).toMatchObject(refused('UNKNOWN_TOPIC_OR_PARTITION'));
  });
});
