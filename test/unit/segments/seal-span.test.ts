import { describe, expect, it } from 'vitest';
import { encodeEntry } from '../../../lib/journal/entry.ts';
import { emptyView, type JournalView } from '../../../lib/journal/view.ts';
import {
  decideSeal,
  nextLookAt,
  type SealLimits,
  SealSpan,
  type SpanBounds,
  spanBounds,
} from '../../../lib/segments/seal-span.ts';
import { MAX_ITEM_BYTES } from '../../../lib/storage/ports.ts';
import { meta, recordsEntry } from '../journal/entries.ts';

const LIMITS: SealLimits = { sealBytes: 1_000, sealMs: 60_000 };
const ROOMY: SpanBounds = { bytes: 1e9, entries: 1e9, batches: 1e9, parts: 1e9 };

/** A journal sealed up to slot 3 whose first unsealed batch has the time 5,000. */
function view(fields: Partial<JournalView>): JournalView {
  return { ...emptyView('topic/0'), seq: 9, sealedSeq: 3, hotSince: 5_000, hotBytes: 10, ...fields };
}

describe('a seal is due', () => {
  it.each([
    ['neither by size nor by age', {}, 64_999, undefined],
    ['by age', {}, 65_000, { fromSeq: 4, toSeq: 9 }],
    ['by size', { hotBytes: 1_000 }, 5_000, { fromSeq: 4, toSeq: 9 }],
    ['not below the size', { hotBytes: 999 }, 5_000, undefined],
    ['never without batches, whatever the age', { hotSince: -1, hotBytes: 0 }, 1e12, undefined],
    ['never after the close', { closed: true }, 1e12, undefined],
    ['not by a time that is not known', {}, Number.NaN, undefined],
  ])('%s', (_, fields, now, due) => {
    expect(decideSeal(view(fields), LIMITS, now)).toEqual(due);
  });

  it('when it is forced, but not without batches or after the close', () => {
    expect(decideSeal(view({}), LIMITS, 5_000, true)).toEqual({ fromSeq: 4, toSeq: 9 });
    expect(decideSeal(view({ hotSince: -1 }), LIMITS, 5_000, true)).toBeUndefined();
    expect(decideSeal(view({ closed: true }), LIMITS, 5_000, true)).toBeUndefined();
  });

  it('from the first slot on in a journal that was never sealed', () => {
    expect(decideSeal(view({ sealedSeq: -1 }), LIMITS, 65_000)).toEqual({ fromSeq: 0, toSeq: 9 });
  });
});

describe('the next look', () => {
  it('is when the seal is due', () => {
    const at = nextLookAt(view({}), LIMITS)!;
    expect(at).toBe(65_000);
    expect(decideSeal(view({}), LIMITS, at - 1)).toBeUndefined();
    expect(decideSeal(view({}), LIMITS, at)).toBeDefined();
  });

  it('is due already for a journal with enough bytes', () => {
    expect(nextLookAt(view({ hotBytes: 1_000 }), LIMITS)).toBe(5_000);
  });

  it('does not come for a journal that has nothing to seal', () => {
    expect(nextLookAt(view({ hotSince: -1 }), LIMITS)).toBeUndefined();
    expect(nextLookAt(view({ closed: true }), LIMITS)).toBeUndefined();
  });
});

