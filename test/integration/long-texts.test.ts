import { beforeAll, describe, expect, it } from 'vitest';
import { errorCode } from '../../lib/core/errors.ts';
import { ApiKey, type RequestInput, type ResponseBody } from '../../lib/wire/apis.ts';
import { STRING_BYTES_MAX } from '../../lib/wire/limits.ts';
import { APPEND, change, describeOne, SET, TOPIC } from '../support/config-requests.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { EngineClient } from '../support/kafka-client.ts';
import { createTopic, type TopicName } from '../support/requests.ts';

/*
 * The longest texts that a request can carry, in every place that an error's text may quote: the answer comes, and no handler
 * fails. Kafka 4.3.1 leaves such requests without an answer, or ends.
 */

const LONGEST = 'x'.repeat(STRING_BYTES_MAX);
/** Characters of three bytes, which do not end where a text is cut off. */
const LONGEST_WIDE = '\u20ac'.repeat(Math.floor(STRING_BYTES_MAX / 3));
const TEXTS = [LONGEST, LONGEST_WIDE];

let engine: Engine;
let topic: TopicName;
beforeAll(async () => {
  engine = await startEngine();
  topic = await createTopic(engine.client, 'long');
});

async function ask<Key extends ApiKey>(key: Key, version: number, body: RequestInput<Key>): Promise<ResponseBody<Key>> {
  const answer = await engine.client.ask(key, version, body);
  expect(engine.lines.filter(({ level }) => level === 'error')).toEqual([]);
  return answer;
}

const alter = (resourceName: string, name: string, value: string, resourceType = TOPIC) => ({
  resources: [{ resourceType, resourceName, configs: [{ name, value }] }],
  validateOnly: false,
});
const heartbeat = (more: { subscribedTopicRegex?: string; serverAssignor?: string; instanceId?: string }) => ({
  groupId: 'new-protocol',
  memberId: 'member',
  memberEpoch: 0,
  rebalanceTimeoutMs: 1_000,
  subscribedTopicNames: [topic.name],
  topicPartitions: [],
  ...more,
});
const created = (name: string, configs: { name: string; value: string }[] = []) => ({
  topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs }],
  timeoutMs: 1_000,
});

