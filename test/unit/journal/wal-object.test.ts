import { describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../lib/core/bytes.ts';
import { decodeWalHeader, frameWalObject, rangeOfStretch, stretchIn } from '../../../lib/journal/wal-object.ts';
import { walKey } from '../../../lib/storage/items/wal-object.ts';
import { T0 } from './world.ts';

const KEY = walKey(T0, 'nonce');
const PARTS = [
  { journal: 'a/0', bytes: Buffer.from('abc') },
  { journal: 'b/0', bytes: Buffer.from('defg') },
  { journal: 'a/0', bytes: Buffer.from('h') },
];

function made(key = KEY): Buffer {
  const stretches = PARTS.map(({ journal, bytes }) => ({ journal, length: bytes.length }));
  const frames = frameWalObject({ key, writer: 'w', time: T0 + 0.5, stretches });
  return Buffer.concat(frames.flatMap(({ before }, index) => [before, PARTS[index]!.bytes]));
}

const OBJECT = made();
const { stretches: ROWS } = decodeWalHeader(KEY, OBJECT);
const HEADER_BYTES = ROWS[0]!.start - 4;

/** What a reader gets for a stretch. */
function read(row = ROWS[1]!, key = KEY, object = OBJECT): string {
  const { from, to } = rangeOfStretch(key, row);
  return stretchIn(key, row, object.subarray(from, to)).toString();
}

describe('the header of a WAL object', () => {
  it('says what the object is and where each stretch lies', () => {
    const { stretches, ...rest } = decodeWalHeader(KEY, OBJECT);
    expect(rest).toEqual({ key: KEY, writer: 'w', time: T0 });
    expect(stretches.map(({ journal }) => journal)).toEqual(['a/0', 'b/0', 'a/0']);
    expect(stretches.map(({ start, length }) => OBJECT.toString('latin1', start, start + length))).toEqual([
      'abc',
      'defg',
      'h',
    ]);
    expect(stretches.at(-1)!.start + 1).toBe(OBJECT.length);
  });

  it('is read from the beginning of the object alone', () => {
    expect(decodeWalHeader(KEY, OBJECT.subarray(0, HEADER_BYTES)).stretches).toEqual(ROWS);
  });

  it('cut off anywhere is malformed', () => {
    for (let end = 0; end < HEADER_BYTES; end++) {
      expect(() => decodeWalHeader(KEY, OBJECT.subarray(0, end)), `${end} bytes`).toThrow(MalformedBytesError);
    }
  });

  it('with any byte changed is malformed', () => {
    for (let at = 0; at < HEADER_BYTES; at++) {
      const changed = Buffer.from(OBJECT);
      changed[at]! ^= 1;
      expect(() => decodeWalHeader(KEY, changed), `byte ${at}`).toThrow(MalformedBytesError);
    }
  });

  it.each([
    ['batches without a header', Buffer.alloc(200), 'has no header'],
    ['a newer format', Buffer.concat([Buffer.from('TWAL\x02'), OBJECT.subarray(5)]), 'format 2 is newer'],
    ['another object', made(walKey(T0, 'other')), 'is a copy of'],
  ])('is not made of %s', (_, bytes, message) => {
    expect(() => decodeWalHeader(KEY, bytes)).toThrow(message);
  });
});

describe('a stretch', () => {
  it('is read without its mark', () => {
    expect(ROWS.map((row) => read(row))).toEqual(['abc', 'defg', 'h']);
  });

  it.each([
    ['another journal', { ...ROWS[1]!, journal: 'c/0' }, KEY, OBJECT],
    [
      'another stretch of the journal',
      { ...ROWS[0]!, start: ROWS[2]!.start, length: 3 },
      KEY,
      Buffer.from(`${OBJECT}...`),
    ],
    ['another place', { ...ROWS[1]!, start: ROWS[1]!.start - 1 }, KEY, OBJECT],
    ['another length', { ...ROWS[1]!, length: 3 }, KEY, OBJECT],
    ['another object', ROWS[1]!, walKey(T0, 'other'), OBJECT],
    ['damaged bytes', ROWS[1]!, KEY, Buffer.alloc(OBJECT.length)],
  ])('is not taken from %s', (_, row, key, object) => {
    expect(() => read(row, key, object)).toThrow(MalformedBytesError);
    expect(() => read(row, key, object)).toThrow('does not hold bytes of journal');
  });

  it('cannot start before the header', () => {
    expect(() => rangeOfStretch(KEY, { ...ROWS[0]!, start: 3 })).toThrow(MalformedBytesError);
  });

  it('of an object without a header is all that was read', () => {
    const key = 'wal/001700000000000-nonce';
    const row = { journal: 'a/0', start: 0, length: 3 };
    expect(rangeOfStretch(key, row)).toEqual({ from: 0, to: 3 });
    expect(stretchIn(key, row, Buffer.from('abc')).toString()).toBe('abc');
  });
});
