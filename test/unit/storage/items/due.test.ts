import { describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../../lib/core/bytes.ts';
import {
  checkDue,
  DUE_PK,
  type DueItem,
  dueSk,
  dueSkEnd,
  encodeDue,
  parseDueSk,
} from '../../../../lib/storage/items/due.ts';

const journal: DueItem = { kind: 'journal', name: 'topic/0', at: 1_700_000_000_000 };
const object: DueItem = { kind: 'object', name: 'segment/topic/0/0000000000000001-x', at: 0 };

describe('the item of something due', () => {
  it.each([
    [journal, '001700000000000/journal/topic/0'],
    [object, '000000000000000/object/segment/topic/0/0000000000000001-x'],
  ])('has the key that it has always had, which says what is due: %j', (item, sk) => {
    expect(DUE_PK).toBe('due');
    expect(dueSk(item)).toBe(sk);
    expect(parseDueSk(sk)).toEqual(item);
  });

  it.each(['001700000000000/journal/', '1/journal/a', '001700000000000/group/a', '001700000000000/journal', ''])(
    'has no other key: %j',
    (sk) => {
      expect(() => parseDueSk(sk)).toThrow(MalformedBytesError);
    },
  );

  it('has a time in whole milliseconds and a name', () => {
    expect(() => dueSk({ ...journal, at: 1.5 })).toThrow();
    expect(() => dueSk({ ...journal, at: Number.NaN })).toThrow();
    expect(() => dueSk({ ...journal, name: '' })).toThrow();
  });

  it('is due from its time on', () => {
    const isDue = (now: number) => dueSk(journal) < dueSkEnd(now);
    expect([journal.at - 1, journal.at - 0.5, journal.at, journal.at + 0.5].map(isDue)).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  it('has a body that is only a format', () => {
    expect(encodeDue()).toEqual(Buffer.of(1));
    checkDue(encodeDue());
    for (const body of [Buffer.of(2), Buffer.of(1, 0), Buffer.alloc(0)]) {
      expect(() => checkDue(body)).toThrow(MalformedBytesError);
    }
  });
});