describe('a span', () => {
  const batch = (partition: number, baseOffset: number, size = 100, lastOffsetDelta = 0) =>
    meta({ partition, baseOffset, size, lastOffsetDelta });
  const leader = { kind: 'leaderChange', time: 7, leaderEpoch: 1, leader: 1 } as const;

  it('covers entries of every kind, and knows the offsets of each partition', () => {
    const span = new SealSpan(4, ROOMY);
    expect(span.toSeq).toBe(3);
    expect(span.take(leader)).toBe(true);
    expect(span.take(recordsEntry(8, [batch(0, 5, 100, 1), batch(2, 0)]))).toBe(true);
    expect(span.take(recordsEntry(9, [batch(0, 7)]))).toBe(true);
    expect(span.take({ kind: 'logStart', time: 9, starts: [] })).toBe(true);
    expect(span.take({ kind: 'close', time: 11 })).toBe(true);
    expect(span.take({ kind: 'seal', time: 12, fromSeq: 0, toSeq: 3, toTime: 1, key: 'k', parts: [] })).toBe(true);
    expect({ toSeq: span.toSeq, toTime: span.toTime, bytes: span.bytes }).toEqual({ toSeq: 9, toTime: 12, bytes: 300 });
    expect([...span.partitions]).toEqual([
      [0, { baseOffset: 5, nextOffset: 8 }],
      [2, { baseOffset: 0, nextOffset: 1 }],
    ]);
  });

  it.each<[string, Partial<SpanBounds>, number]>([
    ['bytes', { bytes: 299 }, 2],
    ['bytes, which it may reach', { bytes: 300 }, 3],
    ['entries', { entries: 2 }, 2],
    ['batches', { batches: 2 }, 2],
    ['parts', { parts: 2 }, 2],
  ])('ends at its bound for %s', (_, bounds, fits) => {
    const span = new SealSpan(0, { ...ROOMY, ...bounds });
    const taken = [0, 1, 2].map((partition) => span.take(recordsEntry(partition, [batch(partition, 0)])));
    expect(taken).toEqual([0, 1, 2].map((index) => index < fits));
    expect(span.toSeq).toBe(fits - 1);
    expect(span.partitions.size).toBe(fits);
  });

  it('counts a partition once, in how many entries it may be', () => {
    const span = new SealSpan(0, { ...ROOMY, parts: 1 });
    expect([0, 1, 2].map((offset) => span.take(recordsEntry(1, [batch(0, offset)])))).toEqual([true, true, true]);
  });

  it('has a batch before its bounds apply, so that sealing advances', () => {
    const span = new SealSpan(0, { bytes: 10, entries: 1, batches: 1, parts: 1 });
    for (let slot = 0; slot < 5; slot++) expect(span.take(leader)).toBe(true);
    expect(span.take(recordsEntry(8, [batch(0, 0), batch(1, 0)]))).toBe(true);
    expect(span.take(leader)).toBe(false);
    expect(span.toSeq).toBe(5);
  });

  it('ends where the offsets of a partition become too many for a relative offset', () => {
    const span = new SealSpan(0, ROOMY);
    expect(span.take(recordsEntry(1, [batch(0, 10)]))).toBe(true);
    expect(span.take(recordsEntry(1, [batch(0, 11, 100, 2 ** 31 - 2)]))).toBe(true);
    expect(span.take(recordsEntry(1, [batch(0, 10 + 2 ** 31)]))).toBe(false);
  });

  it('has so few parts that the seal entry stays below the limit of an item', () => {
    const { parts } = spanBounds({ sealBytes: 64 * 1024 * 1024, sealMs: 1 });
    const large = 2 ** 52;
    const part = {
      partition: 2 ** 31,
      baseOffset: large,
      nextOffset: large + 2 ** 31,
      maxTimestamp: 2 ** 51,
      maxTimestampOffset: 2 ** 51,
      log: { start: 2 ** 40, length: 2 ** 31 },
      index: { start: 2 ** 40, length: 2 ** 31 },
      offsetIndexBytes: 2 ** 30,
      timeIndexBytes: 2 ** 30,
      indexCrc: 2 ** 32 - 1,
    };
    const list = Array.from({ length: parts }, () => part);
    const body = encodeEntry({
      kind: 'seal',
      time: large,
      fromSeq: large,
      toSeq: large,
      toTime: large,
      key: 'k'.repeat(200),
      parts: list,
    });
    expect(body.length).toBeLessThan(MAX_ITEM_BYTES * 0.8);
  });
});
