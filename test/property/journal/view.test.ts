import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeView, encodeView } from '../../../lib/journal/checkpoint-codec.ts';
import { emptyView, type JournalView, lastStableOffset } from '../../../lib/journal/view.ts';
import { entriesOf, history, replay } from './histories.ts';

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

  it('keeps its invariants', () => {
    fc.assert(
      fc.property(history, (events) => {
        checkInvariants(fold(entriesOf(events)));
      }),
    );
  });
});

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
