import { describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../../lib/core/bytes.ts';
import { crc32c } from '../../../../lib/records/crc32c.ts';
import { decodeDirectory, FOOTER_BYTES } from '../../../../lib/segments/format/directory.ts';
import { buildSegmentSet } from '../../../../lib/segments/format/segment-set.ts';
import { bytesOf, contentOf, KEY, type Step } from './contents.ts';

const steps: Step[] = [{ kind: 'data', timestamps: [1, 2], valueBytes: 20 }];
const set = buildSegmentSet(
  [0, 1, 2].map((partition) => contentOf(steps, partition)),
  { key: KEY },
);
const object = bytesOf(set);
const last = set.parts.at(-1)!.index;
const directoryAt = last.start + last.length;
const directoryBytes = object.length - FOOTER_BYTES - directoryAt;

/** The object with a changed directory whose checksum is right. */
function redone(change: (directory: Buffer) => Buffer): Buffer {
  const directory = change(Buffer.from(object.subarray(directoryAt, directoryAt + directoryBytes)));
  const footer = Buffer.from(object.subarray(-FOOTER_BYTES));
  footer.writeUInt32BE(directory.length, 8);
  footer.writeUInt32BE(crc32c(directory), 12);
  return Buffer.concat([object.subarray(0, directoryAt), directory, footer]);
}

const decode = (bytes: Buffer, key = KEY) => decodeDirectory(key, bytes, bytes.length);

describe('the directory of a segment set', () => {
  it('is found in every tail that holds it, and asked for in every shorter one', () => {
    for (let length = FOOTER_BYTES; length <= object.length; length++) {
      const outcome = decodeDirectory(KEY, object.subarray(-length), object.length);
      if (length >= directoryBytes + FOOTER_BYTES) expect(outcome).toEqual({ kind: 'directory', rows: set.rows });
      else {
        const range = { start: directoryAt, length: directoryBytes + FOOTER_BYTES };
        expect(outcome).toEqual({ kind: 'longer', range });
      }
    }
  });

  it('is refused where the object is cut off anywhere', () => {
    for (let length = 0; length < object.length; length++) {
      expect(() => decode(object.subarray(0, length))).toThrow(MalformedBytesError);
    }
  });

  it('is refused where bytes follow it', () => {
    expect(() => decode(Buffer.concat([object, Buffer.from([0])]))).toThrow(`object ${KEY}, byte `);
  });

  it('is refused where any byte of it or of the footer was changed', () => {
    for (let at = directoryAt; at < object.length; at++) {
      for (const bit of [1, 0x80, 0xff]) {
        const copy = Buffer.from(object);
        copy[at]! ^= bit;
        expect(() => decode(copy)).toThrow(MalformedBytesError);
      }
    }
  });

  it('is refused as that of another object', () => {
    expect(() => decode(object, 'segment/other')).toThrow(`a directory of the object ${KEY}`);
  });

  it('is refused if its format is newer', () => {
    const format = (directory: Buffer) => {
      directory[4] = 2;
      return directory;
    };
    expect(() => decode(redone(format))).toThrow('format 2 is unknown to this program');
    const copy = Buffer.from(object);
    copy[copy.length - FOOTER_BYTES + 16] = 2;
    expect(() => decode(copy)).toThrow('format 2 is unknown to this program');
  });

  it('is refused, and its position told, if it is truncated or longer than its rows', () => {
    const place = `object ${KEY}, byte ${directoryAt + directoryBytes - 1}: truncated`;
    expect(() => decode(redone((directory) => directory.subarray(0, -1)))).toThrow(place);
    expect(() => decode(redone((directory) => Buffer.concat([directory, Buffer.from([1])])))).toThrow(
      '1 bytes behind the last row',
    );
  });

  it('is refused if its rows are out of order or do not fill the object', () => {
    const rowsAt = 5 + 1 + KEY.length + 1;
    const change = (at: number, value: number) => () =>
      decode(
        redone((directory) => {
          directory[rowsAt + at] = value;
          return directory;
        }),
      );
    expect(change(0, 9)).toThrow('row 1: partition 1 behind 9');
    expect(change(2, 0)).toThrow('row 0: offsets 0 to 0');
    expect(change(5, 11)).toThrow('before a directory at');
  });
});
