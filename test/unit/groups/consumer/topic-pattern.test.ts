import { describe, expect, it } from 'vitest';
import { compilePattern, PATTERN_LENGTH_MAX } from '../../../../lib/groups/consumer/topic-pattern.ts';
import { scaled } from '../../../support/machine.ts';

function matches(source: string, name: string): boolean {
  const outcome = compilePattern(source);
  if (outcome.kind === 'invalid') throw new Error(`${source}: ${outcome.reason}`);
  return outcome.pattern.matches(name);
}

describe('a topic pattern', () => {
  it.each([
    ['orders', 'orders', true],
    ['orders', 'orders-eu', false],
    ['order', 'orders', false],
    ['orders.*', 'orders-eu', true],
    ['^orders-.*$', 'orders-eu', true],
    ['^orders-.*$', 'my-orders-eu', false],
    ['orders|returns', 'returns', true],
    ['(orders|returns)-(eu|us)', 'returns-us', true],
    ['(?:orders|returns)-\\d{2,3}', 'orders-12', true],
    ['(?:orders|returns)-\\d{2,3}', 'orders-1234', false],
    ['(?P<kind>a+)b*?', 'aaab', true],
    ['(?<kind>a+)b', 'aab', true],
    ['a{3}', 'aaa', true],
    ['a{2,}', 'a', false],
    ['a{,2}', 'a{,2}', true],
    ['[a-cx]+', 'abcx', true],
    ['[^a-c]+', 'xyz', true],
    ['[^a-c]+', 'xbz', false],
    ['[]a]+', ']a', true],
    ['[a-]+', 'a-', true],
    ['[[:alpha:]_]+', 'a_b', true],
    ['[[:^digit:]]+', 'a1', false],
    ['[\\w.]+', 'a.b_1', true],
    ['\\pL+', 'abc', true],
    ['\\p{Lu}+', 'abc', false],
    ['\\P{Lu}+', 'abc', true],
    ['\\p{Greek}', 'a', false],
    ['\\p{^Greek}', 'a', true],
    ['(?i)ORDERS', 'orders', true],
    ['(?i:OR)ders', 'orders', true],
    ['(?i:OR)DERS', 'orders', false],
    ['a(?i)B|C', 'c', true],
    ['(?i)[^A]', 'a', false],
    ['\\Qa.b\\E+', 'a.bbb', true],
    ['\\Qa.b\\E', 'axb', false],
    ['a\\.b', 'axb', false],
    ['\\x61\\x{62}\\143', 'abc', true],
    ['\\Aab\\z', 'ab', true],
    ['\\bab\\b-c', 'ab-c', true],
    ['a\\Bb', 'ab', true],
    ['a\\bb', 'ab', false],
    ['(|a)+b', 'aab', true],
    ['', '', true],
    ['', 'a', false],
    ['.é', 'a', false],
  ])('%s against %s: %s', (source, name, expected) => {
    expect(matches(source, name)).toBe(expected);
  });

  it.each([
    ['*a', /missing argument/],
    ['a**', /nested repetition/],
    ['a++', /nested repetition/],
    ['(a', /missing closing \)/],
    ['a)', /unexpected \)/],
    ['[a', /missing closing \]/],
    ['[b-a]', /character class range/],
    ['[[:letters:]]', /character class range/],
    ['a{1001}', /repeat count/],
    ['a{3,2}', /repeat count/],
    ['(?=a)b', /Perl syntax/],
    ['(?<!a)b', /named capture/],
    ['(?>a)', /Perl syntax/],
    ['(a)\\1', /escape sequence/],
    ['\\Z', /escape sequence/],
    ['\\p{Nonsense}', /character class range/],
    ['\\x{110000}', /escape sequence/],
    ['a\\', /trailing backslash/],
    ['(?:a{1000}){1000}', /too large/],
    ['((((){1000}){1000}){1000}){1000}', /too large/],
    ['('.repeat(1001), /nests too deeply/],
    ['a'.repeat(PATTERN_LENGTH_MAX + 1), /too long/],
  ])('%s is not one', (source, reason) => {
    const outcome = compilePattern(source);
    expect(outcome.kind === 'invalid' && outcome.reason).toMatch(reason);
  });

  it('takes no longer for patterns that hold up matchers which backtrack', () => {
    const name = `${'a'.repeat(248)}!`;
    for (const source of ['(a+)+', '(a|aa)+', '(a*)*b', '(.*a){30}', '(a?){200}a{200}', '([a-z]+)*z']) {
      const began = performance.now();
      expect(matches(source, name), source).toBe(false);
      // A backtracking matcher would take longer than the universe has existed.
      expect(performance.now() - began).toBeLessThan(scaled(2_000));
    }
  });

  it('stays right when it has forgotten what it knew', () => {
    const outcome = compilePattern('(.*a.*b.*){3}');
    if (outcome.kind === 'invalid') throw new Error(outcome.reason);
    for (let turn = 0; turn < 4000; turn++) {
      const name = `${turn.toString(2)}ab-ab-${turn}`.replaceAll('1', 'a').replaceAll('0', 'c');
      expect(outcome.pattern.matches(name)).toBe(/^(?:.*a.*b.*){3}$/.test(name));
    }
  });
});
