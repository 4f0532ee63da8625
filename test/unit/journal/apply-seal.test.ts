import { describe, expect, it } from 'vitest';
import type { ReplaceEntry, SealEntry } from '../../../lib/journal/entry.ts';
import { BLOCK_BYTES, entriesFrom } from '../../../lib/journal/view.ts';
import { viewBytes } from '../../../lib/journal/view-bytes.ts';
import { Fold, part } from './entries.ts';

/** Slots 1 to 4: offsets 0 to 39 of partition 0, ten in each slot; 0 and 1 of partition 1, in slots 1 and 3. */
function filled(entryBytes = 100): Fold {
  const fold = new Fold();
  for (let slot = 1; slot <= 4; slot++) {
    fold.time += 100;
    const tenRecords = { lastOffsetDelta: 9, size: 50, maxTimestamp: slot };
    fold.records([tenRecords, ...(slot % 2 === 1 ? [{ partition: 1, size: 7 }] : [])], entryBytes);
  }
  return fold;
}

describe('batches', () => {
  it('are hot until they are sealed', () => {
    const fold = new Fold();
    expect(fold.view).toMatchObject({ hotBytes: 0, hotSince: -1 });
    fold.leader(1);
    expect(fold.view.hotSince).toBe(-1);
    fold.time = 2_000;
    fold.records([{ size: 50 }, { partition: 1, size: 7 }]);
    fold.time = 3_000;
    fold.end(7, true);
    fold.records([{ partition: 1, size: 8 }]);
    expect(fold.view).toMatchObject({ hotBytes: 65, hotSince: 2_000 });
    expect([fold.partition(0).hotBytes, fold.partition(1).hotBytes]).toEqual([50, 15]);
  });

  it('of a transaction marker make a journal hot as those of records do', () => {
    const fold = new Fold();
    fold.end(7, true);
    expect(fold.view.hotSince).toBe(fold.time);
  });
});

