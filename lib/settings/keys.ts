import * as v from 'valibot';
import { assert } from '../core/assert.ts';
import { type SettingField, settingsSchema } from './schema.ts';
import type { SettingMetadata } from './setting.ts';

/** One setting with all its names. */
export interface SettingName extends SettingMetadata {
  readonly field: SettingField;
  /** Parsed if no source gives a value. */
  readonly fallback: string | undefined;
  /** Accepts `true` and `false`, so its flag needs no value. */
  readonly isBoolean: boolean;
}

const OWN_PREFIX = 'tidelog.';

/** `tidelog.linger.ms` -> `TIDELOG_LINGER_MS`, `num.partitions` -> `TIDELOG_NUM_PARTITIONS`. */
export function variableOf(key: string): string {
  return `TIDELOG_${withoutPrefix(key).replaceAll('.', '_').toUpperCase()}`;
}

/** `tidelog.linger.ms` -> `linger-ms`, `num.partitions` -> `num-partitions`. */
export function flagOf(key: string): string {
  return withoutPrefix(key).replaceAll('.', '-');
}

function withoutPrefix(key: string): string {
  return key.startsWith(OWN_PREFIX) ? key.slice(OWN_PREFIX.length) : key;
}

/** All settings, in the order in which the help text shows them. */
export const SETTING_NAMES: readonly SettingName[] = Object.entries(settingsSchema.entries).map(([field, schema]) => {
  const { setting } = v.getMetadata(schema as v.GenericSchema) as { setting?: SettingMetadata };
  assert(setting !== undefined, `setting ${field} has no metadata`);
  const fallback = v.getDefault(schema) as string | undefined;
  return { ...setting, field: field as SettingField, fallback, isBoolean: setting.value === 'true|false' };
});

/** Finds settings by their keys and aliases in the form that `nameOf` gives them. */
export function settingsBy(nameOf: (key: string) => string): ReadonlyMap<string, SettingName> {
  const found = new Map<string, SettingName>();
  for (const setting of SETTING_NAMES) {
    for (const key of [setting.key, ...(setting.aliases ?? [])]) {
      const name = nameOf(key);
      assert(!found.has(name), `two settings are called ${name}`);
      found.set(name, setting);
    }
  }
  return found;
}
