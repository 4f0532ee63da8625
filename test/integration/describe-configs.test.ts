import { beforeAll, describe, expect, it } from 'vitest';
import type { Operation, Resource } from '../../lib/auth/authorize.ts';
import { RESOURCES_MAX } from '../../lib/broker/api/32-describe-configs.ts';
import { type ErrorName, errorCode } from '../../lib/core/errors.ts';
import { TOPIC_CONFIGS } from '../../lib/topics/configs/topic-config-table.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { decideBy } from '../support/authorizer.ts';
import {
  BROKER,
  BROKER_LOGGER,
  CLIENT_METRICS,
  describeOne,
  describeResources,
  GROUP,
  TOPIC,
} from '../support/config-requests.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { createTopic } from '../support/requests.ts';

let engine: Engine;
beforeAll(async () => {
  const settings = { 'log.retention.hours': '72', 'message.max.bytes': '2000000', 'log.segment.bytes': '2097152' };
  engine = await startEngine({ settings });
  await createTopic(engine.client, 'plain');
  const configs = {
    'retention.ms': '007',
    'cleanup.policy': ' compact , delete',
    preallocate: 'TRUE',
    'min.cleanable.dirty.ratio': '1',
  };
  await createTopic(engine.client, 'special', { configs });
});

const one = (name: string, topic = 'plain') => describeOne(engine.client, TOPIC, topic, name);
const broker = (name: string) => describeOne(engine.client, BROKER, '0', name);

describe('the configs of a topic', () => {
  it('are all there, in order of name, where none is named', async () => {
    for (const resource of [
      [TOPIC, 'plain'],
      [TOPIC, 'plain', []],
    ] as const) {
      const [result] = await describeResources(engine.client, [resource]);
      expect(result).toMatchObject({ errorCode: 0, errorMessage: '', resourceType: TOPIC, resourceName: 'plain' });
      expect(result!.configs.map(({ name }) => name)).toEqual([...TOPIC_CONFIGS.keys()].sort());
      for (const config of result!.configs) {
        expect(config).toMatchObject({ isSensitive: false, synonyms: [], documentation: null });
        expect(config.readOnly).toBe(config.name === 'tidelog.journals');
      }
    }
  });

  it('have the number of journals that auto comes to, and say where it is from', async () => {
    await createTopic(engine.client, 'wide', { partitions: 20 });
    const wide = { value: '2', configType: 3, readOnly: true };
    expect(await one('tidelog.journals', 'wide')).toMatchObject({
      ...wide,
      configSource: 5,
      synonyms: [{ name: 'tidelog.journals', value: 'auto', source: 5 }],
    });
    expect(await one('tidelog.journals')).toMatchObject({ value: '1' });
    expect(await broker('tidelog.journals')).toMatchObject({ value: 'auto', configType: 2 });
    const { client } = await startEngine({ settings: { 'tidelog.journals': '8' } });
    await createTopic(client, 'wide', { partitions: 20 });
    expect(await describeOne(client, TOPIC, 'wide', 'tidelog.journals')).toMatchObject({ ...wide, value: '8' });
  });

  it('are those that are named, once, without what is not there', async () => {
    const asked = ['retention.ms', 'nope', 'retention.ms', 'flush.ms'];
    const [result] = await describeResources(engine.client, [[TOPIC, 'plain', asked]]);
    expect(result!.configs.map(({ name }) => name)).toEqual(['flush.ms', 'retention.ms']);
    expect((await describeResources(engine.client, [[TOPIC, 'plain', ['nope']]]))[0]!.configs).toEqual([]);
  });

  it('have the value, source, type and synonyms that Kafka tells', async () => {
    expect(await one('flush.messages')).toMatchObject({
      value: '9223372036854775807',
      configSource: 5,
      configType: 5,
      synonyms: [{ name: 'log.flush.interval.messages', value: '9223372036854775807', source: 5 }],
    });
    expect(await one('max.message.bytes')).toMatchObject({
      value: '2000000',
      configSource: 4,
      configType: 3,
      synonyms: [
        { name: 'message.max.bytes', value: '2000000', source: 4 },
        { name: 'message.max.bytes', value: '1048588', source: 5 },
      ],
    });
    // The default of log.retention.ms is in hours; as in Kafka, that is no synonym where log.retention.ms is not set.
    expect(await one('retention.ms')).toMatchObject({ value: '259200000', configSource: 5, synonyms: [] });
    expect(await one('segment.ms')).toMatchObject({ value: '604800000', configSource: 5, synonyms: [] });
    expect(await one('remote.storage.enable')).toMatchObject({ value: 'false', configSource: 5, synonyms: [] });
  });

  it('of its own go before, as they are understood', async () => {
    expect(await one('retention.ms', 'special')).toMatchObject({
      value: '7',
      configSource: 1,
      synonyms: [{ name: 'retention.ms', value: '7', source: 1 }],
    });
    expect(await one('cleanup.policy', 'special')).toMatchObject({
      value: 'compact,delete',
      configSource: 1,
      configType: 7,
      synonyms: [
        { name: 'cleanup.policy', value: 'compact,delete', source: 1 },
        { name: 'log.cleanup.policy', value: 'delete', source: 5 },
      ],
    });
    expect(await one('preallocate', 'special')).toMatchObject({ value: 'true', configType: 1 });
    expect(await one('min.cleanable.dirty.ratio', 'special')).toMatchObject({ value: '1.0', configType: 6 });
  });

  it('have synonyms and documentation only when they are asked for', async () => {
    const ask = async (options: object) =>
      (await describeResources(engine.client, [[TOPIC, 'special', ['retention.ms']]], options))[0]!.configs[0]!;
    expect(await ask({})).toMatchObject({ synonyms: [], documentation: null });
    expect((await ask({ synonyms: true })).synonyms).toHaveLength(1);
    const [result] = await describeResources(engine.client, [[TOPIC, 'plain']], { documentation: true });
    for (const { documentation } of result!.configs) expect(documentation).toMatch(/^[A-Z].*\.$/);
  });

  it('follow log.retention.ms, then minutes, then hours', async () => {
    for (const [given, value] of [
      [{ 'log.retention.ms': '5', 'log.retention.minutes': '1' }, '5'],
      [{ 'log.retention.minutes': '2', 'log.retention.hours': '1' }, '120000'],
      [{ 'log.retention.hours': '-1' }, '-1'],
      [{}, '604800000'],
    ] as [Record<string, string>, string][]) {
      const { client } = await startEngine({ settings: given });
      await createTopic(client, 't');
      expect((await describeOne(client, TOPIC, 't', 'retention.ms')).value).toBe(value);
    }
    const { client } = await startEngine({ settings: { 'log.retention.ms': '500000', 'log.retention.hours': '72' } });
    await createTopic(client, 't');
    expect(await describeOne(client, TOPIC, 't', 'retention.ms')).toMatchObject({
      configSource: 4,
      synonyms: [
        { name: 'log.retention.ms', value: '500000', source: 4 },
        { name: 'log.retention.hours', value: '72', source: 4 },
        { name: 'log.retention.hours', value: '168', source: 5 },
      ],
    });
  });

  it('come with the answer that the topic was created, the same ones', async () => {
    const configs = [{ name: 'retention.ms', value: '5' }];
    const topic = { name: 'new', numPartitions: 1, replicationFactor: 1, assignments: [], configs };
    for (const validateOnly of [true, false]) {
      const request = { topics: [topic], timeoutMs: 5000, validateOnly };
      const [created] = (await engine.client.ask(ApiKey.CreateTopics, 7, request)).topics;
      expect(created).toMatchObject({ errorCode: 0, topicConfigErrorCode: 0 });
      const own = created!.configs!.filter(({ configSource }) => configSource === 1);
      expect(own).toEqual([{ name: 'retention.ms', value: '5', readOnly: false, configSource: 1, isSensitive: false }]);
      if (validateOnly) continue;
      const [described] = await describeResources(engine.client, [[TOPIC, 'new']]);
      const same = described!.configs.map(({ name, value, readOnly, configSource, isSensitive }) => ({
        ...{ name, value, readOnly, configSource, isSensitive },
      }));
      expect(created!.configs).toEqual(same);
    }
  });
});

