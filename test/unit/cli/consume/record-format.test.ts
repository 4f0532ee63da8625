import { describe, expect, it } from 'vitest';
import { OutputBuffer } from '../../../../lib/cli/consume/output-buffer.ts';
import { jsonFormat, keyValueFormat, templateFormat, valueFormat } from '../../../../lib/cli/consume/record-format.ts';

const options = { keySeparator: Buffer.from('='), delimiter: Buffer.from(';'), nullText: Buffer.from('-') };
const record = {
  offset: 7,
  timestamp: 123,
  key: Buffer.from('k'),
  value: Buffer.from([0xff, 0x00]),
  headers: [
    { key: Buffer.from('a'), value: Buffer.from('1') },
    { key: Buffer.from('b'), value: null },
  ],
};
const empty = { offset: 8, timestamp: -1, key: null, value: null, headers: [] };

function shown(write: (out: OutputBuffer) => void): string {
  const out = new OutputBuffer();
  write(out);
  return out.take().toString('latin1');
}

describe('formats', () => {
  it('give bytes as they are', () => {
    expect(shown((out) => valueFormat(options)(out, record, 't', 1))).toBe('\xff\x00;');
    expect(shown((out) => keyValueFormat(options)(out, record, 't', 1))).toBe('k=\xff\x00;');
    expect(shown((out) => keyValueFormat(options)(out, empty, 't', 1))).toBe('-=-;');
  });

  it('give JSON, in Base64 what is no text', () => {
    expect(JSON.parse(shown((out) => jsonFormat(out, record, 't', 1)))).toEqual({
      topic: 't',
      partition: 1,
      offset: 7,
      timestamp: 123,
      key: 'k',
      valueBase64: '/wA=',
      headers: [
        { key: 'a', value: '1' },
        { key: 'b', value: null },
      ],
    });
  });

  it('give names of headers in Base64 that are no text', () => {
    const headers = [{ key: Buffer.from('caf\xe9', 'latin1'), value: Buffer.from('x') }];
    expect(JSON.parse(shown((out) => jsonFormat(out, { ...record, headers }, 't', 1))).headers).toEqual([
      { keyBase64: 'Y2Fm6Q==', value: 'x' },
    ]);
    const outcome = templateFormat('%h', options);
    expect(outcome.kind === 'format' && shown((out) => outcome.format(out, { ...record, headers }, 't', 1))).toBe(
      'caf\xe9=x',
    );
  });

  it('follow a template', () => {
    const format = (template: string, of = record as typeof record | typeof empty) => {
      const outcome = templateFormat(template, options);
      return outcome.kind === 'invalid' ? outcome.problem : shown((out) => outcome.format(out, of, 'top', 1));
    };
    expect(format('%t/%p/%o/%T/%k/%s/%K/%S/%h/%%\\n\\x41')).toBe('top/1/7/123/k/\xff\x00/1/2/a=1,b=-/%\nA');
    expect(format('%k %s %K %S [%h]', empty)).toBe('- - -1 -1 []');
    expect(format('%q')).toMatch(/^%q means nothing/);
    expect(format('100%')).toMatch(/^% means nothing/);
    expect(format('\\q%s')).toMatch(/^A template knows the escapes/);
  });
});

describe('OutputBuffer', () => {
  it('grows, and keeps what it gave away as it was', () => {
    const out = new OutputBuffer();
    const big = Buffer.alloc(1_000_000, 'x');
    out.text('ü€');
    out.bytes(big);
    const first = out.take();
    out.text('over it');
    expect(first.equals(Buffer.concat([Buffer.from('ü€'), big]))).toBe(true);
    expect([out.length, out.take().toString(), out.length]).toEqual([7, 'over it', 0]);
  });
});
