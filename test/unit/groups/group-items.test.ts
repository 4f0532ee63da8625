import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../lib/core/bytes.ts';
import { decodeClassic, encodeClassicBody, encodeClassicHead } from '../../../lib/groups/classic/codec.ts';
import { type ClassicGroup, emptyClassicGroup, Roster } from '../../../lib/groups/classic/state.ts';
import { decodeConsumerGroup, encodeConsumerBody, encodeConsumerHead } from '../../../lib/groups/consumer/codec.ts';
import { type ConsumerGroup, ConsumerGroupBody } from '../../../lib/groups/consumer/state.ts';
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
import { encodeGroupIndexEntry } from '../../../lib/storage/items/group-index.ts';
import { GROUPS_PK, groupPk, isGroupId, memberKey } from '../../../lib/storage/items/group-keys.ts';
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
    { kind: 'group', type: 'x', since: T, head: {}, body: { kind: 'inline', json: [] }, isUnused: true },
    { kind: 'deleting', since: T },
    { kind: 'deleted', since: T },
  ];

  it.each(heads)('comes back as it was: $kind $body.kind', (head) => {
    expect(decodeGroupHead(encodeGroupHead(head))).toEqual(head);
  });

  it('is refused in another format, and where it lacks something', () => {
    const bad = [
      Buffer.alloc(0),
      format(2, {}),
      format(3, { type: 'classic', since: T, head: {}, body: [] }),
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

/** Each with all that it can hold. A change of them needs a new format, and programs that read the old one as well. */
describe('the bytes of the items are what they have always been:', () => {
  const inline: GroupHead = { kind: 'group', type: 'x', since: T, head: { a: 1 }, body: { kind: 'inline', json: [1] } };
  const HEADS: readonly (readonly [head: GroupHead, stored: string])[] = [
    [inline, '\x01{"type":"x","since":1763000000123,"head":{"a":1},"body":[1]}'],
    [{ ...inline, isUnused: true }, '\x02{"type":"x","since":1763000000123,"head":{"a":1},"body":[1]}'],
    [
      { ...inline, body: { kind: 'deflated', bytes: Buffer.from('8b36348c0500', 'hex') } },
      '\x01{"type":"x","since":1763000000123,"head":{"a":1},"deflatedBody":"izY0jAUA"}',
    ],
    [
      { ...inline, body: { kind: 'item', sk: groupBodySk(T, 'a-nonce_1') } },
      '\x01{"type":"x","since":1763000000123,"head":{"a":1},"bodyKey":"body/001763000000123-a-nonce_1"}',
    ],
    [{ kind: 'deleting', since: T }, '\x01{"deleting":true,"since":1763000000123}'],
    [{ kind: 'deleted', since: T }, '\x01{"deleted":true,"since":1763000000123}'],
  ];

  it.each(HEADS)('a head, %j', (head, stored) => {
    expect(encodeGroupHead(head).toString()).toBe(stored);
    expect(decodeGroupHead(Buffer.from(stored))).toEqual(head);
  });

  it('a body', () => {
    const hex = '018b36348c0500';
    expect(encodeGroupBody(Buffer.from(hex.slice(2), 'hex')).toString('hex')).toBe(hex);
    expect(decodeGroupBody(Buffer.from(hex, 'hex'))).toEqual([11]);
  });

  it('a lease, an entry of the index, and their keys', () => {
    const stored = '\x01{"memberId":"m-1","at":1763000000123,"sessionMs":45000}';
    const lease = { memberId: 'm-1', at: T, sessionMs: 45_000 };
    expect(encodeGroupLease(lease).toString()).toBe(stored);
    expect(decodeGroupLease(Buffer.from(stored))).toEqual(lease);
    expect(encodeGroupIndexEntry().toString()).toBe('\x01{}');
    expect([groupPk('g'), GROUP_HEAD_SK, GROUPS_PK, groupLeaseSk('m-1'), groupBodySk(T, 'n')]).toEqual([
      'group/g',
      'group',
      'groups',
      'lease/m-1',
      'body/001763000000123-n',
    ]);
    expect(groupLeaseSk('m é')).toBe('lease/~kxFpv7SqnOYdux3hOTB_XwhH0QOe9LUPdUR0Xq_X5cg');
  });

  it('a classic group', () => {
    const member = {
      memberId: 'm-1',
      instanceId: 'i-1' as string | null,
      clientId: 'c',
      clientHost: '/127.0.0.1',
      sessionTimeoutMs: 45_000,
      rebalanceTimeoutMs: 300_000,
      protocols: [{ name: 'range', metadata: Buffer.from('abc') }],
      seenAt: T,
    };
    const group: ClassicGroup = {
      ...emptyClassicGroup(T, 7),
      state: 'PreparingRebalance',
      protocolType: 'consumer',
      protocolName: 'range',
      leader: 'm-1',
      roster: new Roster(
        new Map([
          ['m-1', member],
          ['m-2', { ...member, memberId: 'm-2', instanceId: null }],
        ]),
        new Map([['m-1', Buffer.from('de')]]),
      ),
      joined: new Set(['m-2']),
      pendingSync: new Set(['m-1', 'm-2']),
      pendingJoin: new Map([['m-3', T + 1]]),
      joinDeadline: T + 2,
      syncDeadline: T + 3,
      initial: { delayMs: 3_000, remainingMs: 297_000, newMemberAdded: true },
      replacedAt: T + 4,
    };
    const head = [
      '{"state":"PreparingRebalance","generation":7,"protocolType":"consumer","protocolName":"range","leader":"m-1"',
      '"since":1763000000123,"joined":"Ag==","pendingSync":"Aw==","pendingJoin":[["m-3",1763000000124]]',
      '"joinDeadline":1763000000125,"syncDeadline":1763000000126',
      '"initial":{"delayMs":3000,"remainingMs":297000,"newMemberAdded":true},"replacedAt":1763000000127}',
    ].join();
    const rest = '"sessionMs":45000,"rebalanceMs":300000,"seenAt":1763000000123,"protocols":[["range","YWJj"]]';
    const body = [
      `[{"id":"m-1","instanceId":"i-1","clientId":"c","host":"/127.0.0.1",${rest},"assignment":"ZGU="}`,
      `{"id":"m-2","clientId":"c","host":"/127.0.0.1",${rest}}]`,
    ].join();
    expect(JSON.stringify(encodeClassicHead(group))).toBe(head);
    expect(JSON.stringify(encodeClassicBody(group))).toBe(body);
    expect(decodeClassic(JSON.parse(head), JSON.parse(body))).toEqual(group);
  });

  it('a consumer group', () => {
    const names = ['orders'];
    const member = {
      memberId: 'm-1',
      clientId: 'c',
      clientHost: '/127.0.0.1',
      joinedAt: T,
      sessionTimeoutMs: 45_000,
      rebalanceTimeoutMs: 300_000,
      topicNames: names,
      topicPattern: '',
      memberEpoch: 6,
      previousMemberEpoch: 5,
      state: 'stable' as const,
      assigned: [{ topicId: 'id-1', partitions: [0, 1, 3] }],
      pendingRevocation: [],
      target: [{ topicId: 'id-1', partitions: [0, 1, 3] }],
    };
    const group: ConsumerGroup = {
      type: 'consumer',
      groupEpoch: 7,
      assignmentEpoch: 6,
      emptySince: T,
      replacedAt: T + 1,
      body: new ConsumerGroupBody({
        topics: [{ name: 'orders', topicId: 'id-1', partitions: 4 }],
        topicsAt: T + 2,
        patterns: [{ pattern: 'o.*', topics: ['orders'] }],
        members: [
          member,
          {
            ...member,
            memberId: 'm-2',
            instanceId: 'i-2',
            rackId: 'r',
            topicPattern: 'o.*',
            assignor: 'range',
            state: 'unrevoked',
            assigned: [],
            pendingRevocation: [{ topicId: 'id-1', partitions: [2] }],
            target: [{ topicId: 'id-1', partitions: [2] }],
            revokeBy: T + 3,
            classic: {
              protocols: [{ name: 'range', metadata: Buffer.from('abc') }],
              joinBy: T + 4,
              syncBy: T + 5,
            },
          },
        ],
      }),
    };
    const head = '{"groupEpoch":7,"assignmentEpoch":6,"emptySince":1763000000123,"replacedAt":1763000000124}';
    const rest = '"joinedAt":1763000000123,"sessionMs":45000,"rebalanceMs":300000,"names":0';
    const body = [
      '{"topics":[["orders","id-1",4]],"topicsAt":1763000000125,"patterns":[["o.*",["orders"]]]',
      '"names":[["orders"]]',
      `"members":[{"id":"m-1","clientId":"c","host":"/127.0.0.1",${rest},"epoch":6,"previousEpoch":5`,
      '"state":"stable","assigned":[["id-1",0,2,3,1]]}',
      `{"id":"m-2","instanceId":"i-2","rackId":"r","clientId":"c","host":"/127.0.0.1",${rest},"pattern":"o.*"`,
      '"assignor":"range","epoch":6,"previousEpoch":5,"state":"unrevoked","assigned":[],"revoking":[["id-1",2,1]]',
      '"target":[["id-1",2,1]],"revokeBy":1763000000126',
      '"classic":{"protocols":[["range","YWJj"]],"joinBy":1763000000127,"syncBy":1763000000128}}]}',
    ].join();
    expect(JSON.stringify(encodeConsumerHead(group))).toBe(head);
    expect(JSON.stringify(encodeConsumerBody(group))).toBe(body);
    expect(decodeConsumerGroup(JSON.parse(head), JSON.parse(body))).toEqual(group);
  });
});
