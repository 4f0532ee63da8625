import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JSON_DEPTH_MAX, parseJson } from '../../../../lib/rest/json/parse.ts';
import { JsonSplitter } from '../../../../lib/rest/json/splitter.ts';

/** Pushes a text in pieces. */
function split(text: string, pieces: number, bytesMax = 1_000_000) {
  const splitter = new JsonSplitter(bytesMax);
  const bytes = Buffer.from(text);
  const texts: string[] = [];
  for (let at = 0; at < bytes.length; at += pieces) {
    const { texts: found, problem } = splitter.push(bytes.subarray(at, at + pieces));
    texts.push(...found);
    if (problem !== undefined) return { texts, problem };
  }
  return { texts, problem: splitter.end() };
}

describe('concatenated JSON', () => {
  it('is cut into its objects, wherever the chunks end', () => {
    const object = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue());
    fc.assert(
      fc.property(
        fc.array(object),
        fc.constantFrom('', ' ', '\n', '\r\n\t'),
        fc.nat(20),
        (objects, between, pieces) => {
          const text = objects.map((one) => JSON.stringify(one)).join(between);
          const { texts, problem } = split(text, pieces + 1);
          expect(problem).toBeUndefined();
          expect(texts.map((one) => JSON.parse(one))).toEqual(JSON.parse(JSON.stringify(objects)));
        },
      ),
    );
  });

  it.each([
    ['{"a":1} x {"b":2}', ['{"a":1}'], 'a stream of JSON objects is expected'],
    ['[{"a":1}]', [], 'a stream of JSON objects is expected'],
    ['{"a":1}}', ['{"a":1}'], 'a stream of JSON objects is expected'],
    ['{"a":1}{"b":', ['{"a":1}'], 'Unexpected end of JSON input'],
    [`{"a":${'['.repeat(JSON_DEPTH_MAX + 1)}`, [], `it is nested deeper than ${JSON_DEPTH_MAX} levels`],
    [`{"a":"${'x'.repeat(200)}"}`, [], 'it is larger than 100 bytes'],
  ])('%s ends with a problem', (text, texts, problem) => {
    expect(split(text, 7, 100_000 < text.length ? 1 : text.includes('xxx') ? 100 : 10_000)).toEqual({ texts, problem });
  });
});

describe('a text of JSON', () => {
  it('may be nested so deep and no deeper', () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    expect(parseJson(nested(JSON_DEPTH_MAX)).kind).toBe('parsed');
    expect(parseJson(nested(JSON_DEPTH_MAX + 1))).toMatchObject({ kind: 'invalid' });
    // Brackets in a text are no levels, nor are those beside each other.
    expect(parseJson(JSON.stringify('['.repeat(5_000))).kind).toBe('parsed');
    expect(parseJson(`[${Array(5_000).fill('[]').join(',')}]`).kind).toBe('parsed');
  });
});
