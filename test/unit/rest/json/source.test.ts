import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compactText, sourceOf } from '../../../../lib/rest/json/source.ts';

describe('the source of a JSON text', () => {
  it('finds each value of any text', () => {
    fc.assert(
      fc.property(fc.json(), fc.integer({ min: 0, max: 3 }), (text, spaces) => {
        const value = JSON.parse(text);
        const spaced = JSON.stringify(value, undefined, spaces);
        const source = sourceOf(spaced, 10);
        const check = (found: typeof source, expected: unknown) => {
          expect(JSON.parse(spaced.slice(found.start, found.end))).toEqual(expected);
          expect(JSON.parse(compactText(spaced, found))).toEqual(expected);
          for (const [name, member] of found.members ?? []) check(member, (expected as Record<string, unknown>)[name]);
          for (const [at, element] of (found.elements ?? []).entries()) check(element, (expected as unknown[])[at]);
        };
        check(source, value);
      }),
    );
  });

  it('keeps digits, the order of keys and what stands in texts', () => {
    const text = ' { "a" : [ 1.0 , 12345678901234567890 ], "2":"x \\" y , ]", "1" : {} } ';
    expect(compactText(text, sourceOf(text, 0))).toBe('{"a":[1.0,12345678901234567890],"2":"x \\" y , ]","1":{}}');
  });

  it('takes the last of two members of a name, as the parser does', () => {
    const text = '{"a":1,"a":{"b":2}}';
    const a = sourceOf(text, 2).members!.get('a')!;
    expect(text.slice(a.start, a.end)).toBe('{"b":2}');
  });

  it('is not looked into below its depth', () => {
    const found = sourceOf('{"a":{"b":1}}', 1).members!.get('a')!;
    expect(found.members).toBeUndefined();
    expect(found.end - found.start).toBe('{"b":1}'.length);
  });
});
