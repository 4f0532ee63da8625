import { beforeAll, describe, expect, it } from 'vitest';
import { errorCode } from '../../../lib/core/errors.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { joining } from '../../support/consumer-member.ts';
import { type Engine, startEngine } from '../../support/engine.ts';
import { GroupMember } from '../../support/group-member.ts';
import { commitOffsets, deleteOffsets } from '../../support/offset-requests.ts';
import { createTopic, type TopicName } from '../../support/requests.ts';

/** What members send as bytes of their own, read as Kafka 4.3.1 reads it: all expected values were asked of it. */

const TOPIC = 'orders';
const int16 = (value: number) => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};
const int32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const text = (value: string) => Buffer.concat([int16(value.length), Buffer.from(value)]);
const NO_USER_DATA = int32(-1);
const topics = Buffer.concat([int32(1), text(TOPIC)]);
const payload = (version: number, ...parts: Buffer[]) => Buffer.concat([int16(version), ...parts]);
const assigned = (version: number, ...rest: Buffer[]) =>
  payload(version, int32(1), text(TOPIC), int32(1), int32(0), ...rest);

let engine: Engine;
let orders: TopicName;
let other: TopicName;
let groups = 0;

beforeAll(async () => {
  engine = await startEngine({ settings: { 'group.initial.rebalance.delay.ms': '0' } });
  orders = await createTopic(engine.client, TOPIC, { partitions: 1 });
  other = await createTopic(engine.client, 'other', { partitions: 1 });
});

/** A member that sent `metadata`, and as the leader gave itself `assignment`. */
async function member(metadata: Buffer, assignment = assigned(0, NO_USER_DATA)): Promise<GroupMember> {
  const one = new GroupMember(engine.client, `payload-${groups++}`, { protocols: [{ name: 'range', metadata }] });
  await one.joinOnce();
  expect(await one.joinOnce()).toMatchObject({ errorCode: 0 });
  const { errorCode: error } = await engine.client.ask(ApiKey.SyncGroup, 5, {
    groupId: one.groupId,
    generationId: one.generation,
    memberId: one.memberId,
    groupInstanceId: null,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [{ memberId: one.memberId, assignment }],
  });
  expect(error).toBe(0);
  return one;
}

async function deleted({ groupId, memberId, generation }: GroupMember, topic: TopicName): Promise<number> {
  expect(await commitOffsets(engine.client, groupId, topic, { 0: 1 }, { by: { memberId, generation } })).toEqual([0]);
  const { error, partitions } = await deleteOffsets(engine.client, groupId, topic.name, [0]);
  expect(error).toBe(0);
  return partitions[0]!;
}

/** The error that a member of the consumer protocol gets that joins the group. */
async function upgraded({ groupId }: GroupMember): Promise<number> {
  const answer = await engine.client.ask(ApiKey.ConsumerGroupHeartbeat, 1, joining(groupId, 'newcomer', [TOPIC]));
  return answer.errorCode;
}

async function classicJoin(metadata: Buffer): Promise<number> {
  const groupId = `payload-${groups++}`;
  await engine.client.ask(ApiKey.ConsumerGroupHeartbeat, 1, joining(groupId, 'first', [TOPIC]));
  const one = new GroupMember(engine.client, groupId, { protocols: [{ name: 'range', metadata }] });
  const first = await one.joinOnce();
  return first.errorCode === errorCode('MEMBER_ID_REQUIRED') ? (await one.joinOnce()).errorCode : first.errorCode;
}

const SUBSCRIBED = errorCode('GROUP_SUBSCRIBED_TO_TOPIC');
const REFUSED = errorCode('GROUP_ID_NOT_FOUND');
const BROKEN = errorCode('UNKNOWN_SERVER_ERROR');

/** `toldTopics`: whether the topics can be read. `whole`: whether all of it can be, in its version. */
const SUBSCRIPTIONS = [
  { what: 'version 0', metadata: payload(0, topics, NO_USER_DATA), toldTopics: true, whole: true },
  { what: 'version 1 that ends after the user data', metadata: payload(1, topics, NO_USER_DATA), toldTopics: true },
  { what: 'version 3 that ends after the user data', metadata: payload(3, topics, NO_USER_DATA), toldTopics: true },
  { what: 'version 2 without a generation', metadata: payload(2, topics, NO_USER_DATA, int32(0)), toldTopics: true },
  { what: 'version -1', metadata: payload(-1, topics, NO_USER_DATA), toldTopics: true },
  {
    what: 'a later version with bytes in another form',
    metadata: payload(99, topics, NO_USER_DATA, Buffer.from('fff', 'hex')),
    toldTopics: true,
  },
  // Here Kafka's own error is UNKNOWN_SERVER_ERROR also where the group would change its protocol.
  { what: 'impossible owned partitions', metadata: payload(1, topics, NO_USER_DATA, int32(1000)), toldTopics: true },
  { what: 'user data of a negative length', metadata: payload(0, topics, int32(-7)), toldTopics: true, whole: true },
  { what: 'no user data at all', metadata: payload(0, topics), toldTopics: false },
  { what: 'a version alone', metadata: payload(0), toldTopics: false },
  { what: 'nothing', metadata: Buffer.alloc(0), toldTopics: false },
];

describe.each(SUBSCRIPTIONS)('a subscription of $what', ({ metadata, toldTopics, whole = false }) => {
  it(`lets offsets go of ${toldTopics ? 'other topics' : 'no topic'}`, async () => {
    const one = await member(metadata);
    expect([await deleted(one, orders), await deleted(one, other)]).toEqual([SUBSCRIBED, toldTopics ? 0 : SUBSCRIBED]);
  });

  it(`lets the group ${whole ? '' : 'not '}change its protocol`, async () => {
    expect(await upgraded(await member(metadata))).toBe(whole ? 0 : REFUSED);
    expect(await classicJoin(metadata)).toBe(whole ? 0 : BROKEN);
  });
});

const ASSIGNMENTS = [
  { what: 'nothing', assignment: Buffer.alloc(0), isTaken: true },
  { what: 'a later version with more behind it', assignment: assigned(9, NO_USER_DATA, text('more')), isTaken: true },
  { what: 'no user data at all', assignment: assigned(1), isTaken: false },
  { what: 'version -1', assignment: assigned(-1, NO_USER_DATA), isTaken: false },
  { what: 'user data of an assignor', assignment: assigned(0, int32(2), Buffer.from('ab')), isTaken: false },
];

it.each(ASSIGNMENTS)('an assignment of $what is taken over: $isTaken', async ({ assignment, isTaken }) => {
  expect(await upgraded(await member(payload(0, topics, NO_USER_DATA), assignment))).toBe(isTaken ? 0 : REFUSED);
});
