import type { ConfigType } from './config-value.ts';

/**
 * The source of a value (org.apache.kafka.common.requests.DescribeConfigsResponse.ConfigSource).
 */
export const CONFIG_SOURCES = { TOPIC_CONFIG: 1, STATIC_BROKER_CONFIG: 4, DEFAULT_CONFIG: 5 } as const;

export type ConfigSource = keyof typeof CONFIG_SOURCES;

/** A config that another config falls back to, or one source of the config itself. */
export interface ConfigSynonym {
  readonly name: string;
  /** Null if the config is sensitive. */
  readonly value: string | null;
  readonly source: ConfigSource;
}

/** A config and its effective value. */
export interface DescribedConfig {
  readonly name: string;
  /** Null if there is no value, or if the config is sensitive. */
  readonly value: string | null;
  readonly readOnly: boolean;
  readonly source: ConfigSource;
  readonly sensitive: boolean;
  readonly type: ConfigType;
  /** The effective one first. */
  readonly synonyms: readonly ConfigSynonym[];
  readonly documentation: string;
}
