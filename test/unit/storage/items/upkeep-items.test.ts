import { describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../../lib/core/bytes.ts';
import { decodeUpkeepCursor, encodeUpkeepCursor, upkeepCursorSk } from '../../../../lib/storage/items/upkeep-cursor.ts';
import { decodeUpkeepRunner, encodeUpkeepRunner } from '../../../../lib/storage/items/upkeep-runner.ts';

const malformed = (first: number, json: string) => Buffer.concat([Buffer.of(first), Buffer.from(json)]);

describe('the runner of the upkeep', () => {
  const runner = { holder: 'AAECAwQFBgcICQoLDA0ODw', until: 1_763_000_360_000, completedAt: 1_762_996_400_000 };
  const bytes =
    '017b22686f6c646572223a22414145434177514642676349435' +
    '16f4c4441304f4477222c22756e74696c223a31373633303030333630303030' +
    '2c22636f6d706c657465644174223a313736323939363430303030307d';

  it('has these bytes, and comes back as it was', () => {
    expect(encodeUpkeepRunner(runner).toString('hex')).toBe(bytes);
    expect(decodeUpkeepRunner(Buffer.from(bytes, 'hex'))).toEqual(runner);
  });

  it.each([
    malformed(2, '{"holder":"a","until":1,"completedAt":1}'),
    malformed(1, '{"holder":"a","until":1}'),
    malformed(1, '{"until":1,"completedAt":1}'),
    malformed(1, 'null'),
    malformed(1, '{'),
    Buffer.alloc(0),
  ])('is not made of other bytes (%#)', (body) => {
    expect(() => decodeUpkeepRunner(body)).toThrow(MalformedBytesError);
  });
});

describe('the cursor of a job', () => {
  it.each([
    [{ cursor: 'billing' }, '017b22637572736f72223a2262696c6c696e67227d'],
    [{ cursor: undefined }, '017b22637572736f72223a6e756c6c7d'],
  ])('has these bytes, and comes back as it was: %j', (cursor, bytes) => {
    expect(encodeUpkeepCursor(cursor).toString('hex')).toBe(bytes);
    expect(decodeUpkeepCursor(Buffer.from(bytes, 'hex'))).toEqual(cursor);
  });

  it('has a key of its own for each job', () => {
    expect(upkeepCursorSk('groups')).toBe('cursor/groups');
    expect(() => upkeepCursorSk('a/b')).toThrow();
  });

  it.each([malformed(2, '{"cursor":null}'), malformed(1, '{"cursor":3}'), malformed(1, '{}'), malformed(1, 'null')])(
    'is not made of other bytes (%#)',
    (body) => {
      expect(() => decodeUpkeepCursor(body)).toThrow(MalformedBytesError);
    },
  );
});
