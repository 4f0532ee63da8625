import { describe, expect, it } from 'vitest';
import { boundedMap } from '../../../lib/kit/bounded-map.ts';

describe('boundedMap', () => {
  it('lets the least recently used entry go; get and set count as use, peek and has do not', () => {
    const map = boundedMap<string, number>(4);
    for (const key of ['got', 'set', 'peeked', 'asked']) map.set(key, 1);
    map.get('got');
    map.set('set', 2);
    map.peek('peeked');
    map.has('asked');
    map.set('e', 1);
    map.set('f', 1);
    expect([...map.keys()].sort()).toEqual(['e', 'f', 'got', 'set']);
  });

  it('reports each value that goes, also one that is replaced or deleted', () => {
    const removed: string[] = [];
    const map = boundedMap<number, string>(2, (value) => removed.push(value));
    map.set(1, 'replaced');
    map.set(1, 'deleted');
    map.set(2, 'evicted');
    map.delete(1);
    map.set(3, 'kept');
    map.set(4, 'kept too');
    expect(removed).toEqual(['replaced', 'deleted', 'evicted']);
    map.clear();
    expect(removed.slice(3).sort()).toEqual(['kept', 'kept too']);
  });
});
