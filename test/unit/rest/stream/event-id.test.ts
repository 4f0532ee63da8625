import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodePlace, encodePlace } from '../../../../lib/rest/stream/event-id.ts';

const topicId = 'o7Zr3v1cQ2mX0a-_9KbLdw';

it('holds the offsets of all partitions, and the member', () => {
  const positions = new Map([
    [0, 15],
    [12, 0],
  ]);
  expect(encodePlace({ topicId, positions })).toBe(`${topicId}/0=15,12=0`);
  const member = { memberId: 'nB3Y', memberEpoch: 4 };
  expect(encodePlace({ topicId, positions, member })).toBe(`${topicId}/0=15,12=0/nB3Y.4`);
  // A member that waits for its first partition.
  expect(encodePlace({ topicId, positions: new Map(), member })).toBe(`${topicId}//nB3Y.4`);
});

it('is read as it was written', () => {
  const offset = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  const positions = fc.dictionary(fc.integer({ min: 0, max: 9_999_999 }).map(String), offset, { maxKeys: 256 });
  const member = fc.option(fc.record({ memberId: fc.stringMatching(/^[\w-]{1,64}$/), memberEpoch: fc.nat() }), {
    nil: undefined,
  });
  fc.assert(
    fc.property(positions, member, (offsets, known) => {
      const map = new Map(Object.entries(offsets).map(([partition, at]) => [Number(partition), at]));
      const place = { topicId, positions: map, member: known };
      expect(decodePlace(encodePlace(place))).toEqual(place);
    }),
  );
});

it('is refused if it was written by others', () => {
  for (const text of [
    '',
    topicId,
    `${topicId}/0`,
    `${topicId}/0=1,`,
    `${topicId}/0=1,0=2`,
    `${topicId}/0=1/m`,
    'x/0=1',
  ]) {
    expect(decodePlace(text), text).toBeUndefined();
  }
});
