import * as v from 'valibot';
import type { Failure } from '../../core/errors.ts';
import { type AskedConfigChange, askedConfigChanges, type ConfigChange } from '../../topics/configs/change-configs.ts';
import type { DescribedConfig } from '../../topics/configs/described-config.ts';
import type { Refusal } from '../answer.ts';
import { kafkaFailure, refusedWith } from '../errors.ts';

const source = v.picklist(['DYNAMIC_TOPIC_CONFIG', 'STATIC_BROKER_CONFIG', 'DEFAULT_CONFIG']);

/** The fields of every config of v3. */
export const CONFIG_FIELDS = {
  cluster_id: v.string(),
  name: v.string(),
  value: v.nullable(v.string()),
  is_default: v.boolean(),
  is_read_only: v.boolean(),
  is_sensitive: v.boolean(),
  source,
  synonyms: v.array(v.object({ name: v.string(), value: v.nullable(v.string()), source })),
};

export const updateConfigBody = v.object({ value: v.nullish(v.string()) });

export const alterConfigsBody = v.object({
  data: v.array(
    v.object({
      name: v.string(),
      value: v.nullish(v.string()),
      operation: v.nullish(v.picklist(['SET', 'DELETE', 'set', 'delete'])),
    }),
  ),
  validate_only: v.nullish(v.boolean()),
});

/** A config in v3's form, without its head. */
export function configFields({ name, value, readOnly, source: from, sensitive, synonyms }: DescribedConfig) {
  return {
    name,
    value,
    is_default: from === 'DEFAULT_CONFIG',
    is_read_only: readOnly,
    is_sensitive: sensitive,
    source: sourceName(from),
    synonyms: synonyms.map((one) => ({ name: one.name, value: one.value, source: sourceName(one.source) })),
  };
}

function sourceName(from: DescribedConfig['source']) {
  return from === 'TOPIC_CONFIG' ? 'DYNAMIC_TOPIC_CONFIG' : from;
}

/** The config of that name, or the answer to a name that there is not. */
export function configCalled(configs: readonly DescribedConfig[], name: string): DescribedConfig | Refusal {
  return configs.find((config) => config.name === name) ?? refusedWith(404);
}

/** The change of one config to a value. */
export function setConfig(name: string, { value }: v.InferOutput<typeof updateConfigBody>): ConfigChange[] | Refusal {
  return asRefusal(askedConfigChanges([{ name, operation: 'SET', value: value ?? null }]));
}

/**
 * The changes that a batch asks for. Confluent refuses the batch if the resource has no config of
 * one of the names (AbstractConfigManager.safeAlterConfigs).
 */
export function alterConfigs(
  { data }: v.InferOutput<typeof alterConfigsBody>,
  known: readonly DescribedConfig[],
  what: string,
): ConfigChange[] | Refusal {
  const names = new Set(known.map(({ name }) => name));
  const unknown = data.find(({ name }) => !names.has(name));
  if (unknown !== undefined) return refusedWith(404, `Config ${unknown.name} cannot be found for ${what}.`);
  const asked = data.map(({ name, value, operation }): AskedConfigChange => {
    const upper = operation?.toUpperCase() === 'DELETE' ? 'DELETE' : 'SET';
    return { name, operation: upper, value: value ?? null };
  });
  return asRefusal(askedConfigChanges(asked));
}

function asRefusal(changes: ConfigChange[] | Failure): ConfigChange[] | Refusal {
  return 'error' in changes ? kafkaFailure(changes) : changes;
}
