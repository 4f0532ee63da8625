import type { ConfigType } from './config-value.ts';

/** Where a value comes from (org.apache.kafka.common.requests.DescribeConfigsResponse.ConfigSource). */
export const CONFIG_SOURCES = { TOPIC_CONFIG: 1, STATIC_BROKER_CONFIG: 4, DEFAULT_CONFIG: 5 } as const;

export type ConfigSource = keyof typeof CONFIG_SOURCES;

/** A config that stands behind another one, or the one itself at a source of its own. */
export interface ConfigSynonym {
  readonly name: string;
  /** Null where it is secret. */
  readonly value: string | null;
  readonly source: ConfigSource;
}

/** A config as it is in effect. */
export interface DescribedConfig {
  readonly name: string;
  /** Null where there is none, or it is secret. */
  readonly value: string | null;
  readonly readOnly: boolean;
  readonly source: ConfigSource;
  readonly sensitive: boolean;
  readonly type: ConfigType;
  /** The one in effect first. */
  readonly synonyms: readonly ConfigSynonym[];
  readonly documentation: string;
}