describe('the settings of a broker', () => {
  it('are shown with their sources and cannot be changed', async () => {
    const [result] = await describeResources(engine.client, [[BROKER, '0']], { documentation: true });
    const names = result!.configs.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['listeners', 'node.id', 'broker.id', 'log.dirs', 'tidelog.store']));
    expect(new Set(names).size).toBe(names.length);
    for (const config of result!.configs) {
      expect(config.readOnly).toBe(true);
      expect(config.documentation).toMatch(/\w/);
    }
    expect(await broker('log.retention.hours')).toMatchObject({
      value: '72',
      configSource: 4,
      configType: 3,
      synonyms: [
        { name: 'log.retention.hours', value: '72', source: 4 },
        { name: 'log.retention.hours', value: '168', source: 5 },
      ],
    });
    expect(await broker('log.retention.ms')).toMatchObject({
      value: null,
      configSource: 5,
      configType: 5,
      synonyms: [],
    });
    expect(await broker('num.partitions')).toMatchObject({ value: '1', configSource: 5, configType: 3 });
  });

  it.each([
    ['auto.create.topics.enable', 1],
    ['compression.type', 2],
    ['num.partitions', 3],
    ['message.max.bytes', 3],
    ['log.retention.minutes', 3],
    ['log.retention.bytes', 5],
    ['log.roll.hours', 3],
    ['log.roll.ms', 5],
    ['log.cleaner.min.cleanable.ratio', 6],
    ['log.cleaner.max.compaction.lag.ms', 5],
    ['log.index.interval.bytes', 3],
    ['queued.max.request.bytes', 5],
    ['connections.max.idle.ms', 5],
    ['listeners', 7],
    ['log.cleanup.policy', 7],
  ])('%s has type %i, as in Kafka', async (name, type) => {
    expect((await broker(name)).configType).toBe(type);
  });

  it('of the whole cluster are those that were changed while it ran: none', async () => {
    expect(await describeResources(engine.client, [[BROKER, '']])).toMatchObject([{ errorCode: 0, configs: [] }]);
  });
});

