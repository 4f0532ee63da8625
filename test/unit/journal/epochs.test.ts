import { describe, expect, it } from 'vitest';
import { emptyPartition, epochEnd } from '../../../lib/journal/view.ts';
import { Fold } from './entries.ts';

/** Epoch 0: offsets 0 to 9; 2: 10 to 19; 3: nothing; 5: 20 to 29; 6: nothing. The present one is 7, nothing yet. */
function log(): Fold {
  const fold = new Fold();
  for (const [epoch, records] of [
    [0, 10],
    [2, 10],
    [3, 0],
    [5, 10],
    [6, 0],
    [7, 0],
  ] as const) {
    if (epoch > 0) fold.leader(epoch);
    if (records > 0) fold.records([{ lastOffsetDelta: records - 1 }]);
  }
  return fold;
}

// The answers are those of Kafka's LeaderEpochFileCache.endOffsetFor over the same log.
describe('the end of an epoch', () => {
  it.each([
    [0, { epoch: 0, endOffset: 10 }],
    [1, { epoch: 0, endOffset: 10 }],
    [2, { epoch: 2, endOffset: 20 }],
    [3, { epoch: 2, endOffset: 20 }],
    [4, { epoch: 2, endOffset: 20 }],
    [5, { epoch: 5, endOffset: 30 }],
    [6, { epoch: 5, endOffset: 30 }],
    [7, { epoch: 7, endOffset: 30 }],
    [8, undefined],
    [-1, undefined],
  ])('%i is %j', (requested, expected) => {
    const { view } = log();
    expect(epochEnd(view.partitions.get(0)!, view.leaderEpoch, requested)).toEqual(expected);
  });

  it.each([
    [5, 1, { epoch: 0, endOffset: 10 }],
    [10, 1, { epoch: 1, endOffset: 10 }],
    [15, 0, { epoch: 0, endOffset: 15 }],
    [15, 2, { epoch: 2, endOffset: 20 }],
    [30, 4, { epoch: 4, endOffset: 30 }],
    [30, 5, { epoch: 5, endOffset: 30 }],
  ])('once the log starts at %i: %i is %j', (start, requested, expected) => {
    const fold = log();
    fold.start(start);
    expect(epochEnd(fold.partition(), fold.view.leaderEpoch, requested)).toEqual(expected);
  });

  it.each([
    [0, { epoch: 0, endOffset: 0 }],
    [3, { epoch: 3, endOffset: 0 }],
    [4, undefined],
  ])('%i of a partition without records is %j', (requested, expected) => {
    expect(epochEnd(emptyPartition(0), 3, requested)).toEqual(expected);
  });
});

it('epochs begin with the first record under them, markers included', () => {
  const fold = new Fold();
  fold.from(1, 0, { transactional: true });
  fold.leader(1);
  fold.end(1, true);
  fold.leader(2);
  fold.records([{ partition: 1 }]);
  expect(fold.partition(0).epochs).toEqual([
    { epoch: 0, startOffset: 0 },
    { epoch: 1, startOffset: 1 },
  ]);
  expect(fold.partition(1).epochs).toEqual([{ epoch: 2, startOffset: 0 }]);
});
