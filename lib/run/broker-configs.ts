import * as v from 'valibot';
import { SETTING_NAMES, type SettingName } from '../settings/keys.ts';
import { settingsSchema } from '../settings/schema.ts';
import type { Settings } from '../settings/settings.ts';
import type { BrokerConfig, BrokerConfigs } from '../topics/configs/broker-configs.ts';
import type { ConfigType } from '../topics/configs/config-value.ts';

/** The configs whose values are never shown. */
const SECRET = /password|secret|jaas|credential/;

const BEYOND_INT32 = String(2 ** 31);

/**
 * The settings as DescribeConfigs shows them: under each of their names, with the given values and
 * the defaults.
 */
export function brokerConfigs(settings: Pick<Settings, 'given'>): BrokerConfigs {
  const configs = SETTING_NAMES.flatMap((setting) =>
    [setting.key, ...(setting.aliases ?? [])].map((name): BrokerConfig => {
      const given = settings.given.get(setting.field);
      return {
        name,
        type: typeOf(setting),
        given,
        fallback: setting.fallback ?? null,
        sensitive: SECRET.test(name),
        documentation: setting.help,
      };
    }),
  );
  return new Map(configs.map((config) => [config.name, config]));
}

/** Kafka's type of a setting, derived from its schema. */
function typeOf({ field, isBoolean, value }: SettingName): ConfigType {
  if (isBoolean) return 'BOOLEAN';
  const takes = (text: string) => v.safeParse(settingsSchema.entries[field] as v.GenericSchema, text).success;
  if (takes('0.5') && !takes('x')) return 'DOUBLE';
  const isNumber = ['1', '60000', '1000000000'].some(takes) && !takes('x') && !takes('auto');
  if (isNumber) return takes(BEYOND_INT32) ? 'LONG' : 'INT';
  return value.includes(',') ? 'LIST' : 'STRING';
}
