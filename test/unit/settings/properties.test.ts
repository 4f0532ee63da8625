import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from '../../../lib/settings/nearest.ts';
import { parseProperties } from '../../../lib/settings/properties.ts';

function pairs(content: string): [string, string][] {
  return parseProperties(content).map(({ key, value }) => [key, value]);
}

describe("Java's properties syntax", () => {
  it.each<[string, [string, string][]]>([
    [
      'a=1\nb = 2\nc:3\nd 4\ne\t:\t5',
      [
        ['a', '1'],
        ['b', '2'],
        ['c', '3'],
        ['d', '4'],
        ['e', '5'],
      ],
    ],
    ['# x=1\n  ! y=2\n\n   \nz=3', [['z', '3']]],
    ['listeners=A://h:1,\\\n    B://h:2', [['listeners', 'A://h:1,B://h:2']]],
    [
      'a=1\\\\\nb=2',
      [
        ['a', '1\\'],
        ['b', '2'],
      ],
    ],
    ['a=one\\\n# not a comment', [['a', 'one# not a comment']]],
    ['a\\ b\\=c=d', [['a b=c', 'd']]],
    ['path=C:\\\\data\\tx', [['path', 'C:\\data\tx']]],
    ['u=\\u00e9\\n\\q', [['u', 'é\nq']]],
    [
      'empty=\nalone',
      [
        ['empty', ''],
        ['alone', ''],
      ],
    ],
    [
      'a=1\r\nb=2\rc=3',
      [
        ['a', '1'],
        ['b', '2'],
        ['c', '3'],
      ],
    ],
    ['a = = 1', [['a', '= 1']]],
    ['a=trailing  ', [['a', 'trailing  ']]],
    ['a=1\\', [['a', '1']]],
  ])('reads %j', (content, expected) => {
    expect(pairs(content)).toEqual(expected);
  });

  it('tells the line where a property starts', () => {
    expect(parseProperties('\na=1\\\n2\n#\nb=3').map(({ line }) => line)).toEqual([2, 5]);
  });
});

describe('the nearest name', () => {
  it('counts edits', () => {
    expect(editDistance('kitten', 'sitting')).toBe(3);
    expect(editDistance('', 'abc')).toBe(3);
  });

  it('is none when nothing is near', () => {
    expect(nearest('listener', ['listeners', 'linger-ms'])).toBe('listeners');
    expect(nearest('abc', ['xyz'])).toBeUndefined();
  });
});
