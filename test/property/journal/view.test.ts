import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeView, encodeView } from '../../../lib/journal/checkpoint-codec.ts';
import { decodeEntry, type Entry } from '../../../lib/journal/entry.ts';
import {
  type AbortedRange,
  emptyView,
  entriesFrom,
  type JournalView,
  lastStableOffset,
} from '../../../lib/journal/view.ts';
import { entriesOf, history, replay, sealedHistory } from './histories.ts';
import { SealedHistory, sum } from './sealed-history.ts';

const fold = (stored: ReturnType<typeof entriesOf>) => replay(emptyView('t/0'), stored);

describe('the view of any history', () => {
  it('is the same, byte for byte, at every replay', () => {
    fc.assert(
      fc.property(history, (events) => {
        const stored = entriesOf(events);
        expect(encodeView(fold(stored)).equals(encodeView(fold(stored)))).toBe(true);
      }),
    );
  });

  it('is the same from a checkpoint at any point with the rest', () => {
    fc.assert(
      fc.property(history, fc.nat(), (events, at) => {
        const stored = entriesOf(events);
        const cut = at % (stored.length + 1);
        const checkpoint = encodeView(fold(stored.slice(0, cut)));
        const resumed = replay(decodeView('t/0', checkpoint), stored.slice(cut));
        expect(encodeView(resumed).equals(encodeView(fold(stored)))).toBe(true);
      }),
    );
  });

  it('comes back from its bytes as it was', () => {
    fc.assert(
      fc.property(history, (events) => {
        const view = fold(entriesOf(events));
        expect(decodeView('t/0', encodeView(view))).toEqual(view);
      }),
    );
  });

  it('counts as sealed and as hot what its entries say', () => {
    fc.assert(
      fc.property(sealedHistory, (events) => {
        checkSealed(entriesOf(events));
      }),
    );
  });

  it('keeps its invariants', () => {
    fc.assert(
      fc.property(history, (events) => {
        checkInvariants(fold(entriesOf(events)));
      }),
    );
  });
});

/** Holds the view against its entries, counted one by one. */
function checkSealed(stored: ReturnType<typeof entriesOf>): void {
  const view = fold(stored);
  const entries = stored.map(({ body }) => decodeEntry(body));
  const sealed = new SealedHistory();
  for (const entry of entries) sealed.push(entry);
  const batches = entries.flatMap((entry, seq) =>
    'batches' in entry ? entry.batches.map((batch) => ({ ...batch, seq, time: entry.time })) : [],
  );
  const hot = batches.filter(({ seq }) => seq > view.sealedSeq);
  expect(view.hotBytes).toBe(hot.length * 10);
  if (hot.length === 0) expect(view.hotSince).toBe(-1);
  else expect(view.hotSince).toBeLessThanOrEqual(hot[0]!.time);
  for (const partition of view.partitions.values()) {
    const own = batches.filter((batch) => batch.partition === partition.partition);
    const counted = sealed.of(partition.partition).filter((part) => part.baseOffset >= partition.segmentsFrom);
    expect(partition.segments).toBe(counted.length);
    expect(partition.sealedBytes).toBe(sum(counted));
    const firstHot = own.find(({ seq }) => seq > view.sealedSeq);
    expect(partition.sealedOffset).toBe(firstHot?.baseOffset ?? partition.nextOffset);
    // Every batch that is read from entries is at or after the slot of its row, and still there.
    const rows = [...partition.blocks, ...partition.recent];
    for (const { seq } of rows) expect(seq).toBeGreaterThan(view.trimmableSeq);
    const readable = own.filter(({ baseOffset }) => baseOffset >= entriesFrom(partition));
    for (const { seq, baseOffset, lastOffsetDelta, maxTimestamp } of readable) {
      expect(seq).toBeGreaterThan(view.trimmableSeq);
      if (baseOffset + lastOffsetDelta < partition.logStartOffset) continue;
      const row = rows.findLast((one) => one.baseOffset <= baseOffset) ?? rows[0]!;
      expect(row.seq).toBeLessThanOrEqual(seq);
      if (row.baseOffset <= baseOffset) expect(row.maxTimestamp).toBeGreaterThanOrEqual(maxTimestamp);
    }
    const kept = Math.max(entriesFrom(partition), partition.logStartOffset);
    expect(partition.aborted).toEqual(abortedIn(entries, partition.partition).filter((one) => one.lastOffset >= kept));
  }
}

/** Every aborted transaction of a partition, in order of the markers. */
function abortedIn(entries: readonly Entry[], partition: number): AbortedRange[] {
  const open = new Map<number, number>();
  const aborted: AbortedRange[] = [];
  let logStart = 0;
  for (const entry of entries) {
    if (entry.kind === 'logStart') {
      for (const start of entry.starts) if (start.partition === partition) logStart = Math.max(logStart, start.offset);
    }
    if (entry.kind !== 'records' && entry.kind !== 'markers') continue;
    for (const { producerId, baseOffset, transactional } of entry.batches.filter(
      (one) => one.partition === partition,
    )) {
      const firstOffset = open.get(producerId);
      if (entry.kind === 'records') {
        if (transactional && firstOffset === undefined) open.set(producerId, baseOffset);
        continue;
      }
      open.delete(producerId);
      if (entry.commit || firstOffset === undefined) continue;
      const stable = Math.max(logStart, Math.min(baseOffset + 1, ...open.values()));
      aborted.push({ producerId, firstOffset, lastOffset: baseOffset, lastStableOffset: stable });
    }
  }
  return aborted;
}

function checkInvariants(view: JournalView): void {
  let rows = 0;
  for (const partition of view.partitions.values()) {
    rows += partition.blocks.length;
    const stable = lastStableOffset(partition);
    expect(partition.logStartOffset).toBeLessThanOrEqual(stable);
    expect(stable).toBeLessThanOrEqual(partition.nextOffset);
    expect(ascends([...partition.blocks, ...partition.recent].map((row) => row.baseOffset))).toBe(true);
    expect(ascends(partition.epochs.map((start) => start.epoch))).toBe(true);
    expect(ascends(partition.epochs.map((start) => start.startOffset))).toBe(true);
    for (const range of partition.aborted) expect(range.lastOffset).toBeGreaterThanOrEqual(partition.logStartOffset);
    const open = [...partition.producers].filter(([, state]) => state.transactionStart >= 0);
    expect(new Map(open.map(([id, state]) => [id, state.transactionStart]))).toEqual(partition.openTransactions);
    for (const state of partition.producers.values()) expect(state.batches.length).toBeLessThanOrEqual(5);
  }
  expect(view.blockRows).toBe(rows);
}

function ascends(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => index === 0 || number > numbers[index - 1]!);
}