describe('describing', () => {
  it.each<[string, ErrorName, RegExp, readonly [number, string]]>([
    ['an unknown topic', 'UNKNOWN_TOPIC_OR_PARTITION', /'nope' does not exist/, [TOPIC, 'nope']],
    ['an impossible topic', 'INVALID_TOPIC_EXCEPTION', /character/, [TOPIC, 'a/b']],
    ['a topic without a name', 'INVALID_TOPIC_EXCEPTION', /empty/, [TOPIC, '']],
    [
      'another broker',
      'INVALID_REQUEST',
      /^Unexpected broker id, expected 0 or empty string, but received 9$/,
      [BROKER, '9'],
    ],
    ['no broker', 'INVALID_REQUEST', /^Broker id must be an integer, but it is: x$/, [BROKER, 'x']],
    ["nobody's loggers", 'INVALID_REQUEST', /^Broker id must not be empty$/, [BROKER_LOGGER, '']],
    [
      "another broker's loggers",
      'INVALID_REQUEST',
      /^Unexpected broker id, expected 0 but received 7$/,
      [BROKER_LOGGER, '7'],
    ],
    ['a group without a name', 'INVALID_REQUEST', /^Group name must not be empty$/, [GROUP, '']],
    [
      'metrics without a name',
      'INVALID_REQUEST',
      /^Client metrics subscription name must not be empty$/,
      [CLIENT_METRICS, ''],
    ],
    ['metrics', 'INVALID_REQUEST', /CLIENT_METRICS/, [CLIENT_METRICS, 'm']],
  ])('refuses %s', async (_, error, message, [type, name]) => {
    const [refused, fine] = await describeResources(engine.client, [
      [type, name],
      [TOPIC, 'plain'],
    ]);
    expect(refused).toEqual({
      errorCode: errorCode(error),
      errorMessage: expect.stringMatching(message),
      resourceType: type,
      resourceName: name,
      configs: [],
    });
    expect(fine!.errorCode).toBe(0);
  });

  it('answers the same resource as often as it is named, and nothing for nothing', async () => {
    const results = await describeResources(engine.client, [
      [TOPIC, 'plain'],
      [BROKER_LOGGER, '0'],
      [TOPIC, 'plain'],
    ]);
    expect(results.map(({ errorCode: code, configs }) => [code, configs.length > 0])).toEqual([
      [0, true],
      [0, false],
      [0, true],
    ]);
    expect(await describeResources(engine.client, [])).toEqual([]);
  });

  it('fails as a whole for a type that is none, as in Kafka', async () => {
    for (const type of [0, 3, -1, 127]) {
      const results = await describeResources(engine.client, [
        [TOPIC, 'plain'],
        [type, 'x'],
      ]);
      expect(results).toMatchObject([
        { errorCode: 42, configs: [] },
        { errorCode: 42, configs: [] },
      ]);
    }
  });

  it('looks many topics up at once, and has a bound', async () => {
    const many = Array.from(
      { length: RESOURCES_MAX },
      (_, index) => [TOPIC, index === 5 ? 'plain' : `t${index}`] as const,
    );
    const gets = engine.meter.totals('state.get').calls;
    const results = await describeResources(engine.client, many);
    expect(results.map((one) => one.errorCode).filter((code) => code === 3)).toHaveLength(RESOURCES_MAX - 1);
    expect(results[5]).toMatchObject({ errorCode: 0, resourceName: 'plain' });
    expect(engine.meter.totals('state.get').calls).toBe(gets);
    const refused = await describeResources(engine.client, [...many, [TOPIC, 'plain']]);
    expect(new Set(refused.map((one) => one.errorCode))).toEqual(new Set([errorCode('POLICY_VIOLATION')]));
  });

  it('shows nobody what is not theirs', async () => {
    const guarded = await startEngine();
    await createTopic(guarded.client, 'secret');
    const asked: [Operation, Resource][] = [];
    Object.assign(guarded.broker, {
      authorize: decideBy((operation, resource) => {
        asked.push([operation, resource]);
        return false;
      }),
    });
    const results = await describeResources(guarded.client, [
      [TOPIC, 'secret'],
      [BROKER, '0'],
      [GROUP, 'g'],
      [TOPIC, 'nope'],
    ]);
    expect(results.map((one) => [one.errorCode, one.configs.length])).toEqual(
      (['TOPIC', 'CLUSTER', 'GROUP', 'TOPIC'] as const).map((what) => [errorCode(`${what}_AUTHORIZATION_FAILED`), 0]),
    );
    expect(new Set(asked.map(([operation]) => operation))).toEqual(new Set(['DESCRIBE_CONFIGS']));
  });
});
