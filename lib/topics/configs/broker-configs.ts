import type { Failure } from '../../core/errors.ts';
import type { ConfigChange } from './change-configs.ts';
import { type ConfigType, shownValue } from './config-value.ts';
import type { ConfigSynonym, DescribedConfig } from './described-config.ts';

/** One name of a setting of the process. */
export interface BrokerConfig {
  readonly name: string;
  readonly type: ConfigType;
  /** The configured value, under this name or another; undefined if none was configured. */
  readonly given: string | undefined;
  /** The default; null if there is no fixed one. */
  readonly fallback: string | null;
  readonly sensitive: boolean;
  readonly documentation: string;
}

/** The settings of the process by name, in display order. */
export type BrokerConfigs = ReadonlyMap<string, BrokerConfig>;

/** The value in effect; undefined if there is none. */
export function brokerValue(configs: BrokerConfigs, name: string): string | undefined {
  const config = configs.get(name);
  return config === undefined ? undefined : (config.given ?? config.fallback ?? undefined);
}

/**
 * The values of these broker configs as synonyms: first the configured ones, then the defaults
 * (Kafka: ConfigHelper.configSynonyms). As in Kafka, synonyms before that of the first name are
 * left out.
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

/** The configs of a broker for DescribeConfigs. All are read-only. */
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

/**
 * Why the configs of a broker cannot be changed so; undefined if they stay as they are. A process's
 * settings cannot change while it runs. Deleting one that was never set changes nothing, as in Kafka.
 */
export function brokerConfigsProblem(changes: readonly ConfigChange[]): Failure | undefined {
  const set = changes.filter(({ operation }) => operation !== 'DELETE').map((change) => change.name);
  return set.length === 0
    ? undefined
    : { error: 'INVALID_REQUEST', message: `Cannot update these configs dynamically: [${set.join(', ')}]` };
}