describe('a seal', () => {
  it('moves what is sealed on', () => {
    const fold = filled();
    fold.time += 100;
    fold.seal(3);
    expect(fold.view).toMatchObject({ sealedSeq: 3, sealedTime: 1_300, trimmableSeq: -1 });
    expect(fold.view.lastSeal).toMatchObject({ seq: 5, fromSeq: 0, toSeq: 3, time: 1_500, key: 'segment/topic/0/3' });
    expect(fold.partition(0)).toMatchObject({ sealedOffset: 30, segments: 1, sealedBytes: 150, segmentsFrom: 0 });
    expect(fold.partition(1)).toMatchObject({ sealedOffset: 2, segments: 1, sealedBytes: 14, segmentsFrom: 0 });
  });

  it('leaves hot what follows its last slot', () => {
    const fold = filled();
    fold.seal(3);
    expect([fold.view.hotBytes, fold.partition(0).hotBytes, fold.partition(1).hotBytes]).toEqual([50, 50, 0]);
    // Of slot 4, the first hot one, the view knows only that it came after slot 3.
    expect(fold.view.hotSince).toBe(1_300);
    fold.seal(5);
    expect(fold.view).toMatchObject({ hotBytes: 0, hotSince: -1, sealedSeq: 5, trimmableSeq: 3, trimmableTime: 1_300 });
    fold.time = 9_000;
    fold.records([{ size: 5 }]);
    expect(fold.view).toMatchObject({ hotBytes: 5, hotSince: 9_000 });
  });

  it('ends the count of the bytes that it leaves out, as of those that it has', () => {
    const fold = filled();
    const parts = [part({ nextOffset: 30, log: { start: 0, length: 50 } }), part({ partition: 1, nextOffset: 2 })];
    fold.seal(3, { parts, leftOut: [{ partition: 0, bytes: 100 }] });
    expect(fold.partition(0)).toMatchObject({ hotBytes: 50, sealedBytes: 50 });
    expect(fold.view.hotBytes).toBe(50);
  });

  it('leaves its own span to be read from entries, until the next one', () => {
    const fold = filled();
    const from = () => [entriesFrom(fold.partition(0)), entriesFrom(fold.partition(1))];
    expect(from()).toEqual([0, 0]);
    fold.seal(2);
    expect(from()).toEqual([0, 0]);
    fold.seal(4);
    expect(from()).toEqual([20, 1]);
    fold.records([{}]);
    fold.seal();
    expect(from()).toEqual([40, 2]);
  });

  it('may have no batches', () => {
    const fold = filled();
    fold.seal();
    fold.seal();
    expect(fold.view).toMatchObject({ sealedSeq: 5, trimmableSeq: 4, hotSince: -1 });
    expect(fold.view.lastSeal).toMatchObject({ parts: [] });
    expect([entriesFrom(fold.partition(0)), fold.partition(0).segments]).toEqual([40, 1]);
  });

  it('drops the rows of the slots before the span of its own', () => {
    const fold = filled();
    fold.seal(2);
    expect(fold.partition(0).recent.map((row) => row.seq)).toEqual([1, 2, 3, 4]);
    fold.seal(4);
    expect(fold.partition(0).recent.map((row) => row.seq)).toEqual([3, 4]);
    expect(fold.partition(1).recent.map((row) => row.seq)).toEqual([3]);
  });

  it('cuts the block that its span begins in', () => {
    const fold = new Fold();
    for (let block = 0; block < 3; block++) {
      fold.records([{ lastOffsetDelta: 9, maxTimestamp: 90 - block }]);
      fold.records([{ lastOffsetDelta: 9, maxTimestamp: 20 }], BLOCK_BYTES);
    }
    expect(fold.partition().blocks.map((row) => row.seq)).toEqual([1, 3, 5]);
    fold.seal(3);
    fold.seal(6);
    // The batch with the timestamp 89 is in slot 3: the row may promise more than is left.
    expect(fold.partition().blocks).toEqual([
      { baseOffset: 30, maxTimestamp: 89, seq: 4 },
      { baseOffset: 40, maxTimestamp: 88, seq: 5 },
    ]);
    expect(fold.view.blockRows).toBe(2);
  });

  it('drops a block that ends before its span, whole', () => {
    const fold = filled(BLOCK_BYTES);
    fold.seal(2);
    fold.seal(4);
    expect(fold.partition(0).blocks.map((row) => row.seq)).toEqual([3, 4]);
    expect(fold.partition(1).blocks).toEqual([{ baseOffset: 1, maxTimestamp: 10, seq: 3 }]);
    expect(fold.view.blockRows).toBe(3);
  });

  it('can follow one that cut a block of a partition without batches since', () => {
    const fold = new Fold();
    fold.records([{}, { partition: 1 }]);
    fold.records([{}], BLOCK_BYTES);
    fold.records([{}]);
    fold.seal(1);
    fold.seal(2);
    fold.seal(3);
    expect(fold.partition(1).blocks).toEqual([]);
    fold.records([{ partition: 1 }]);
    fold.seal();
    expect(fold.partition(1)).toMatchObject({ sealedOffset: 2, segments: 2 });
  });

  it('drops the aborted transactions that ended before its span', () => {
    const fold = new Fold();
    for (let sequence = 0; sequence < 3; sequence++) {
      fold.from(7, sequence, { transactional: true });
      fold.end(7, false);
    }
    const markers = () => fold.partition().aborted.map((range) => range.lastOffset);
    expect(markers()).toEqual([1, 3, 5]);
    fold.seal(3);
    expect(markers()).toEqual([1, 3, 5]);
    fold.seal(6);
    // The second one began before the span and ended in it.
    expect(markers()).toEqual([3, 5]);
  });

  it('keeps the producers and the largest timestamp', () => {
    const fold = new Fold();
    fold.from(7, 0, { maxTimestamp: 99 });
    fold.seal();
    fold.seal();
    expect(fold.partition()).toMatchObject({ maxTimestamp: 99, maxTimestampOffset: 0, nextOffset: 1 });
    expect(fold.partition().producers.has(7)).toBe(true);
  });

  it('of batches that were not counted, as those before a checkpoint of format 1, leaves nothing hot', () => {
    const fold = filled();
    Object.assign(fold.view, { hotBytes: 0, hotSince: -1 });
    for (const partition of fold.view.partitions.values()) partition.hotBytes = 0;
    fold.records([{ size: 9 }]);
    fold.seal(3);
    expect(fold.view).toMatchObject({ hotBytes: 0, hotSince: 1_300 });
    fold.seal();
    expect(fold.view).toMatchObject({ hotBytes: 0, hotSince: -1 });
  });

  const wrong: readonly [string, Partial<SealEntry>, string][] = [
    ['leaves out a slot', { fromSeq: 4 }, 'begins at slot 4, not 3'],
    ['repeats a slot', { fromSeq: 2 }, 'begins at slot 2, not 3'],
    ['ends before it begins', { toSeq: 2 }, 'ends at slot 2'],
    ['covers its own slot', { toSeq: 6 }, 'ends at slot 6 of 5'],
    ['goes back in time', { toTime: 1_199 }, 'cannot have the time 1199'],
    ['is ahead of time', { toTime: 1_401 }, 'cannot have the time 1401'],
    ['leaves out offsets', { parts: [part({ baseOffset: 21, nextOffset: 40 })] }, 'begins at 21, not 20'],
    ['repeats offsets', { parts: [part({ baseOffset: 19, nextOffset: 40 })] }, 'begins at 19, not 20'],
    ['goes past the end', { parts: [part({ baseOffset: 20, nextOffset: 41 })] }, 'cannot go from 20 to 41'],
    ['has an empty part', { parts: [part({ baseOffset: 20, nextOffset: 20 })] }, 'cannot go from 20 to 20'],
    ['has a partition that is not there', { parts: [part({ partition: 9 })] }, 'cannot go from 0 to 1'],
    ['leaves out a batch', { parts: [part({ baseOffset: 20, nextOffset: 30 })] }, 'offset 30: 30 is in 4'],
    ['leaves out a partition', { parts: [part({ baseOffset: 20, nextOffset: 40 })] }, 'partition 1 ends at slot 4'],
    ['has a batch of a later slot', { toSeq: 3 }, 'slot 3, offset 40: 30 is in 4'],
    ['leaves out what is not in its span', { leftOut: [{ partition: 9, bytes: 1 }] }, 'batches of partition 9'],
    [
      'has its partitions in another order',
      { parts: [part({ partition: 1, baseOffset: 1, nextOffset: 2 }), part({ baseOffset: 20, nextOffset: 40 })] },
      'has partition 0 after 1',
    ],
  ];
  it.each(wrong)('that %s is refused', (_, fields, message) => {
    for (const entryBytes of [100, BLOCK_BYTES]) {
      const fold = filled(entryBytes);
      fold.seal(2);
      expect(() => fold.seal(4, fields)).toThrow(message);
    }
  });
});

