import { describe, expect, it } from 'vitest';
import type { FoundRecord } from '../crash/ledger.ts';
import { Problems } from './run.ts';
import { Witness } from './witness.ts';

function witnessOfOne() {
  const problems = new Problems();
  const witness = new Witness(1, problems.report);
  const poll = (
    asked: number,
    offsets: readonly number[],
    highWatermark = 10,
    ids = (offset: number) => `p:${offset}`,
  ) =>
    witness.polled({
      who: 'a reader',
      partition: 0,
      asked,
      records: offsets.map((offset) => ({ offset, id: ids(offset) })),
      highWatermark,
    });
  const kinds = () => problems.found.map((problem) => problem.slice(0, problem.indexOf(':')));
  return { witness, poll, kinds };
}

function log(counts: readonly number[]): FoundRecord[] {
  return counts.map((count, offset) => ({ offset, producer: 'p', count }));
}

describe('what readers are shown', () => {
  it('is fine if it goes on where it stopped, also if it begins in the middle of a batch', () => {
    const { witness, poll, kinds } = witnessOfOne();
    expect(poll(0, [0, 1, 2])).toBe(3);
    expect(poll(3, [])).toBe(3);
    expect(poll(3, [2, 3, 4])).toBe(5);
    witness.compareWith(0, log([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    expect(kinds()).toEqual([]);
  });

  it('may not leave anything out', () => {
    const { poll, kinds } = witnessOfOne();
    poll(0, [1, 2]);
    expect(kinds()).toEqual(['skipped']);
    poll(3, [3, 5]);
    expect(kinds()).toEqual(['skipped', 'skipped']);
  });

  it('may not go back', () => {
    const { poll, kinds } = witnessOfOne();
    expect(poll(3, [1, 2])).toBe(3);
    expect(kinds()).toEqual(['skipped']);
    poll(3, [3, 3]);
    expect(kinds()).toEqual(['skipped', 'skipped']);
  });

  it('is the same for everybody', () => {
    const { poll, kinds } = witnessOfOne();
    poll(0, [0, 1]);
    poll(0, [0, 1], 10, (offset) => `p:${offset + 1}`);
    expect(kinds()).toEqual(['readOther', 'readOther']);
  });

  it('lies below the high watermark', () => {
    const { poll, kinds } = witnessOfOne();
    poll(0, [0, 1], 1);
    expect(kinds()).toEqual(['readAhead']);
  });

  it('may not vanish or change afterwards', () => {
    const { witness, poll, kinds } = witnessOfOne();
    poll(0, [0, 1, 2], 3);
    witness.compareWith(0, log([0, 2, 2]));
    expect(kinds()).toEqual(['readOther']);
    witness.compareWith(0, log([0, 1]));
    expect(kinds()).toEqual(['readOther', 'readOther', 'readAhead']);
  });
});

describe('the end of a log', () => {
  it('is never told as it was before something that the clients know of', () => {
    const { witness, poll, kinds } = witnessOfOne();
    witness.toldEnd('a reader', 0, witness.floor(0), 0);
    witness.acknowledged(0, 4);
    const floor = witness.floor(0);
    expect(floor).toBe(5);
    // An answer to a question from before may be older than what came meanwhile.
    witness.toldEnd('a reader', 0, 0, 3);
    expect(kinds()).toEqual([]);
    witness.toldEnd('a reader', 0, floor, 4);
    expect(kinds()).toEqual(['staleList']);
    poll(0, [0, 1, 2, 3, 4, 5], 8);
    expect(witness.floor(0)).toBe(8);
  });

  it('may not turn out to lie before what was acknowledged or told', () => {
    const { witness, kinds } = witnessOfOne();
    witness.acknowledged(0, 4);
    witness.compareWith(0, log([0, 1, 2, 3]));
    expect(kinds()).toEqual(['readAhead']);
  });
});
