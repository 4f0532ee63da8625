import { describe, expect, it } from 'vitest';
import { afterMarker } from '../../../lib/journal/producers.ts';
import { abortedBetween, lastStableOffset } from '../../../lib/journal/view.ts';
import { Fold } from './entries.ts';

const transactional = { transactional: true } as const;

describe('the last stable offset', () => {
  it('is the end where no transaction is open', () => {
    const fold = new Fold();
    fold.from(1, 0);
    fold.records([{ lastOffsetDelta: 3 }]);
    expect(lastStableOffset(fold.partition())).toBe(5);
  });

  it('stays at the first offset of the oldest open transaction', () => {
    const fold = new Fold();
    fold.records([{ lastOffsetDelta: 1 }]);
    fold.from(1, 0, transactional);
    fold.from(2, 0, transactional);
    fold.from(1, 1, transactional);
    expect(lastStableOffset(fold.partition())).toBe(2);
    fold.end(1, true);
    expect(lastStableOffset(fold.partition())).toBe(3);
    fold.end(2, false);
    expect(lastStableOffset(fold.partition())).toBe(7);
  });

  it('is each partition its own', () => {
    const fold = new Fold();
    fold.from(1, 0, transactional);
    fold.from(1, 0, { ...transactional, partition: 1 });
    fold.end(1, true, [0]);
    expect([0, 1].map((partition) => lastStableOffset(fold.partition(partition)))).toEqual([2, 0]);
  });

  it('is never below the log start', () => {
    const fold = new Fold();
    fold.from(1, 0, transactional);
    fold.records([{ lastOffsetDelta: 9 }]);
    fold.start(6);
    expect(lastStableOffset(fold.partition())).toBe(6);
  });
});

describe('aborted transactions', () => {
  it('are remembered from their first record to their marker, those that committed are not', () => {
    const fold = new Fold();
    fold.from(1, 0, transactional);
    fold.from(2, 0, transactional);
    fold.records([{ lastOffsetDelta: 5 }]);
    fold.end(2, false);
    fold.end(1, true);
    fold.from(1, 1, transactional);
    fold.end(1, false);
    expect(fold.partition().aborted).toEqual([
      { producerId: 2, firstOffset: 1, lastOffset: 8, lastStableOffset: 0 },
      { producerId: 1, firstOffset: 10, lastOffset: 11, lastStableOffset: 12 },
    ]);
  });

  it.each([
    [0, 1, []],
    [0, 2, [2]],
    [8, 9, [2]],
    [9, 10, []],
    [9, 11, [1]],
    [0, 100, [2, 1]],
    [12, 100, []],
    [5, 5, [2]],
  ])('in offsets %i to %i are those of producers %j', (from, to, producers) => {
    const fold = new Fold();
    fold.from(1, 0);
    fold.from(2, 0, transactional);
    fold.records([{ lastOffsetDelta: 5 }]);
    fold.end(2, false);
    fold.from(5, 0);
    fold.from(1, 1, transactional);
    fold.end(1, false);
    expect(abortedBetween(fold.partition(), from, to).map((range) => range.producerId)).toEqual(producers);
  });

  it('below the log start are forgotten', () => {
    const fold = new Fold();
    for (const sequence of [0, 1, 2]) {
      fold.from(1, sequence, transactional);
      fold.end(1, false);
    }
    fold.start(3);
    expect(fold.partition().aborted.map((range) => range.lastOffset)).toEqual([3, 5]);
    fold.start(4);
    expect(fold.partition().aborted.map((range) => range.lastOffset)).toEqual([5]);
  });

  it('are none where nothing was open', () => {
    const fold = new Fold();
    fold.end(1, false);
    expect(fold.partition()).toMatchObject({ aborted: [], nextOffset: 1 });
  });
});

describe('a marker', () => {
  it('of a newer epoch fences the old one and begins its sequences anew', () => {
    const fold = new Fold();
    fold.from(1, 0, transactional);
    fold.end(1, false, [0], 1);
    expect(fold.partition().producers.get(1)).toMatchObject({ epoch: 1, batches: [], transactionStart: -1 });
  });

  it('of the same epoch keeps what a repetition is known by', () => {
    const fold = new Fold();
    fold.from(1, 0, transactional);
    fold.end(1, true);
    expect(fold.partition().producers.get(1)).toMatchObject({ epoch: 0, batches: [{ baseSequence: 0 }] });
  });

  it('of a producer that is not known makes its epoch known', () => {
    expect(afterMarker(undefined, 3, 7)).toEqual({ epoch: 3, batches: [], lastTime: 7, transactionStart: -1 });
  });
});
