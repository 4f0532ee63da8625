import { describe, expect, it } from 'vitest';
import { TransactionTracker } from '../../../../lib/segments/format/transaction-tracker.ts';

describe('the transactions of a partition', () => {
  it('are told when they are aborted, with the first offset that is open then', () => {
    const tracker = new TransactionTracker();
    tracker.data(1, 10);
    tracker.data(2, 12);
    tracker.data(1, 14);
    const first = { producerId: 1, firstOffset: 10, lastOffset: 20, lastStableOffset: 12 };
    expect(tracker.marker(1, 'abort', 20)).toEqual(first);
    const second = { producerId: 2, firstOffset: 12, lastOffset: 21, lastStableOffset: 22 };
    expect(tracker.marker(2, 'abort', 21)).toEqual(second);
    expect(tracker.open.size).toBe(0);
  });

  it('are not told when they are committed or have no records', () => {
    const tracker = new TransactionTracker();
    expect(tracker.marker(1, 'abort', 5)).toBeUndefined();
    tracker.data(1, 6);
    expect(tracker.marker(1, 'commit', 7)).toBeUndefined();
    expect(tracker.marker(1, 'abort', 8)).toBeUndefined();
  });

  it('may be open from the start', () => {
    const tracker = new TransactionTracker([[9, 3]]);
    tracker.data(9, 40);
    expect(tracker.marker(9, 'abort', 50)).toMatchObject({ firstOffset: 3, lastOffset: 50 });
  });
});
