import { describe, expect, it } from 'vitest';
import { alterTopicConfigs } from '../../../lib/topics/alter-topic-configs.ts';
import type { BrokerConfig } from '../../../lib/topics/configs/broker-configs.ts';
import { brokerSynonyms, describeBrokerConfigs } from '../../../lib/topics/configs/broker-configs.ts';
import { changeConfigs, replaceConfigs } from '../../../lib/topics/configs/change-configs.ts';
import { type ConfigType, shownValue, valueProblem } from '../../../lib/topics/configs/config-value.ts';
import { describeGroupConfigs } from '../../../lib/topics/configs/group-configs.ts';
import { TOPIC_CONFIG_DOCUMENTATION } from '../../../lib/topics/configs/topic-config-documentation.ts';
import { TOPIC_CONFIGS } from '../../../lib/topics/configs/topic-config-table.ts';
import { topicConfigProblem } from '../../../lib/topics/topic-configs.ts';
import { createAdminWorld } from './world.ts';

describe('a value', () => {
  it.each<[ConfigType, string, string]>([
    ['BOOLEAN', ' TRUE ', 'true'],
    ['INT', '+007', '7'],
    ['INT', '-0', '0'],
    ['LONG', '9223372036854775807', '9223372036854775807'],
    ['DOUBLE', '1', '1.0'],
    ['DOUBLE', '.25', '0.25'],
    ['STRING', ' a b ', 'a b'],
    ['LIST', ' a , b,c ', 'a,b,c'],
    ['LIST', ' ', ''],
  ])('of type %s given as %j is shown as %j', (type, given, shown) => {
    expect(valueProblem(type, {}, given)).toBeUndefined();
    expect(shownValue(type, given)).toBe(shown);
  });

  it.each<[ConfigType, string, string]>([
    ['INT', '2147483648', 'Not a number of type INT'],
    ['INT', '-2147483649', 'Not a number of type INT'],
    ['LONG', '-9223372036854775809', 'Not a number of type LONG'],
    ['LONG', '1.5', 'Not a number of type LONG'],
    ['LONG', '0x10', 'Not a number of type LONG'],
    ['DOUBLE', '', 'Not a number of type DOUBLE'],
    ['BOOLEAN', '1', 'Expected value to be either true or false'],
  ])('of type %s cannot be %j', (type, given, problem) => {
    expect(valueProblem(type, {}, given)).toBe(problem);
  });

  it('keeps to its bounds and words', () => {
    expect(valueProblem('INT', { min: 1, max: 2 }, '0')).toBe('Value must be at least 1');
    expect(valueProblem('INT', { min: 1, max: 2 }, '3')).toBe('Value must be no more than 2');
    expect(valueProblem('STRING', { words: ['a', 'b'] }, 'c')).toBe('String must be one of: a, b');
    expect(valueProblem('LIST', { words: ['a', 'b'] }, 'a,c')).toBe('String must be one of: a, b');
  });
});

describe('the table of topic configs', () => {
  it.each([...TOPIC_CONFIGS])('%s has a default that is allowed, and a sentence', (name, definition) => {
    expect(topicConfigProblem(name, definition.fallback)).toBeUndefined();
    expect(shownValue(definition.type, definition.fallback)).toBe(definition.fallback);
    expect(TOPIC_CONFIG_DOCUMENTATION.get(name)).toMatch(/^[A-Z].*\.$/);
  });
});

const topic = (configs: Record<string, string>, journals = 1) => ({ configs, journals });
const byDefault = () => 'delete';

describe('changing configs', () => {
  it('leaves what it was given alone', () => {
    const before = topic({ 'flush.ms': '1' });
    const changed = changeConfigs(before, [{ name: 'flush.ms', operation: 'DELETE' }], byDefault);
    expect(changed).toEqual({ kind: 'configs', configs: {} });
    expect(before.configs).toEqual({ 'flush.ms': '1' });
  });

  it('takes the changes one after the other', () => {
    const outcome = changeConfigs(
      topic({ 'cleanup.policy': 'compact' }),
      [
        { name: 'cleanup.policy', operation: 'APPEND', value: 'delete' },
        { name: 'leader.replication.throttled.replicas', operation: 'APPEND', value: '0:1' },
      ],
      (name) => (name === 'cleanup.policy' ? 'delete' : ''),
    );
    const configs = { 'cleanup.policy': 'compact,delete', 'leader.replication.throttled.replicas': '0:1' };
    expect(outcome).toEqual({ kind: 'configs', configs });
  });

  it('checks also what was there before, taken together', () => {
    const before = topic({ 'min.compaction.lag.ms': '100' });
    const shorter = { name: 'max.compaction.lag.ms', operation: 'SET', value: '99' } as const;
    expect(changeConfigs(before, [shorter], byDefault)).toMatchObject({ kind: 'failed', error: 'INVALID_CONFIG' });
    expect(changeConfigs(before, [{ ...shorter, value: '100' }], byDefault)).toMatchObject({ kind: 'configs' });
    expect(replaceConfigs(before, { 'max.compaction.lag.ms': '99' })).toMatchObject({ kind: 'configs' });
  });

  it('never changes the number of journals', () => {
    const before = topic({ 'tidelog.journals': '8' }, 3);
    const set = (value: string) =>
      changeConfigs(before, [{ name: 'tidelog.journals', operation: 'SET', value }], byDefault);
    expect(set('3')).toEqual({ kind: 'configs', configs: before.configs });
    expect(set('8')).toEqual({ kind: 'configs', configs: before.configs });
    expect(set('4')).toMatchObject({ kind: 'failed', error: 'INVALID_CONFIG' });
    expect(replaceConfigs(before, {})).toEqual({ kind: 'configs', configs: before.configs });
    expect(replaceConfigs(topic({}, 3), { 'tidelog.journals': '3' })).toEqual({ kind: 'configs', configs: {} });
    expect(replaceConfigs(topic({}, 3), { 'tidelog.journals': '1' })).toMatchObject({ kind: 'failed' });
  });
});

