import { describe, expect, it } from 'vitest';
import { type FoundRecord, findProblems, Ledger } from './ledger.ts';

function ledger(idempotent: boolean, sent: number, acknowledged: readonly [number, number][]): Ledger {
  const made = new Ledger('a', 0, idempotent);
  made.sent = sent;
  for (const [count, offset] of acknowledged) made.acknowledged.set(count, offset);
  return made;
}

function log(...counts: number[]): FoundRecord[] {
  return counts.map((count, offset) => ({ offset, producer: 'a', count }));
}

describe('the check of what a crash left', () => {
  it('finds nothing wrong with a whole log, with or without unacknowledged records at its end', () => {
    expect(
      findProblems(log(0, 1, 2), [
        ledger(true, 4, [
          [0, 0],
          [1, 1],
        ]),
      ]),
    ).toEqual([]);
  });

  it('finds an acknowledged record that is gone', () => {
    expect(
      findProblems(log(0), [
        ledger(true, 2, [
          [0, 0],
          [1, 1],
        ]),
      ]),
    ).toHaveLength(1);
  });

  it('finds an acknowledged record that stands elsewhere', () => {
    expect(findProblems(log(0, 1), [ledger(true, 2, [[1, 0]])])).toHaveLength(1);
  });

  it('finds a repetition by an idempotent producer, and allows it to others', () => {
    expect(findProblems(log(0, 1, 1), [ledger(true, 2, [])])).toHaveLength(1);
    expect(findProblems(log(0, 1, 0, 1, 2), [ledger(false, 3, [])])).toEqual([]);
  });

  it('allows an idempotent producer to repeat what it gave up', () => {
    const gaveUp = ledger(true, 2, [[1, 2]]);
    gaveUp.mayRepeat.add(0);
    expect(findProblems(log(0, 0, 1), [gaveUp])).toEqual([]);
    expect(findProblems(log(0, 0, 1, 1), [gaveUp])).toHaveLength(1);
  });

  it('finds records in another order than that of sending', () => {
    expect(findProblems(log(0, 2, 1), [ledger(false, 3, [])])).toHaveLength(1);
    expect(findProblems(log(0, 2, 1), [ledger(true, 3, [])])).toHaveLength(2);
  });

  it('finds gaps in the offsets, strangers and what was never sent', () => {
    const found = [{ offset: 1, producer: 'a', count: 0 }];
    expect(findProblems(found, [ledger(true, 1, [])])).toHaveLength(1);
    expect(findProblems([{ offset: 0, producer: 'b', count: 0 }], [ledger(true, 1, [])])).toHaveLength(1);
    expect(findProblems(log(0, 1), [ledger(true, 1, [])])).toHaveLength(1);
  });
});
