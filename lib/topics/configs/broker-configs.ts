import { type ConfigType, shownValue } from './config-value.ts';
import type { ConfigSynonym, DescribedConfig } from './described-config.ts';

/** A setting of the process under one of its names. */
export interface BrokerConfig {
  readonly name: string;
  readonly type: ConfigType;
  /** As it was given, under this name or another; undefined if it was not. */
  readonly given: string | undefined;
  /** Null where what is done then depends on other things. */
  readonly fallback: string | null;
  readonly sensitive: boolean;
  readonly documentation: string;
}

/** The settings of the process by name, in the order in which they are shown. */
export type BrokerConfigs = ReadonlyMap<string, BrokerConfig>;

/** The value in effect; undefined if there is none. */
export function brokerValue(configs: BrokerConfigs, name: string): string | undefined {
  const config = configs.get(name);
  return config === undefined ? undefined : (config.given ?? config.fallback ?? undefined);
}

/**
 * A broker's configs under these names as synonyms: first what was given, then the defaults (Kafka:
 * ConfigHelper.configSynonyms). As there, what comes before the first name's own is left out.
 */
export function brokerSynonyms(configs: BrokerConfigs, names: readonly string[]): ConfigSynonym[] {
  const synonyms: ConfigSynonym[] = [];
  const known = names.flatMap((name) => configs.get(name) ?? []);
  const add = (config: BrokerConfig, value: string | null | undefined, source: ConfigSynonym['source']) => {
    if (value === undefined || value === null) return;
    synonyms.push({ name: config.name, value: config.sensitive ? null : shownValue(config.type, value), source });
  };
  for (const config of known) add(config, config.given, 'STATIC_BROKER_CONFIG');
  for (const config of known) add(config, config.fallback, 'DEFAULT_CONFIG');
  const own = synonyms.findIndex(({ name }) => name === names[0]);
  return own === -1 ? [] : synonyms.slice(own);
}

/** What DescribeConfigs tells of a broker. None can be changed while it runs. */
export function describeBrokerConfigs(configs: BrokerConfigs): DescribedConfig[] {
  return [...configs.values()].map(({ name, type, sensitive, documentation }) => {
    const synonyms = brokerSynonyms(configs, [name]);
    const [first] = synonyms;
    return {
      name,
      value: first?.value ?? null,
      readOnly: true,
      source: first?.source ?? 'DEFAULT_CONFIG',
      sensitive,
      type,
      synonyms,
      documentation,
    };
  });
}