describe('the segments of a partition', () => {
  const replacement: ReplaceEntry = {
    kind: 'replace',
    time: 2_000,
    partition: 0,
    baseOffset: 10,
    nextOffset: 30,
    key: 'segment/topic/p0/10',
    parts: [part({ baseOffset: 10, nextOffset: 30, log: { start: 0, length: 60 } })],
    removedSegments: 2,
    removedBytes: 100,
  };

  /** Four segments of partition 0 with 50 bytes each. */
  function sealed(): Fold {
    const fold = filled();
    for (let slot = 1; slot <= 4; slot++) fold.seal(slot);
    return fold;
  }

  it('are counted again when some are replaced', () => {
    const fold = sealed();
    expect(fold.partition()).toMatchObject({ segments: 4, sealedBytes: 200 });
    expect(fold.partition().replacedSeq).toBe(-1);
    fold.push(replacement);
    const { seq: replacedSeq } = fold.view;
    expect(fold.partition()).toMatchObject({ segments: 3, sealedBytes: 160, sealedOffset: 40, replacedSeq });
  });

  const wrong: readonly [string, Partial<ReplaceEntry>][] = [
    ['is not in segments', { nextOffset: 41, parts: [part({ baseOffset: 10, nextOffset: 41 })] }],
    ['is not in segments', { baseOffset: 4, parts: [part({ baseOffset: 4, nextOffset: 30 })] }],
    ['goes on with offset 11', { parts: [part({ baseOffset: 11, nextOffset: 30 })] }],
    ['goes on with offset 10 of partition 1', { parts: [part({ partition: 1, baseOffset: 10, nextOffset: 30 })] }],
    ['goes on with offset 21', { parts: [part({ baseOffset: 10, nextOffset: 20 }), part({ baseOffset: 21 })] }],
    ['ends at 20', { parts: [part({ baseOffset: 10, nextOffset: 20 })] }],
    ['ends at 10', { parts: [] }],
    ['removes 5 of 4 segments', { removedSegments: 5 }],
    ['removes 0 of 4 segments', { removedSegments: 0 }],
    ['removes 2 of 4 segments', { removedBytes: 201 }],
    ['is not in segments', { partition: 9 }],
  ];
  it.each(wrong)('are not replaced by what %s', (message, fields) => {
    const fold = sealed();
    fold.push({ kind: 'logStart', time: 2_000, starts: [{ partition: 0, offset: 5, segmentsFrom: 5 }] });
    expect(() => fold.push({ ...replacement, ...fields })).toThrow(message);
  });

  it('stop counting below the log start', () => {
    const fold = sealed();
    const start = { partition: 0, offset: 25, segmentsFrom: 20, segments: 2, bytes: 100 };
    fold.push({ kind: 'logStart', time: 2_000, starts: [start] });
    expect(fold.partition()).toMatchObject({ logStartOffset: 25, segmentsFrom: 20, segments: 2, sealedBytes: 100 });
  });

  it('stop counting also after the log start has moved without them', () => {
    const fold = sealed();
    fold.start(25);
    expect(fold.partition()).toMatchObject({ logStartOffset: 25, segmentsFrom: 0, segments: 4 });
    const start = { partition: 0, offset: 25, segmentsFrom: 20, segments: 2, bytes: 100 };
    fold.push({ kind: 'logStart', time: 2_000, starts: [start] });
    expect(fold.partition()).toMatchObject({ logStartOffset: 25, segmentsFrom: 20, segments: 2, sealedBytes: 100 });
  });

  it.each([
    ['cannot count from 26', { segmentsFrom: 26 }],
    ['cannot count from 9', { segmentsFrom: 9 }],
    ['5 of 4 segments of partition 0', { segments: 5 }],
    ['2 of 4 segments of partition 0', { bytes: 201 }],
  ])('do not stop counting where they %s', (message, fields) => {
    const fold = sealed();
    fold.push({ kind: 'logStart', time: 2_000, starts: [{ partition: 0, offset: 10, segmentsFrom: 10 }] });
    const start = { partition: 0, offset: 25, segmentsFrom: 20, segments: 2, bytes: 100, ...fields };
    expect(() => fold.push({ kind: 'logStart', time: 2_000, starts: [start] })).toThrow(message);
  });
});

it('a view takes more memory by the parts of its newest seal', () => {
  const fold = filled();
  const before = viewBytes(fold.view);
  fold.seal();
  expect(viewBytes(fold.view) - before).toBeGreaterThanOrEqual(2 * 300);
  fold.seal();
  fold.seal();
  expect(viewBytes(fold.view)).toBeLessThan(before);
});
