import type { TopicRecord } from '../../storage/items/topic.ts';
import { type BrokerConfigs, brokerSynonyms, brokerValue } from './broker-configs.ts';
import { shownValue } from './config-value.ts';
import type { ConfigSynonym, DescribedConfig } from './described-config.ts';
import { TOPIC_CONFIG_DOCUMENTATION } from './topic-config-documentation.ts';
import { JOURNALS_CONFIG, TOPIC_CONFIGS, type TopicConfigDefinition } from './topic-config-table.ts';

/** Name suffixes of durations that are not in ms. */
const MS_PER_UNIT: readonly (readonly [string, number])[] = [
  ['.minutes', 60_000],
  ['.hours', 3_600_000],
];

/**
 * The configs of a topic that sets none itself, in order of name. Computed once per request, for
 * all its topics.
 */
export function describeTopicDefaults(broker: BrokerConfigs): DescribedConfig[] {
  return [...TOPIC_CONFIGS]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, definition]) => {
      const synonyms = synonymsOf(definition, broker);
      const value = defaultValue(definition, broker);
      return {
        name,
        // The number of journals may be `auto`; each topic has its own.
        value: name === JOURNALS_CONFIG ? value : shownValue(definition.type, value),
        readOnly: name === JOURNALS_CONFIG,
        source: synonyms[0]?.source ?? 'DEFAULT_CONFIG',
        sensitive: false,
        type: definition.type,
        synonyms,
        documentation: TOPIC_CONFIG_DOCUMENTATION.get(name)!,
      };
    });
}

/**
 * The configs of a topic (Kafka: ConfigHelper.createTopicConfigEntry). `defaults` is the result of
 * `describeTopicDefaults`.
 */
export function describeTopicConfigs(
  { configs, journals }: Pick<TopicRecord, 'configs' | 'journals'>,
  defaults: readonly DescribedConfig[],
): DescribedConfig[] {
  return defaults.map((config) => {
    const own = configs[config.name];
    // The requested number of journals is capped at the number of partitions.
    if (config.name === JOURNALS_CONFIG && own === undefined) return { ...config, value: String(journals) };
    if (own === undefined) return config;
    const value = config.name === JOURNALS_CONFIG ? String(journals) : shownValue(config.type, own);
    const synonym: ConfigSynonym = { name: config.name, value, source: 'TOPIC_CONFIG' };
    return { ...config, value, source: 'TOPIC_CONFIG', synonyms: [synonym, ...config.synonyms] };
  });
}

function synonymsOf({ synonyms, fallback, type }: TopicConfigDefinition, broker: BrokerConfigs): ConfigSynonym[] {
  const [first] = synonyms;
  if (first === undefined) return [];
  if (broker.has(first)) return brokerSynonyms(broker, synonyms);
  // Kafka's default is listed under the first name, unless a synonym in another unit lists it.
  return synonyms.length > 1 ? [] : [{ name: first, value: shownValue(type, fallback), source: 'DEFAULT_CONFIG' }];
}

function defaultValue({ synonyms, fallback }: TopicConfigDefinition, broker: BrokerConfigs): string {
  for (const name of synonyms) {
    const value = brokerValue(broker, name);
    if (value === undefined) continue;
    const unit = MS_PER_UNIT.find(([ending]) => name.endsWith(ending))?.[1] ?? 1;
    return unit === 1 ? value : String(Number(value) < 0 ? -1 : Number(value) * unit);
  }
  return fallback;
}
