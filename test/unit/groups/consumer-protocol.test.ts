import { describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../lib/core/bytes.ts';
import { chooseAssignor } from '../../../lib/groups/assignors/choose.ts';
import { decodeConsumerGroup, encodeConsumerBody, encodeConsumerHead } from '../../../lib/groups/consumer/codec.ts';
import { consumerProtocol, stateOf } from '../../../lib/groups/consumer/protocol.ts';
import { type ConsumerGroup, ConsumerGroupBody, type Member } from '../../../lib/groups/consumer/state.ts';
import type { StepContext } from '../../../lib/groups/step.ts';
import { GROUP_CONFIG } from '../../support/consumer-group-model.ts';

const member: Member = {
  memberId: 'modern',
  clientId: 'client',
  clientHost: '/127.0.0.1',
  joinedAt: 1000,
  sessionTimeoutMs: 45_000,
  rebalanceTimeoutMs: 60_000,
  topicNames: ['orders'],
  topicPattern: '',
  memberEpoch: 5,
  previousMemberEpoch: 4,
  state: 'stable',
  assigned: [{ topicId: 'orders-id', partitions: [0, 1, 2, 5] }],
  pendingRevocation: [],
  target: [{ topicId: 'orders-id', partitions: [0, 1, 2, 5] }],
};

const classic: Member = {
  ...member,
  memberId: 'classic',
  instanceId: 'instance',
  rackId: 'rack',
  assignor: 'range',
  topicPattern: 'stock.*',
  state: 'unrevoked',
  assigned: [],
  pendingRevocation: [{ topicId: 'orders-id', partitions: [3] }],
  target: [{ topicId: 'orders-id', partitions: [4, 6] }],
  classic: { protocols: [{ name: 'range', metadata: Buffer.from('m') }], joinBy: 9000, syncBy: 8000 },
};

const group: ConsumerGroup = {
  type: 'consumer',
  groupEpoch: 5,
  assignmentEpoch: 5,
  body: new ConsumerGroupBody({
    members: [{ ...member, revokeBy: 7000 }, classic],
    topics: [{ name: 'orders', topicId: 'orders-id', partitions: 7 }],
    topicsAt: 900,
    patterns: [{ pattern: 'stock.*', topics: ['stock-eu'] }],
  }),
};

const json = (value: unknown) => JSON.parse(JSON.stringify(value));
const claim = (memberId: string, generationOrEpoch: number) => ({ memberId, generationOrEpoch, instanceId: null });

describe('the items of a consumer group', () => {
  it('keep all of it', () => {
    const decoded = decodeConsumerGroup(json(encodeConsumerHead(group)), json(encodeConsumerBody(group)));
    expect(decoded).toEqual(group);
    const { memberId: _, ...rest } = member;
    const empty: ConsumerGroup = {
      ...group,
      emptySince: 77,
      body: group.body.with({ members: [{ ...rest, memberId: '__proto__' }] }),
    };
    expect(decodeConsumerGroup(json(encodeConsumerHead(empty)), json(encodeConsumerBody(empty)))).toEqual(empty);
  });

  it.each([
    [null, encodeConsumerBody(group)],
    [{ groupEpoch: 1 }, encodeConsumerBody(group)],
    [encodeConsumerHead(group), null],
    [encodeConsumerHead(group), { ...(encodeConsumerBody(group) as object), members: 3 }],
    [encodeConsumerHead(group), { ...(encodeConsumerBody(group) as object), members: [{}] }],
    [encodeConsumerHead(group), { ...(encodeConsumerBody(group) as object), names: [] }],
  ])('are refused if they are not what was written', (head, body) => {
    expect(() => decodeConsumerGroup(json(head), json(body))).toThrow(MalformedBytesError);
  });
});

describe('what the coordinator asks of a consumer group', () => {
  it('the first of all deadlines, and who is gone after it', () => {
    expect(consumerProtocol.dueAt(group)).toBe(7000);
    const context = (now: number) => ({ groupId: 'group', now, config: GROUP_CONFIG }) as StepContext;
    expect(consumerProtocol.advance(group, new Set(), context(6999))).toBe(group);
    // The one that is left speaks the classic protocol, and so does the group.
    const left = consumerProtocol.advance(group, new Set(), context(7000));
    expect(left).toMatchObject({ type: 'classic', state: 'PreparingRebalance', generation: 5 });
    const nobody = consumerProtocol.advance(group, new Set(['modern', 'classic']), context(6000));
    expect(nobody).toMatchObject({
      type: 'consumer',
      groupEpoch: 6,
      emptySince: 6000,
      body: { members: [], patterns: [] },
    });
    expect(consumerProtocol.checkDelete(nobody as ConsumerGroup)).toBeUndefined();
    expect(consumerProtocol.checkDelete(group)).toBe('NON_EMPTY_GROUP');
  });

  it('which offsets may be committed', () => {
    const check = (who: string, epoch: number, transactional = false, apiVersion = 9) =>
      consumerProtocol.checkCommit(group, claim(who, epoch), { transactional, apiVersion });
    expect(check('modern', 5)).toBeUndefined();
    expect(check('modern', 4)).toBe('STALE_MEMBER_EPOCH');
    expect(check('modern', 5, false, 8)).toBe('UNSUPPORTED_VERSION');
    expect(check('classic', 5, false, 8)).toBeUndefined();
    expect(check('classic', 4)).toBe('ILLEGAL_GENERATION');
    expect(check('nobody', 5)).toBe('UNKNOWN_MEMBER_ID');
    expect(check('', -1)).toBe('UNKNOWN_MEMBER_ID');
    expect(check('', -1, true)).toBeUndefined();
    const empty = { ...group, body: group.body.with({ members: [] }) };
    const kind = { transactional: false, apiVersion: 9 };
    expect(consumerProtocol.checkCommit(empty, claim('', -1), kind)).toBeUndefined();
  });

  it('who may read offsets', () => {
    const check = (who: string, epoch: number) => consumerProtocol.checkFetch(group, claim(who, epoch));
    expect([check('', -1), check('modern', 5), check('modern', 4), check('classic', 4), check('nobody', 5)]).toEqual([
      undefined,
      undefined,
      'STALE_MEMBER_EPOCH',
      'ILLEGAL_GENERATION',
      'UNKNOWN_MEMBER_ID',
    ]);
  });

  it('what its members read, by name and by pattern', () => {
    const isRead = (topic: string) => consumerProtocol.isSubscribedTo(group, topic);
    expect(['orders', 'stock-eu', 'stock-us'].map(isRead)).toEqual([true, true, false]);
  });

  it('its state', () => {
    const stable = { ...group, body: group.body.with({ members: [member] }) };
    expect(stateOf(stable)).toBe('Stable');
    expect(stateOf({ ...stable, groupEpoch: 6 })).toBe('Assigning');
    expect(stateOf({ ...stable, groupEpoch: 6, assignmentEpoch: 6 })).toBe('Reconciling');
    expect(stateOf(group)).toBe('Reconciling');
  });
});

it('the assignor with most votes is chosen, the configured one before it', () => {
  const configured = ['uniform', 'range'];
  expect(chooseAssignor([], configured)).toBe('uniform');
  expect(chooseAssignor(['range', undefined, undefined], configured)).toBe('range');
  expect(chooseAssignor(['range', 'uniform'], configured)).toBe('uniform');
  expect(chooseAssignor(['range', 'uniform', 'range'], configured)).toBe('range');
});
