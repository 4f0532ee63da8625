import * as v from 'valibot';

/** The metadata of a setting for help texts, documentation and parsing, besides its type. */
export interface SettingMetadata {
  /** Kafka's name, or ours under `tidelog.`. */
  readonly key: string;
  /** Other keys of the same setting. */
  readonly aliases?: readonly string[];
  readonly help: string;
  /** The unit of its number. */
  readonly unit?: 'ms' | 'minutes' | 'hours' | 'bytes';
  /** The value's placeholder in the help text. */
  readonly value: string;
}

/** A setting with a default; `fallback` is parsed like any given text. */
export function setting<Schema extends v.GenericSchema<string, unknown>>(
  schema: Schema,
  fallback: string,
  metadata: SettingMetadata,
) {
  return v.pipe(v.optional(schema, fallback as never), v.metadata({ setting: metadata }));
}

/** A setting without a default. Its effect when absent depends on other settings or the store. */
export function optionalSetting<Schema extends v.GenericSchema<string, unknown>>(
  schema: Schema,
  metadata: SettingMetadata,
) {
  return v.pipe(v.optional(schema), v.metadata({ setting: metadata }));
}
