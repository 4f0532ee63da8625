import { describe, expect, it } from 'vitest';
import { decodeView, encodeView } from '../../../lib/journal/checkpoint-codec.ts';
import type { Entry } from '../../../lib/journal/entry.ts';
import {
  atBlockBoundary,
  BLOCK_BYTES,
  BLOCK_ENTRIES,
  BLOCK_ROWS_MAX,
  BLOCK_ROWS_MIN_PER_PARTITION,
} from '../../../lib/journal/view.ts';
import { Fold, meta, recordsEntry } from './entries.ts';

const DAY = 24 * 3_600_000;

describe('an entry', () => {
  it('of records moves its partitions on', () => {
    const fold = new Fold();
    fold.records([{ lastOffsetDelta: 4, maxTimestamp: 50 }, { partition: 2 }, { maxTimestamp: 30 }]);
    expect(fold.partition(0)).toMatchObject({ nextOffset: 6, maxTimestamp: 50, maxTimestampOffset: 0 });
    expect(fold.partition(2)).toMatchObject({ nextOffset: 1, maxTimestamp: 10 });
    expect(fold.view.partitions.has(1)).toBe(false);
    expect(fold.partition(0).recent).toEqual([
      { baseOffset: 0, maxTimestamp: 50, seq: 1 },
      { baseOffset: 5, maxTimestamp: 30, seq: 1 },
    ]);
  });

  it('keeps the first of several batches with the largest timestamp', () => {
    const fold = new Fold();
    for (const maxTimestamp of [5, 9, 9, 3, -1]) fold.records([{ maxTimestamp }]);
    expect(fold.partition()).toMatchObject({ maxTimestamp: 9, maxTimestampOffset: 1 });
  });

  it('of a new leader changes no offset', () => {
    const fold = new Fold();
    fold.records([{}]);
    fold.leader(4);
    expect(fold.view).toMatchObject({ leaderEpoch: 4, leader: 1, seq: 2 });
    expect(fold.partition().nextOffset).toBe(1);
  });

  it('that closes the journal is its last', () => {
    const fold = new Fold();
    fold.push({ kind: 'close', time: fold.time });
    expect(fold.view.closed).toBe(true);
    expect(() => fold.records([{}])).toThrow('after its close');
  });

  const wrong: readonly [string, Entry][] = [
    ['time of journal topic/0 goes back', recordsEntry(999, [])],
    ['continues at 3, not 1', recordsEntry(2_000, [meta({ baseOffset: 3 })])],
    ['continues at 0, not 1', recordsEntry(2_000, [meta({ baseOffset: 0 })])],
    ['leader epoch goes back', { kind: 'leaderChange', time: 2_000, leaderEpoch: 0, leader: 0 }],
    ['past its end', { kind: 'logStart', time: 2_000, starts: [{ partition: 0, offset: 2 }] }],
  ];
  it.each(wrong)('is refused where the %s', (message, entry) => {
    const fold = new Fold();
    fold.records([{}]);
    expect(() => fold.push(entry)).toThrow(message);
  });
});

describe('the log start', () => {
  it('only goes up, partition by partition', () => {
    const fold = new Fold();
    fold.records([{ lastOffsetDelta: 9 }, { partition: 1, lastOffsetDelta: 9 }]);
    fold.start(4, 10);
    fold.start(2, 10);
    expect([fold.partition(0).logStartOffset, fold.partition(1).logStartOffset]).toEqual([4, 10]);
  });

  it('of a partition without records may be 0', () => {
    const fold = new Fold();
    fold.start(0);
    expect(fold.partition().nextOffset).toBe(0);
  });

  it('drops the block rows below it but the one it lies in', () => {
    const fold = new Fold();
    for (let block = 0; block < 4; block++) {
      fold.records([{ lastOffsetDelta: 9 }], BLOCK_BYTES);
    }
    const offsets = () => fold.partition().blocks.map((row) => row.baseOffset);
    expect(offsets()).toEqual([0, 10, 20, 30]);
    fold.start(20);
    expect(offsets()).toEqual([20, 30]);
    fold.start(29);
    expect(offsets()).toEqual([20, 30]);
    fold.start(40);
    expect(offsets()).toEqual([30]);
    expect(fold.view.blockRows).toBe(1);
  });
});

