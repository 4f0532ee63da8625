import { TOPIC_CONFIGS } from '../../../lib/topics/configs/topic-config-table.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { KAFKA_NODE_ID } from '../../support/kafka-broker.ts';
import { CONFIG_VALUES } from './config-values.ts';
import type { Family } from './speaker.ts';

const TOPIC = 2;
const BROKER = 4;
const LOGGER = 8;
const METRICS = 16;
const GROUP = 32;
const NODE = String(KAFKA_NODE_ID);

/** Operations of IncrementalAlterConfigs. */
const SET = 0;
const DELETE = 1;
const APPEND = 2;
const SUBTRACT = 3;

/** DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources. */
export const configs: Family = {
  name: 'configs',
  async run(speaker) {
    await speaker.topic('conf', 1, { 'cleanup.policy': 'compact', 'retention.ms': '77' });
    const describe = (resourceType: number, resourceName: string, configurationKeys: string[] | null = null) => ({
      resources: [{ resourceType, resourceName, configurationKeys }],
    });
    const known = [...TOPIC_CONFIGS.keys()].filter((name) => !name.startsWith('tidelog.'));
    await speaker.every('a topic', ApiKey.DescribeConfigs, () => describe(TOPIC, 'conf', known));
    await speaker.every('its synonyms', ApiKey.DescribeConfigs, () => ({
      ...describe(TOPIC, 'conf', known),
      includeSynonyms: true,
    }));
    await speaker.every(
      'its documentation',
      ApiKey.DescribeConfigs,
      () => ({ ...describe(TOPIC, 'conf', known), includeDocumentation: true }),
      { from: 3 },
    );
    await speaker.every('some', ApiKey.DescribeConfigs, () =>
      describe(TOPIC, 'conf', ['retention.ms', 'no.such', 'retention.ms']),
    );
    await speaker.every('no keys', ApiKey.DescribeConfigs, () => describe(TOPIC, 'conf', ['none']));
    await speaker.every('nothing', ApiKey.DescribeConfigs, () => ({ resources: [] }));
    const [one] = describe(TOPIC, 'conf', ['retention.ms']).resources;
    await speaker.every('twice', ApiKey.DescribeConfigs, () => ({ resources: [one!, one!] }));
    const asks: [number, string][] = [
      [TOPIC, 'no-such'],
      [TOPIC, ''],
      [TOPIC, 'a b'],
      [BROKER, 'x'],
      [BROKER, '77'],
      [BROKER, '-1'],
      [BROKER, ''],
      [LOGGER, ''],
      [LOGGER, '77'],
      [METRICS, ''],
      [METRICS, 'm'],
      [GROUP, ''],
      [0, 'x'],
      [3, 'x'],
      [64, 'x'],
      [-1, 'x'],
    ];
    for (const [type, name] of asks) {
      await speaker.ask(`type ${type} "${name}"`, ApiKey.DescribeConfigs, 4, describe(type, name, ['no.such']));
    }
    await speaker.ask(
      'a broker',
      ApiKey.DescribeConfigs,
      4,
      describe(BROKER, NODE, ['num.partitions', 'auto.create.topics.enable']),
    );
    await speaker.ask(
      'a group',
      ApiKey.DescribeConfigs,
      4,
      describe(GROUP, 'some-group', ['consumer.session.timeout.ms', 'consumer.heartbeat.interval.ms']),
    );
    await speaker.ask('a logger', ApiKey.DescribeConfigs, 4, describe(LOGGER, NODE, ['no.such']));

    await speaker.ask('resources of client metrics', ApiKey.ListConfigResources, 0, {});
    for (const types of [[], [TOPIC], [BROKER], [LOGGER], [METRICS], [GROUP], [TOPIC, TOPIC], [0], [99], [-1]]) {
      await speaker.ask(`resources of ${types}`, ApiKey.ListConfigResources, 1, { resourceTypes: types });
    }
  },
};

interface Change {
  readonly name: string;
  readonly value: string | null;
  readonly configOperation: number;
}

const op = (configOperation: number, name: string, value: string | null = null): Change => ({
  name,
  value,
  configOperation,
});

