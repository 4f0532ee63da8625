import { describe, expect, it } from 'vitest';
import { lineReader } from '../../../../lib/cli/produce/line-reader.ts';

const plain = { headers: [], emptyIsNull: false };
const read = (format: Parameters<typeof lineReader>[0], line: string) => {
  const outcome = lineReader(format)(Buffer.from(line, 'latin1'));
  if (outcome.kind === 'invalid') return outcome.problem;
  const { key, value, headers } = outcome.record;
  return {
    key: key?.toString('latin1') ?? null,
    value: value?.toString('latin1') ?? null,
    headers: headers.map((header) => `${header.key}=${header.value?.toString('latin1')}`),
  };
};

describe('a line', () => {
  it('is a value as it is', () => {
    expect(read(plain, 'a\xff\r')).toEqual({ key: null, value: 'a\xff\r', headers: [] });
    expect(read(plain, '')).toEqual({ key: null, value: '', headers: [] });
    expect(read({ ...plain, emptyIsNull: true }, '')).toEqual({ key: null, value: null, headers: [] });
  });

  it('has a key up to the first separator', () => {
    const format = { ...plain, keySeparator: Buffer.from('::') };
    expect(read(format, 'k::a::b')).toEqual({ key: 'k', value: 'a::b', headers: [] });
    expect(read(format, '::')).toEqual({ key: '', value: '', headers: [] });
    expect(read(format, 'k:a')).toBe('has no "::" behind its key (--key-separator).');
  });

  it('has headers before the key, behind those that all have', () => {
    const format = {
      headers: [{ key: 'all', value: Buffer.from('1') }],
      emptyIsNull: false,
      headersSeparator: Buffer.from('\t'),
      keySeparator: Buffer.from('\t'),
    };
    expect(read(format, 'a=,b=c=d\tk\tv')).toEqual({ key: 'k', value: 'v', headers: ['all=1', 'a=', 'b=c=d'] });
    expect(read(format, '\tk\tv')).toEqual({ key: 'k', value: 'v', headers: ['all=1'] });
    expect(read(format, 'a\tk\tv')).toBe('has headers that are not name=value,name=value.');
    expect(read(format, 'a,b=1\tk\tv')).toBe('has headers that are not name=value,name=value.');
    expect(read(format, 'kv')).toBe('has no "\\t" behind its headers (--headers-separator).');
  });
});
