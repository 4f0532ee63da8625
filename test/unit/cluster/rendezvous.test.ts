import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rendezvous } from '../../../lib/cluster/rendezvous.ts';

const nodeIds = fc.uniqueArray(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { minLength: 2, maxLength: 8 });
const keys = fc.array(fc.string({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 50 });

describe('rendezvous', () => {
  it('knows nobody among no nodes, and one among one', () => {
    expect(rendezvous('a', [])).toBeUndefined();
    expect(rendezvous('a', [7])).toBe(7);
  });

  it('chooses one of the nodes, whatever their order', () => {
    fc.assert(
      fc.property(nodeIds, keys, (ids, all) => {
        for (const key of all) {
          const chosen = rendezvous(key, ids);
          expect(ids).toContain(chosen);
          expect(rendezvous(key, [...ids].reverse())).toBe(chosen);
        }
      }),
    );
  });

  it('moves what a lost node had, and nothing else', () => {
    fc.assert(
      fc.property(nodeIds, keys, fc.nat(), (ids, all, pick) => {
        const lost = ids[pick % ids.length]!;
        const left = ids.filter((id) => id !== lost);
        for (const key of all) {
          const before = rendezvous(key, ids);
          if (before !== lost) expect(rendezvous(key, left)).toBe(before);
          else expect(rendezvous(key, left)).not.toBe(lost);
        }
      }),
    );
  });

  it('gives a node that comes only what it takes from others', () => {
    fc.assert(
      fc.property(nodeIds, keys, fc.integer({ min: 0, max: 2 ** 31 - 1 }), (ids, all, fresh) => {
        fc.pre(!ids.includes(fresh));
        for (const key of all) {
          const after = rendezvous(key, [...ids, fresh]);
          if (after !== fresh) expect(after).toBe(rendezvous(key, ids));
        }
      }),
    );
  });

  it('spreads journals evenly: within a fifth of the mean over three nodes', () => {
    const counts = new Map<number, number>();
    const total = 9_000;
    for (let n = 0; n < total; n++) {
      const chosen = rendezvous(`topic-${n}/0`, [1, 2, 3])!;
      counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
    }
    for (const id of [1, 2, 3]) {
      expect(counts.get(id)).toBeGreaterThan((total / 3) * 0.8);
      expect(counts.get(id)).toBeLessThan((total / 3) * 1.2);
    }
  });
});
