import { describe, expect, it } from 'vitest';
import { ReadBudget } from '../../../lib/log/read-budget.ts';

const MIB = 1024 * 1024;

/** Starts a read that ends when the returned function is called; tells what it was granted. */
function begin(budget: ReadBudget, wanted: number): { granted: number; end: () => Promise<void> } {
  let granted = -1;
  let finish = () => {};
  const done = budget.run(wanted, (bytes) => {
    granted = bytes;
    return new Promise<void>((resolve) => {
      finish = resolve;
    });
  });
  return {
    granted,
    end: () => {
      finish();
      return done;
    },
  };
}

describe('the read budget', () => {
  it('gives what is asked for while there is room, and little when there is none', async () => {
    const budget = new ReadBudget(100 * MIB, () => 0);
    const first = begin(budget, 60 * MIB);
    const second = begin(budget, 60 * MIB);
    const third = begin(budget, 60 * MIB);
    expect([first.granted, second.granted, third.granted]).toEqual([60 * MIB, 40 * MIB, 64 * 1024]);
    await Promise.all([first.end(), second.end(), third.end()]);
    expect(begin(budget, 100 * MIB).granted).toBe(100 * MIB);
  });

  it('counts answers that have not left', () => {
    let unsent = 90 * MIB;
    const budget = new ReadBudget(100 * MIB, () => unsent);
    expect(begin(budget, 50 * MIB).granted).toBe(10 * MIB);
    unsent = 200 * MIB;
    expect(begin(budget, 50 * MIB).granted).toBe(64 * 1024);
    expect(begin(budget, 100).granted).toBe(100);
  });

  it('gives back what a failed read held', async () => {
    const budget = new ReadBudget(MIB, () => 0);
    await expect(budget.run(MIB, () => Promise.reject(new Error('lost')))).rejects.toThrow('lost');
    expect(begin(budget, MIB).granted).toBe(MIB);
  });
});
