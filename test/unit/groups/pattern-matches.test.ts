import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/core/clock.ts';
import type { ListOfTopics } from '../../../lib/groups/facts.ts';
import { PatternMatches } from '../../../lib/groups/pattern-matches.ts';
import { Turns } from '../../../lib/kit/turns.ts';

const listOf = (...names: readonly string[]): ListOfTopics => ({
  at: 1,
  topics: new Map(names.map((name) => [name, { name, topicId: name, partitions: 1 }])),
});

describe('what patterns match in the list of topics', () => {
  it('is found for each pattern, and said of what is no pattern', async () => {
    const matches = new PatternMatches(new Turns(systemClock));
    const found = await matches.of(new Set(['orders-.*', '(?=a)']), listOf('orders-eu', 'my-orders-eu', 'orders-us'));
    expect(found.get('orders-.*')).toEqual({ kind: 'valid', topics: new Set(['orders-eu', 'orders-us']) });
    expect(found.get('(?=a)')).toMatchObject({ kind: 'invalid' });
  });

  it('is found once for each list', async () => {
    const matches = new PatternMatches(new Turns(systemClock));
    const list = listOf('a', 'b');
    const first = await matches.of(new Set(['a|b']), list);
    const second = await matches.of(new Set(['a|b', 'b']), list);
    expect(second.get('a|b')).toBe(first.get('a|b'));
    const third = await matches.of(new Set(['a|b']), listOf('a'));
    expect(third.get('a|b')).toEqual({ kind: 'valid', topics: new Set(['a']) });
  });

  it('is nothing without a list', async () => {
    const matches = new PatternMatches(new Turns(systemClock));
    expect((await matches.of(new Set(['a']), undefined)).size).toBe(0);
  });
});