describe('a block', () => {
  it.each([
    ['its 256th entry', BLOCK_ENTRIES, 1],
    ['512 KiB', 4, BLOCK_BYTES / 4],
  ])('closes with %s', (_, entries, size) => {
    const fold = new Fold();
    // Slot 0 is in the first block as well; all its bytes are taken from the first entry here.
    fold.view.blockBytes = 0;
    for (let count = 1 + (size === 1 ? 1 : 0); count < entries; count++) {
      fold.records([{}], size);
      expect(atBlockBoundary(fold.view)).toBe(false);
    }
    fold.records([{}], size);
    expect(atBlockBoundary(fold.view)).toBe(true);
    expect(fold.view).toMatchObject({ blockEntries: 0, blockBytes: 0, blockRows: 1 });
    expect(fold.partition()).toMatchObject({ recent: [], blocks: [{ baseOffset: 0, seq: 1 }] });
  });

  it('has a row for each partition with data in it, with the largest timestamp', () => {
    const fold = new Fold();
    fold.records([{ maxTimestamp: 5 }, { partition: 1 }]);
    fold.records([{ maxTimestamp: 70 }]);
    fold.records([{ maxTimestamp: 6 }], BLOCK_BYTES);
    fold.records([{ partition: 1, maxTimestamp: 3 }], BLOCK_BYTES);
    expect(fold.partition(0).blocks).toEqual([{ baseOffset: 0, maxTimestamp: 70, seq: 1 }]);
    expect(fold.partition(1).blocks).toEqual([
      { baseOffset: 0, maxTimestamp: 10, seq: 1 },
      { baseOffset: 1, maxTimestamp: 3, seq: 4 },
    ]);
    expect(fold.view.blockRows).toBe(3);
  });

  it('leaves no more rows than the bound, evenly thinned, and every offset can be found by them', () => {
    const fold = new Fold();
    const blocks = BLOCK_ROWS_MAX + 2_000;
    for (let block = 0; block < blocks; block++) {
      fold.records([{ maxTimestamp: block }, ...(block % 1_000 === 0 ? [{ partition: 1 }] : [])], BLOCK_BYTES);
      if (fold.view.blockRows > BLOCK_ROWS_MAX) throw new Error(`${fold.view.blockRows} rows`);
    }
    const rows = fold.partition().blocks;
    expect(rows.length).toBeGreaterThan(BLOCK_ROWS_MAX / 2);
    // Offset n is in slot n + 1 here: a row may lead to an earlier slot, never to a later one.
    for (const row of rows) expect(row.seq).toBe(row.baseOffset + 1);
    expect(rows[0]).toMatchObject({ baseOffset: 0 });
    const next = rows.slice(1).map((row) => row.baseOffset);
    for (const [index, row] of rows.slice(0, -1).entries()) expect(row.maxTimestamp).toBe(next[index]! - 1);
    // A partition with few rows keeps them all.
    expect(fold.partition(1).blocks).toHaveLength(Math.ceil(blocks / 1_000));
    expect(fold.view.blockRows).toBe(rows.length + fold.partition(1).blocks.length);
  });

  it('of many partitions leaves each of them some rows', () => {
    const fold = new Fold();
    const partitions = 600;
    const batches = Array.from({ length: partitions }, (_, partition) => ({ partition }));
    for (let block = 0; block < 40; block++) fold.records(batches, BLOCK_BYTES);
    for (const { blocks } of fold.view.partitions.values()) {
      expect(blocks.length).toBeGreaterThan(BLOCK_ROWS_MIN_PER_PARTITION / 2);
      expect(blocks.length).toBeLessThanOrEqual(BLOCK_ROWS_MIN_PER_PARTITION + 1);
    }
  });
});

describe('a producer that is silent', () => {
  it('for more than a day is forgotten when a block closes, not before', () => {
    const fold = new Fold();
    fold.from(1, 0);
    fold.from(2, 0);
    fold.time += DAY;
    fold.from(2, 1);
    fold.records([{}], BLOCK_BYTES);
    expect([...fold.partition().producers.keys()]).toEqual([1, 2]);
    fold.time += 1;
    fold.records([{}]);
    expect([...fold.partition().producers.keys()]).toEqual([1, 2]);
    fold.records([{}], BLOCK_BYTES);
    expect([...fold.partition().producers.keys()]).toEqual([2]);
  });

  it('within a transaction is remembered until it has ended', () => {
    const fold = new Fold();
    fold.from(1, 0, { transactional: true });
    fold.time += 30 * DAY;
    fold.records([{}], BLOCK_BYTES);
    expect(fold.partition().producers.has(1)).toBe(true);
    fold.end(1, true);
    fold.time += DAY + 1;
    fold.records([{}], BLOCK_BYTES);
    expect(fold.partition().producers.has(1)).toBe(false);
  });
});

describe('the bytes of a view', () => {
  it('do not depend on the order in which its parts came', () => {
    const [one, two] = [new Fold(), new Fold()];
    one.records([{ partition: 1 }, { partition: 0, producerId: 9, producerEpoch: 0, baseSequence: 0 }]);
    two.records([{ partition: 0, producerId: 9, producerEpoch: 0, baseSequence: 0 }, { partition: 1 }]);
    expect(encodeView(one.view)).toEqual(encodeView(two.view));
  });

  it('of another format are refused', () => {
    const bytes = encodeView(new Fold().view);
    bytes[0] = 3;
    expect(() => decodeView('topic/0', bytes)).toThrow('format 3 is newer');
  });

  it('of a view of nothing come back', () => {
    const { view } = new Fold();
    expect(decodeView('topic/0', encodeView(view))).toEqual(view);
  });
});
