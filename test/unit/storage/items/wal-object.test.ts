import { describe, expect, it } from 'vitest';
import { hasWalHeader, walKey } from '../../../../lib/storage/items/wal-object.ts';

const NONCE = 'AAECAwQFBgcICQoLDA0ODw';

describe('the key of a WAL object', () => {
  it('is what it has always been', () => {
    expect(walKey(1_700_000_000_000.5, NONCE)).toBe(`wal/c4-001700000000000-${NONCE}`);
  });

  it('sorts by time behind its hash, also before the time is known', () => {
    const times = [Number.NaN, 0, 999, 1_000, 1_700_000_000_000, 1_700_000_000_001];
    const names = times.map((time) => walKey(time, NONCE).slice('wal/00-'.length));
    expect([...names].sort()).toEqual(names);
    expect(new Set(names.map((name) => name.length)).size).toBe(1);
  });

  it('spreads the objects of one moment over all prefixes', () => {
    const keys = Array.from({ length: 10_000 }, (_, index) => walKey(1_700_000_000_000, `nonce-${index}`));
    const counts = new Map<string, number>();
    for (const key of keys) counts.set(key.slice(0, 6), (counts.get(key.slice(0, 6)) ?? 0) + 1);
    expect(counts.size).toBe(256);
    // 39 on average.
    expect(Math.max(...counts.values())).toBeLessThan(80);
  });

  it.each([
    [walKey(0, NONCE), true],
    [`wal/001763000000123-${NONCE}`, false],
    ['wal/1', false],
    [`checkpoint/c4-001763000000123-${NONCE}`, false],
  ])('%s says whether there is a header: %s', (key, has) => {
    expect(hasWalHeader(key)).toBe(has);
  });
});