/** What changes configs. */
export const alteredConfigs: Family = {
  name: 'alter',
  async run(speaker) {
    await speaker.topic('alt');
    const alter = (resourceType: number, resourceName: string, ...changes: Change[]) => ({
      resourceType,
      resourceName,
      configs: changes,
    });
    const all = (...resources: ReturnType<typeof alter>[]) => ({ resources, validateOnly: false });
    const topic = (...changes: Change[]) => all(alter(TOPIC, 'alt', ...changes));
    await speaker.every('set', ApiKey.IncrementalAlterConfigs, () => topic(op(SET, 'retention.ms', '5')));
    await speaker.every('only to see', ApiKey.IncrementalAlterConfigs, () => ({
      ...topic(op(SET, 'retention.ms', '6')),
      validateOnly: true,
    }));
    await speaker.every('nothing', ApiKey.IncrementalAlterConfigs, () => all());
    await speaker.every('no change', ApiKey.IncrementalAlterConfigs, () => topic());
    await speaker.every('a resource twice', ApiKey.IncrementalAlterConfigs, () =>
      all(alter(TOPIC, 'alt', op(SET, 'retention.ms', '5')), alter(TOPIC, 'alt'), alter(TOPIC, 'marker')),
    );
    const ask = (what: string, ...changes: Change[]) =>
      speaker.ask(what, ApiKey.IncrementalAlterConfigs, 1, topic(...changes));
    await ask('null', op(SET, 'retention.ms'));
    await ask('two nulls', op(SET, 'retention.ms'), op(SET, 'retention.bytes'));
    await ask('a config twice', op(SET, 'retention.ms', '1'), op(DELETE, 'retention.ms'));
    await ask('delete', op(DELETE, 'retention.ms'));
    await ask('delete again', op(DELETE, 'retention.ms'));
    await ask('delete with a value', op(DELETE, 'retention.ms', '5'));
    await ask('delete what is no config', op(DELETE, 'no.such'));
    await ask('append', op(APPEND, 'cleanup.policy', 'compact'));
    await ask('append again', op(APPEND, 'cleanup.policy', 'compact'));
    await ask('append to no list', op(APPEND, 'retention.ms', '5'));
    await ask('append what may not be', op(APPEND, 'cleanup.policy', 'x'));
    await ask('append nothing', op(APPEND, 'cleanup.policy', ''));
    await ask('append to an unknown config', op(APPEND, 'no.such', '5'));
    await ask('subtract', op(SUBTRACT, 'cleanup.policy', 'delete'));
    await ask('subtract again', op(SUBTRACT, 'cleanup.policy', 'delete'));
    await ask('subtract the last', op(SUBTRACT, 'cleanup.policy', 'compact'));
    await ask('an unknown config', op(SET, 'no.such', 'x'));
    await ask('a good and a bad one', op(SET, 'retention.ms', '9'), op(SET, 'segment.ms', '-9'));
    for (const [name, value] of CONFIG_VALUES) {
      if (value === null) continue;
      const body = { ...topic(op(SET, name, value)), validateOnly: true };
      await speaker.ask(`${name}=${value}`, ApiKey.IncrementalAlterConfigs, 1, body);
    }
    const resources: [number, string, Change][] = [
      [TOPIC, 'no-such', op(SET, 'retention.ms', '5')],
      [TOPIC, '', op(SET, 'retention.ms', '5')],
      [TOPIC, 'a b', op(SET, 'retention.ms', '5')],
      [LOGGER, NODE, op(SET, 'no.such.logger', 'x')],
      [LOGGER, '77', op(SET, 'root', 'INFO')],
      [LOGGER, 'x', op(SET, 'root', 'INFO')],
      [BROKER, 'x', op(SET, 'num.partitions', '5')],
      [BROKER, '77', op(SET, 'num.partitions', '5')],
      [BROKER, NODE, op(SET, 'num.partitions', '5')],
      [0, 'x', op(SET, 'a', 'b')],
      [99, 'x', op(SET, 'a', 'b')],
    ];
    for (const [type, name, change] of resources) {
      const body = all(alter(type, name, change));
      await speaker.ask(`type ${type} "${name}"`, ApiKey.IncrementalAlterConfigs, 1, body);
    }
    const replace = (name: string, ...pairs: [string, string | null][]) => ({
      resources: [
        { resourceType: TOPIC, resourceName: name, configs: pairs.map(([key, value]) => ({ name: key, value })) },
      ],
      validateOnly: false,
    });
    await speaker.every('replace', ApiKey.AlterConfigs, () => replace('alt', ['retention.ms', '8']));
    await speaker.every('replace by nothing', ApiKey.AlterConfigs, () => replace('alt'));
    await speaker.every('replace in nothing', ApiKey.AlterConfigs, () => ({ resources: [], validateOnly: false }));
    await speaker.ask('replace null', ApiKey.AlterConfigs, 2, replace('alt', ['retention.ms', null]));
    await speaker.ask(
      'replace twice',
      ApiKey.AlterConfigs,
      2,
      replace('alt', ['retention.ms', '1'], ['retention.ms', '2']),
    );
    await speaker.ask('replace unknown', ApiKey.AlterConfigs, 2, replace('alt', ['no.such', '1']));
    await speaker.ask('replace where nothing is', ApiKey.AlterConfigs, 2, replace('no-such', ['retention.ms', '1']));
    await speaker.ask('replace in a bad name', ApiKey.AlterConfigs, 2, replace('a b', ['retention.ms', '1']));
    const left = {
      resources: [{ resourceType: TOPIC, resourceName: 'alt', configurationKeys: ['retention.ms', 'cleanup.policy'] }],
    };
    await speaker.ask('what is left', ApiKey.DescribeConfigs, 4, left);
  },
};
