import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordSplitter } from '../../../../lib/cli/produce/record-splitter.ts';

function split(pieces: readonly Buffer[], delimiter: string): string[] {
  const splitter = new RecordSplitter(Buffer.from(delimiter, 'latin1'));
  const records = pieces.flatMap((piece) => [...splitter.push(piece)]);
  const last = splitter.end();
  return [...records, ...(last === undefined ? [] : [last])].map((record) => record.toString('latin1'));
}

describe('RecordSplitter', () => {
  it('takes the rest for a record, and nothing behind a last delimiter', () => {
    expect(split([Buffer.from('a\n\nb')], '\n')).toEqual(['a', '', 'b']);
    expect(split([Buffer.from('a\n')], '\n')).toEqual(['a']);
    expect(split([], '\n')).toEqual([]);
    expect(split([Buffer.from('a\n'), Buffer.from('b\n')], '')).toEqual(['a\nb\n']);
  });

  it('gives the same however the input is cut into pieces', () => {
    const bytes = fc
      .array(fc.constantFrom('a', '\r', '\n', '\xff', '\0'), { maxLength: 40 })
      .map((all) => all.join(''));
    fc.assert(
      fc.property(
        bytes,
        fc.constantFrom('\n', '\r\n', '\r\r\n', 'a\xff'),
        fc.array(fc.nat(5)),
        (text, delimiter, sizes) => {
          const input = Buffer.from(text, 'latin1');
          const pieces: Buffer[] = [];
          let at = 0;
          for (const size of sizes) {
            pieces.push(input.subarray(at, at + size));
            at += size;
          }
          pieces.push(input.subarray(at));
          const expected = text.split(delimiter);
          if (expected.at(-1) === '') expected.pop();
          expect(split(pieces, delimiter)).toEqual(expected);
        },
      ),
    );
  });

  it('refuses a record that no request can carry', () => {
    const splitter = new RecordSplitter(Buffer.from('\n'));
    const piece = Buffer.alloc(30 * 1024 * 1024, 'x');
    const push = () => [...splitter.push(piece)];
    for (let i = 0; i < 3; i++) push();
    expect(push).toThrow(/^Record 1 is longer than 104857600 bytes.*--delimiter/);
  });
});
