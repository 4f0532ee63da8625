import fc from 'fast-check';
import { RE2JS } from 're2js';
import { describe, expect, it } from 'vitest';
import { patternSize } from '../../../../lib/groups/consumer/pattern-size.ts';
import { compilePattern } from '../../../../lib/groups/consumer/topic-pattern.ts';
import { scaled } from '../../../support/machine.ts';

const instructions = (source: string) => patternSize(source).instructions;

describe('the size of a pattern', () => {
  it.each([
    ['orders', 6],
    ['a|b', 3],
    ['[a-z]+', 2],
    ['[[:alpha:]_]', 1],
    ['a{3}', 3],
    ['a{1,3}', 5],
    ['\\Qa{9}\\E', 8],
    ['\\x{1F600}{3}', 3],
    ['(?:a{10}){10}', 120],
    ['(?P<name>ab)', 4],
  ])('%s: %i', (source, size) => {
    expect(instructions(source)).toBe(size);
  });

  it('is never less than what the compiler makes of it', () => {
    const atom = fc.constantFrom(
      'a',
      '.',
      '\\d',
      '[a-c]',
      '[^\\pL]',
      '\\p{Greek}',
      '\\x{62}',
      '\\Qab\\E',
      '^',
      '$',
      '\\b',
    );
    const { pattern } = fc.letrec<{ pattern: string; part: string }>((tie) => ({
      part: fc.oneof(
        { depthSize: 'small' },
        atom,
        fc
          .tuple(fc.constantFrom('(', '(?:', '(?i:', '(?P<x>'), tie('pattern'))
          .map(([open, inner]) => `${open}${inner})`),
        fc.tuple(atom, fc.constantFrom('*', '+?', '?', '{3}', '{0,7}', '{2,}', '{,2}')).map((both) => both.join('')),
        fc
          .tuple(tie('pattern'), fc.constantFrom('*', '?', '{5}', '{1,4}', '{2,}'))
          .map(([inner, count]) => `(${inner})${count}`),
      ),
      pattern: fc
        .array(tie('part'), { minLength: 1, maxLength: 3 })
        .chain((parts) => fc.constantFrom(parts.join(''), parts.join('|'))),
    }));
    let compiled = 0;
    fc.assert(
      fc.property(pattern, (source) => {
        let size: number;
        try {
          size = RE2JS.compile(source.replaceAll('(?P<x>', '(')).programSize();
        } catch {
          return;
        }
        compiled++;
        expect(instructions(source)).toBeGreaterThanOrEqual(size - 3);
      }),
      { numRuns: 500 },
    );
    expect(compiled).toBeGreaterThan(100);
  });

  it('bounds what a pattern of nested or repeated counts costs before it is compiled', () => {
    for (const source of [
      '(a{1,1000}){1,1000}',
      'a{1000}'.repeat(1000),
      '(.?){900}'.repeat(3),
      '\\pL{1000}'.repeat(3),
      `[${'\\pL'.repeat(3000)}]`,
      '(?i)[\\pL]'.repeat(900),
      '[['.repeat(5000),
      '(?<'.repeat(3333),
      '\\p{'.repeat(3333),
    ]) {
      const began = performance.now();
      expect(compilePattern(source).kind, source.slice(0, 20)).toBe('invalid');
      // Compiled, some of these take seconds and hundreds of megabytes.
      expect(performance.now() - began, source.slice(0, 20)).toBeLessThan(scaled(1000));
    }
  });
});
