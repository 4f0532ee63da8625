import { describe, expect, it } from 'vitest';
import type { Entry } from '../../../lib/journal/entry.ts';
import { type CachedEntry, EntryCache } from '../../../lib/journal/entry-cache.ts';
import { Places } from '../../../lib/journal/places.ts';
import { part, recordsEntry } from './entries.ts';

const cached = (seq: number, payload?: number): CachedEntry => ({
  seq,
  entry: recordsEntry(1, []),
  payload: payload === undefined ? undefined : Buffer.alloc(payload),
});

describe('the cache of entries', () => {
  it('keeps below its bound, and lets go of what was not used for longest', () => {
    const cache = new EntryCache(10_000);
    for (let seq = 0; seq < 9; seq++) cache.add('a', cached(seq, 500));
    cache.get('a', 0);
    cache.add('b', cached(0, 500));
    cache.add('b', cached(1, 500));
    const kept = [0, 1, 2, 3].map((seq) => cache.get('a', seq) !== undefined);
    expect(kept).toEqual([true, false, false, true]);
    expect(cache.bytes).toBeLessThanOrEqual(10_000);
  });

  it('bounds entries without a payload as well', () => {
    const cache = new EntryCache(10_000);
    for (let seq = 0; seq < 1_000; seq++) cache.add('a', cached(seq));
    expect(cache.bytes).toBeLessThanOrEqual(10_000);
    expect(cache.get('a', 999)).toBeDefined();
  });

  it('counts the parts of a seal', () => {
    const cache = new EntryCache(100_000);
    const parts = Array.from({ length: 100 }, (_, partition) => part({ partition }));
    const seal: Entry = { kind: 'seal', time: 1, fromSeq: 0, toSeq: 0, toTime: 1, key: 'k', parts };
    cache.add('a', { seq: 1, entry: seal, payload: undefined });
    expect(cache.bytes).toBeGreaterThan(30_000);
  });

  it('does not keep what is larger than itself', () => {
    const cache = new EntryCache(1_000);
    cache.add('a', cached(0, 5_000));
    expect(cache.bytes).toBe(0);
    expect(cache.get('a', 0)).toBeUndefined();
  });

  it('counts a payload that comes later', () => {
    const cache = new EntryCache(2_000);
    cache.add('a', cached(0));
    const one = cache.add('a', cached(1));
    one.payload = Buffer.alloc(1_000);
    cache.grown('a', one);
    expect(cache.bytes).toBeGreaterThan(1_000);
    expect(cache.get('a', 0)).toBeUndefined();
    expect(cache.get('a', 1)).toBe(one);
  });

  it('keeps the one with a payload of two', () => {
    const cache = new EntryCache(10_000);
    const full = cached(0, 100);
    expect(cache.add('a', full)).toBe(full);
    expect(cache.add('a', cached(0))).toBe(full);
    expect(cache.get('a', 0)).toBe(full);
    const empty = cache.add('a', cached(1));
    const better = cached(1, 100);
    expect(cache.add('a', better)).toBe(better);
    expect(cache.get('a', 1)).toBe(better);
    // The one that was replaced counts no longer.
    const { bytes } = cache;
    empty.payload = Buffer.alloc(500);
    cache.grown('a', empty);
    expect(cache.bytes).toBe(bytes);
  });
});

describe('places', () => {
  it('are those of the last 1,024 readers', () => {
    const places = new Places();
    for (let offset = 0; offset < 1_024; offset++) places.set(0, offset, offset * 2);
    places.set(0, 0, 7);
    places.set(1, 0, 9);
    expect([places.get(0, 0), places.get(0, 1), places.get(0, 2), places.get(1, 0)]).toEqual([7, undefined, 4, 9]);
  });
});
