import { describe, expect, it } from 'vitest';
import { decodeView, encodeView } from '../../../lib/journal/checkpoint-codec.ts';
import type { ImportEntry, ImportedPartition } from '../../../lib/journal/import-entry.ts';
import { entriesFrom, settledTime } from '../../../lib/journal/view.ts';
import { Fold, part } from './entries.ts';

const imported = (fields: Partial<ImportedPartition> = {}): ImportedPartition => ({
  partition: 0,
  epochs: [],
  openTransactions: [],
  producers: [],
  ...fields,
});

/** An import that follows the newest seal. */
function importOf(fold: Fold, fields: Partial<ImportEntry>): ImportEntry {
  const { sealedSeq, seq, time } = fold.view;
  return {
    kind: 'import',
    time: fold.time,
    fromSeq: sealedSeq + 1,
    toSeq: seq,
    toTime: time,
    key: 'k',
    parts: [],
    partitions: [],
    ...fields,
  };
}

const START = { start: { baseOffset: 100, logStartOffset: 103 } };
const STATE = { epoch: 2, lastTime: 900, transactionStart: -1, batches: [] };

/** Two partitions: one with two parts and a producer, one without records. */
function filled(): Fold {
  const fold = new Fold();
  fold.leader(4);
  fold.time += 100;
  const first = part({ baseOffset: 100, nextOffset: 110, maxTimestamp: 50, maxTimestampOffset: 104 });
  const epochs = [{ epoch: 1, startOffset: 90 }];
  fold.push(
    importOf(fold, {
      parts: [{ ...first, log: { start: 0, length: 40 } }],
      partitions: [imported({ ...START, epochs, openTransactions: [[7, 105]] })],
    }),
  );
  fold.time += 100;
  const second = part({ baseOffset: 110, nextOffset: 130, maxTimestamp: 40, maxTimestampOffset: 112 });
  fold.push(
    importOf(fold, {
      parts: [{ ...second, log: { start: 0, length: 60 } }],
      partitions: [
        imported({ epochs: [{ epoch: 3, startOffset: 111 }] }),
        imported({ partition: 1, start: { baseOffset: 5, logStartOffset: 5 } }),
      ],
    }),
  );
  return fold;
}

describe('an import', () => {
  it('continues the sealed history and what a broker knows about it', () => {
    const fold = filled();
    expect(fold.partition(0)).toMatchObject({
      logStartOffset: 103,
      segmentsFrom: 100,
      nextOffset: 130,
      sealedOffset: 130,
      maxTimestamp: 50,
      maxTimestampOffset: 104,
      segments: 2,
      sealedBytes: 100,
      hotBytes: 0,
      epochs: [
        { epoch: 1, startOffset: 90 },
        { epoch: 3, startOffset: 111 },
      ],
    });
    expect(fold.partition(0).openTransactions.size).toBe(0);
    expect(fold.partition(1)).toMatchObject({ logStartOffset: 5, nextOffset: 5, sealedOffset: 5, segments: 0 });
    expect(fold.view).toMatchObject({ hotSince: -1, hotBytes: 0, sealedSeq: 2, lastSeal: { seq: 3, key: 'k' } });
  });

  it('tells of the open transactions at the end of its parts', () => {
    const fold = new Fold();
    const parts = [part({ baseOffset: 100, nextOffset: 110 })];
    fold.push(importOf(fold, { parts, partitions: [imported({ ...START, openTransactions: [[7, 105]] })] }));
    expect([...fold.partition(0).openTransactions]).toEqual([[7, 105]]);
  });

  it('without parts makes all of it be read from segments, and new batches follow', () => {
    const fold = filled();
    expect(entriesFrom(fold.partition(0))).toBe(110);
    fold.time += 100;
    fold.push(importOf(fold, { key: '', partitions: [imported({ producers: [[7, STATE]] })] }));
    expect(entriesFrom(fold.partition(0))).toBe(130);
    expect(entriesFrom(fold.partition(1))).toBe(5);
    expect(settledTime(fold.view)).toBe(fold.time);
    expect(fold.partition(0).producers.get(7)).toEqual(STATE);
    fold.records([{ maxTimestamp: 60, size: 10 }]);
    expect(fold.partition(0)).toMatchObject({ nextOffset: 131, hotBytes: 10 });
    expect(fold.partition(0).epochs.at(-1)).toEqual({ epoch: 4, startOffset: 130 });
    fold.seal();
    expect(fold.partition(0)).toMatchObject({ segments: 3, sealedOffset: 131 });
  });

  it('gives the same view again from a checkpoint', () => {
    const { view } = filled();
    expect(decodeView(view.journal, encodeView(view))).toEqual(view);
  });

  it.each<[string, Partial<ImportEntry>, string]>([
    [
      'begins behind a gap',
      { parts: [part({ baseOffset: 131, nextOffset: 140 })], partitions: [imported()] },
      'after 130',
    ],
    ['has a part of an unnamed partition', { parts: [part({ baseOffset: 130, nextOffset: 140 })] }, 'after undefined'],
    ['begins a partition twice', { partitions: [imported(START)] }, 'twice, or never'],
    ['does not begin a partition', { partitions: [imported({ partition: 9 })] }, 'twice, or never'],
    [
      'starts before its first part',
      { partitions: [imported({ partition: 9, start: { baseOffset: 5, logStartOffset: 4 } })] },
      'at 4',
    ],
    ['has an old epoch', { partitions: [imported({ epochs: [{ epoch: 3, startOffset: 120 }] })] }, 'epoch 3'],
    ['has an epoch of the future', { partitions: [imported({ epochs: [{ epoch: 5, startOffset: 120 }] })] }, 'epoch 5'],
    ['goes back', { partitions: [imported({ partition: 1 }), imported()] }, 'after 1'],
    ['leaves a slot out', { fromSeq: 4 }, 'from slot 4'],
    ['does not reach the last slot', { toSeq: 2 }, 'to 2'],
  ])('that %s does not fit', (_, fields, message) => {
    const fold = filled();
    expect(() => fold.push(importOf(fold, fields))).toThrow(message);
  });

  it('does not fit behind batches that are not sealed', () => {
    const fold = new Fold();
    fold.records([{}]);
    expect(() => fold.push(importOf(fold, {}))).toThrow('not sealed');
  });
});
