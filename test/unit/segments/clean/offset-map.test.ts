import { describe, expect, it } from 'vitest';
import { ENTRY_BYTES, OffsetMap } from '../../../../lib/segments/clean/offset-map.ts';

const key = (name: number | string) => Buffer.from(`key ${name}`);

describe('OffsetMap', () => {
  it('holds the newest offset of each key', () => {
    const map = new OffsetMap(11 * ENTRY_BYTES);
    map.put(key('a'), 0);
    map.put(key('b'), 5);
    map.put(key('a'), 2 ** 40 + 7);
    expect(map.get(key('a'))).toBe(2 ** 40 + 7);
    expect(map.get(key('b'))).toBe(5);
    expect(map.get(key('c'))).toBe(-1);
    expect(map.size).toBe(2);
  });

  it('takes keys up to its capacity, and known keys beyond it', () => {
    const map = new OffsetMap(1_000 * ENTRY_BYTES);
    // The largest prime below 1,000 is 997.
    expect(map.capacity).toBe(Math.floor(997 * 0.9));
    for (let i = 0; i < map.capacity; i++) expect(map.put(key(i), i)).toBe(true);
    expect(map.put(key('one more'), 5_000)).toBe(false);
    expect(map.get(key('one more'))).toBe(-1);
    expect(map.put(key(17), 6_000)).toBe(true);
    for (let i = 0; i < map.capacity; i++) expect(map.get(key(i))).toBe(i === 17 ? 6_000 : i);
  });

  it('is empty after clear', () => {
    const map = new OffsetMap(5 * ENTRY_BYTES);
    map.put(key('a'), 3);
    map.latestOffset = 3;
    map.clear();
    expect([map.get(key('a')), map.size, map.latestOffset]).toEqual([-1, 0, -1]);
  });

  it('has no size at which it holds no key', () => {
    expect(() => new OffsetMap(2 * ENTRY_BYTES)).toThrow('2 slots are too few');
  });
});