describe.each(TEXTS.map((text) => [text.slice(0, 1), text]))('a text of 32,767 bytes of %s', (_, text) => {
  it.each<[string, () => Promise<unknown>]>([
    ['the topic of Metadata', () => ask(ApiKey.Metadata, 12, { topics: [{ name: text }] })],
    ['the topic of CreateTopics', () => ask(ApiKey.CreateTopics, 7, created(text))],
    ['a config name of CreateTopics', () => ask(ApiKey.CreateTopics, 7, created('a', [{ name: text, value: '1' }]))],
    [
      'a config value of CreateTopics',
      () => ask(ApiKey.CreateTopics, 2, created('a', [{ name: 'retention.ms', value: text }])),
    ],
    ['the topic of DeleteTopics', () => ask(ApiKey.DeleteTopics, 5, { topicNames: [text], timeoutMs: 1_000 })],
    [
      'the topic of CreatePartitions',
      () =>
        ask(ApiKey.CreatePartitions, 3, {
          topics: [{ name: text, count: 2, assignments: null }],
          timeoutMs: 9,
          validateOnly: false,
        }),
    ],
    ['the topic of AlterConfigs', () => ask(ApiKey.AlterConfigs, 2, alter(text, 'retention.ms', '1'))],
    ['a config name of AlterConfigs', () => ask(ApiKey.AlterConfigs, 2, alter(topic.name, text, '1'))],
    ['a config value of AlterConfigs', () => ask(ApiKey.AlterConfigs, 2, alter(topic.name, 'retention.ms', text))],
    ['a broker of AlterConfigs', () => ask(ApiKey.AlterConfigs, 2, alter(text, 'x', '1', 4))],
    ['the topic of IncrementalAlterConfigs', () => change(engine.client, [[TOPIC, text, ['retention.ms', SET, '1']]])],
    [
      'a value of IncrementalAlterConfigs',
      () => change(engine.client, [[TOPIC, topic.name, ['retention.ms', SET, text]]]),
    ],
    ['a logger of IncrementalAlterConfigs', () => change(engine.client, [[8, '0', [text, SET, 'INFO']]])],
    [
      'the topic of DescribeConfigs',
      () =>
        ask(ApiKey.DescribeConfigs, 4, {
          resources: [{ resourceType: TOPIC, resourceName: text, configurationKeys: null }],
        }),
    ],
    [
      'a broker of DescribeConfigs',
      () =>
        ask(ApiKey.DescribeConfigs, 4, {
          resources: [{ resourceType: 4, resourceName: text, configurationKeys: null }],
        }),
    ],
    ['the group of DescribeGroups', () => ask(ApiKey.DescribeGroups, 6, { groups: [text] })],
    [
      'the group of ConsumerGroupDescribe',
      () => ask(ApiKey.ConsumerGroupDescribe, 1, { groupIds: [text], includeAuthorizedOperations: false }),
    ],
    [
      'the topic of ElectLeaders',
      () =>
        ask(ApiKey.ElectLeaders, 2, {
          electionType: 0,
          topicPartitions: [{ topic: text, partitions: [0] }],
          timeoutMs: 9,
        }),
    ],
    ['the key of FindCoordinator', () => ask(ApiKey.FindCoordinator, 3, { key: text, keyType: 0 })],
    ['the keys of FindCoordinator', () => ask(ApiKey.FindCoordinator, 6, { coordinatorKeys: [text], keyType: 0 })],
    [
      'the pattern of ConsumerGroupHeartbeat',
      () => ask(ApiKey.ConsumerGroupHeartbeat, 1, heartbeat({ subscribedTopicRegex: `(${text.slice(1)}` })),
    ],
    [
      'the assignor of ConsumerGroupHeartbeat',
      () => ask(ApiKey.ConsumerGroupHeartbeat, 1, heartbeat({ serverAssignor: text })),
    ],
    [
      'the instance of ConsumerGroupHeartbeat',
      () => ask(ApiKey.ConsumerGroupHeartbeat, 1, heartbeat({ instanceId: text })),
    ],
    [
      'the member of ConsumerGroupHeartbeat',
      () => ask(ApiKey.ConsumerGroupHeartbeat, 1, { ...heartbeat({}), memberId: text, memberEpoch: 5 }),
    ],
  ])('as %s is answered', async (_place, request) => {
    await request();
    expect(engine.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('as client id is answered with a member id that fits', async () => {
    const body = {
      groupId: 'named',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 1_000,
      memberId: '',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
    };
    const client = new EngineClient(engine.handleFrame, undefined, text);
    const told = await client.ask(ApiKey.JoinGroup, 5, body);
    expect(told.errorCode).toBe(errorCode('MEMBER_ID_REQUIRED'));
    const joined = await client.ask(ApiKey.JoinGroup, 5, { ...body, memberId: told.memberId });
    expect(joined).toMatchObject({ errorCode: 0, memberId: told.memberId, members: [{ memberId: told.memberId }] });
    const { groups } = await client.ask(ApiKey.DescribeGroups, 5, { groups: ['named'] });
    expect(groups[0]!.members).toMatchObject([{ memberId: told.memberId, clientId: text }]);
    const left = await client.ask(ApiKey.LeaveGroup, 5, { groupId: 'named', members: [{ memberId: told.memberId }] });
    expect(left).toMatchObject({ errorCode: 0, members: [{ errorCode: 0 }] });
  });
});

it('a list that is appended to ends where DescribeConfigs could not show it any more', async () => {
  const name = 'follower.replication.throttled.replicas';
  const parts = (from: number) => Array.from({ length: 2_500 }, (_, index) => `${from + index}:1`).join(',');
  const [set] = await change(engine.client, [[TOPIC, topic.name, [name, SET, parts(10_000)]]]);
  expect(set).toMatchObject({ errorCode: 0 });
  const [appended] = await change(engine.client, [[TOPIC, topic.name, [name, APPEND, parts(20_000)]]]);
  expect(appended).toMatchObject({ errorCode: errorCode('INVALID_CONFIG') });
  expect((await describeOne(engine.client, TOPIC, topic.name, name)).value).toBe(parts(10_000));
});
