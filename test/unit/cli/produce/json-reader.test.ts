import { describe, expect, it } from 'vitest';
import { jsonReader } from '../../../../lib/cli/produce/json-reader.ts';

const read = (json: string) => jsonReader([])(Buffer.from(json));

describe('a JSON record', () => {
  it('has all its parts', () => {
    const json = '{"key":"k","value":"v","headers":{"h":"1"},"partition":3,"timestamp":9,"topic":"t","offset":1}';
    expect(read(json)).toEqual({
      kind: 'record',
      record: {
        key: Buffer.from('k'),
        value: Buffer.from('v'),
        headers: [{ key: 'h', value: Buffer.from('1') }],
        partition: 3,
        timestamp: 9,
      },
    });
  });

  it.each([-1, -2, -1_000_000, 0])('has the timestamp %i', (timestamp) => {
    expect(read(JSON.stringify({ timestamp }))).toMatchObject({ kind: 'record', record: { timestamp } });
  });

  it('has names of headers that are no text', () => {
    const key = Buffer.from('caf\xe9', 'latin1');
    const json = JSON.stringify({ headers: [{ keyBase64: key.toString('base64'), value: 'x' }] });
    expect(read(json)).toMatchObject({ record: { headers: [{ key, value: Buffer.from('x') }] } });
  });

  it.each([
    ['{}', null],
    ['{"value":null}', null],
    ['{"value":{"a":[1]}}', '{"a":[1]}'],
    ['{"value":12}', '12'],
    ['{"value":false}', 'false'],
    ['{"valueBase64":"aGk="}', 'hi'],
  ])('%s has the value %s', (json, value) => {
    const outcome = read(json);
    expect(outcome.kind === 'record' ? (outcome.record.value?.toString() ?? null) : outcome).toBe(value);
  });

  it.each([
    ['[]', 'is not a JSON object.'],
    ['', /^is not JSON: /],
    ['{"value":"a","valueBase64":"YQ=="}', 'has both value and valueBase64.'],
    ['{"keyBase64":"?"}', 'has a keyBase64 that is not Base64.'],
    ['{"partition":-1}', 'has a partition that is no whole number from 0 on.'],
    ['{"timestamp":"now"}', 'has a timestamp that is no whole number of ms since 1970.'],
    ['{"timestamp":0.5}', 'has a timestamp that is no whole number of ms since 1970.'],
    ['{"headers":"a=b"}', 'has headers that are neither an object nor a list.'],
    ['{"headers":[{"value":"a"}]}', 'has a header without a key.'],
    ['{"headers":[{"key":null}]}', 'has a header without a key.'],
    ['{"headers":[{"key":"a","keyBase64":"YQ=="}]}', 'has both key and keyBase64.'],
    ['{"headers":["a"]}', 'has a header that is not an object.'],
    ['{"hedaers":{}}', 'has the unknown field "hedaers". Did you mean headers?'],
  ] as [string, string | RegExp][])('%s is refused', (json, problem) => {
    const outcome = read(json);
    expect(outcome).toMatchObject({
      kind: 'invalid',
      problem: typeof problem === 'string' ? problem : expect.stringMatching(problem),
    });
  });
});