describe('the settings of a process', () => {
  const setting = (name: string, fields: Partial<BrokerConfig> = {}): [string, BrokerConfig] => [
    name,
    { name, type: 'INT', given: undefined, fallback: '1', sensitive: false, documentation: 'd', ...fields },
  ];

  it('never show what is secret', () => {
    const configs = new Map([setting('password', { type: 'STRING', given: 'x', sensitive: true })]);
    const [described] = describeBrokerConfigs(configs);
    expect(described).toMatchObject({ value: null, sensitive: true, source: 'STATIC_BROKER_CONFIG' });
    expect(JSON.stringify(described)).not.toContain('"x"');
  });

  it('have synonyms from the first name on only', () => {
    const configs = new Map([setting('ms', { fallback: null }), setting('hours', { given: '2' })]);
    expect(brokerSynonyms(configs, ['ms', 'hours'])).toEqual([]);
    configs.set(...setting('ms', { given: '5', fallback: null }));
    expect(brokerSynonyms(configs, ['ms', 'hours']).map(({ name, value }) => [name, value])).toEqual([
      ['ms', '5'],
      ['hours', '2'],
      ['hours', '1'],
    ]);
  });

  it('are what groups have, as far as they are there', () => {
    const name = 'group.consumer.session.timeout.ms';
    expect(describeGroupConfigs(new Map([setting('num.partitions'), setting(name, { given: '46000' })]))).toEqual([
      {
        name: 'consumer.session.timeout.ms',
        value: '46000',
        readOnly: true,
        source: 'STATIC_BROKER_CONFIG',
        sensitive: false,
        type: 'INT',
        synonyms: [
          { name, value: '46000', source: 'STATIC_BROKER_CONFIG' },
          { name, value: '1', source: 'DEFAULT_CONFIG' },
        ],
        documentation: 'd',
      },
    ]);
  });
});

describe('altering a stored topic', () => {
  const flush = (value: string) => (current: Parameters<typeof replaceConfigs>[0]) =>
    changeConfigs(current, [{ name: 'flush.ms', operation: 'SET', value }], byDefault);

  it('changes the item under the name, then the copy, and what this process knows', async () => {
    const world = await createAdminWorld();
    const process = world.admin();
    const { record } = await world.created(process, 'a');
    const before = world.stored('a')!.version;
    expect(await world.run(alterTopicConfigs(process.admin, 'a', flush('5'), false))).toBeUndefined();
    expect(world.stored('a')).toEqual({ record: { ...record, configs: { 'flush.ms': '5' } }, version: before + 1 });
    expect(world.storedById(record.id)).toEqual(world.stored('a'));
    expect(process.admin.topics.peek('a')!.record.configs).toEqual({ 'flush.ms': '5' });
  });

  it('keeps what another process changed meanwhile, and does not bring a deleted topic back', async () => {
    const world = await createAdminWorld();
    const [one, two] = [world.admin(), world.admin()];
    await world.created(one, 'a');
    const segment = (current: Parameters<typeof replaceConfigs>[0]) =>
      changeConfigs(current, [{ name: 'segment.ms', operation: 'SET', value: '6' }], byDefault);
    const outcomes = await Promise.all([
      world.run(alterTopicConfigs(one.admin, 'a', flush('5'), false)),
      world.run(alterTopicConfigs(two.admin, 'a', segment, false)),
    ]);
    expect(outcomes).toEqual([undefined, undefined]);
    expect(world.stored('a')!.record.configs).toEqual({ 'flush.ms': '5', 'segment.ms': '6' });
    expect(world.storedById(world.stored('a')!.record.id)).toEqual(world.stored('a'));
    expect(await world.run(alterTopicConfigs(one.admin, 'gone', flush('5'), false))).toMatchObject({
      error: 'UNKNOWN_TOPIC_OR_PARTITION',
    });
    expect(world.stored('gone')).toBeUndefined();
  });
});
