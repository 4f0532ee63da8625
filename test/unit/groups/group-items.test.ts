import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../lib/core/bytes.ts';
import { decodeClassic } from '../../../lib/groups/classic/codec.ts';
import { protocolOfType } from '../../../lib/groups/protocols.ts';
import { keyRefusal } from '../../../lib/storage/item-rules.ts';
import {
  bodyWrittenAt,
  decodeGroupBody,
  deflateBody,
  encodeGroupBody,
  GROUP_BODIES,
  groupBodySk,
} from '../../../lib/storage/items/group-body.ts';
import {
  decodeGroupHead,
  encodeGroupHead,
  GROUP_HEAD_SK,
  type GroupHead,
} from '../../../lib/storage/items/group-head.ts';
import { groupPk, isGroupId, memberKey } from '../../../lib/storage/items/group-keys.ts';
import {
  decodeGroupLease,
  encodeGroupLease,
  GROUP_LEASES,
  groupLeaseSk,
} from '../../../lib/storage/items/group-lease.ts';

const T = 1_763_000_000_123;
const format = (first: number, json: unknown) => Buffer.concat([Buffer.of(first), Buffer.from(JSON.stringify(json))]);

describe('the head', () => {
  const heads: GroupHead[] = [
    { kind: 'group', type: 'classic', since: T, head: { a: 1 }, body: { kind: 'inline', json: [1, { b: 'x' }] } },
    { kind: 'group', type: 'x', since: T, head: {}, body: { kind: 'deflated', bytes: deflateBody('[1]') } },
    { kind: 'group', type: 'x', since: 0, head: null, body: { kind: 'item', sk: groupBodySk(T, 'nonce') } },
    { kind: 'deleting', since: T },
  ];

  it.each(heads)('comes back as it was: $kind $body.kind', (head) => {
    expect(decodeGroupHead(encodeGroupHead(head))).toEqual(head);
  });

  it('is refused in another format, and where it lacks something', () => {
    const bad = [
      Buffer.alloc(0),
      format(2, {}),
      format(1, null),
      format(1, { type: 'classic' }),
      format(1, { since: T }),
    ];
    for (const body of bad) expect(() => decodeGroupHead(body)).toThrow(MalformedBytesError);
    expect(() => protocolOfType('share')).toThrow(MalformedBytesError);
  });
});

describe('the body', () => {
  it('comes back as it was, and tells by its key when it was written', () => {
    const json = [{ id: 'é', protocols: [['range', 'AAAA']] }];
    expect(decodeGroupBody(encodeGroupBody(deflateBody(JSON.stringify(json))))).toEqual(json);
    const sk = groupBodySk(T, 'a-nonce_1');
    expect(bodyWrittenAt(sk)).toBe(T);
    expect(sk >= GROUP_BODIES.from && sk < GROUP_BODIES.to).toBe(true);
    expect(GROUP_HEAD_SK >= GROUP_BODIES.from && GROUP_HEAD_SK < GROUP_BODIES.to).toBe(false);
  });

  it('is refused in another format, and where it is not deflated JSON', () => {
    const bad = [Buffer.alloc(0), Buffer.of(2, 3), Buffer.of(1, 255, 255), encodeGroupBody(deflateBody('{'))];
    for (const body of bad) expect(() => decodeGroupBody(body)).toThrow(MalformedBytesError);
  });

  it('is refused where it would inflate to more than there is room for', () => {
    const bomb = encodeGroupBody(deflateBody(JSON.stringify('x'.repeat(65 * 1024 * 1024))));
    expect(bomb.length).toBeLessThan(100_000);
    expect(() => decodeGroupBody(bomb)).toThrow(MalformedBytesError);
  });

  it('of a classic group is refused where it lacks what every member has', () => {
    const head = { state: 'Stable', generation: 1, since: T };
    const member = { id: 'm', clientId: '', host: '', sessionMs: 1, rebalanceMs: 1, seenAt: T, protocols: [] };
    expect(decodeClassic(head, [member]).roster.members.size).toBe(1);
    for (const body of [null, {}, [null], [{ ...member, id: 1 }], [{ ...member, protocols: null }], [{ id: 'm' }]]) {
      expect(() => decodeClassic(head, body)).toThrow(MalformedBytesError);
    }
    for (const wrong of [null, {}, { ...head, state: 'Dead' }, { ...head, generation: '1' }]) {
      expect(() => decodeClassic(wrong, [])).toThrow(MalformedBytesError);
    }
  });
});

describe('leases', () => {
  it('come back as they were', () => {
    const lease = { memberId: 'a-1', at: T, sessionMs: 45_000 };
    expect(decodeGroupLease(encodeGroupLease(lease))).toEqual(lease);
    for (const json of [null, {}, { ...lease, at: 'x' }, { ...lease, memberId: 1 }]) {
      expect(() => decodeGroupLease(format(1, json))).toThrow(MalformedBytesError);
    }
  });

  it('have a key for every member id, of its own', () => {
    const ids = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.string(),
      fc.constantFrom('', '~', 'x'.repeat(201), 'x'.repeat(32_000)),
    );
    fc.assert(
      fc.property(ids, ids, (one, other) => {
        const sk = groupLeaseSk(one);
        expect(keyRefusal('pk', sk)).toBeUndefined();
        expect(sk >= GROUP_LEASES.from && sk < GROUP_LEASES.to).toBe(true);
        expect(memberKey(one) === memberKey(other)).toBe(one === other);
      }),
    );
  });
});

describe('group ids', () => {
  it('are those that all their items can have', () => {
    for (const id of ['a', 'x'.repeat(500), '漢'.repeat(166), ' ', '\0', 'a/b']) expect(isGroupId(id)).toBe(true);
    for (const id of ['', 'x'.repeat(501), '漢'.repeat(167), '\ud800']) expect(isGroupId(id)).toBe(false);
    expect(keyRefusal(groupPk('x'.repeat(500)), groupLeaseSk('x'.repeat(32_000)))).toBeUndefined();
  });
});
