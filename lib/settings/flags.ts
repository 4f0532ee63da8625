import { parseArgs } from 'node:util';
import { flagOf, SETTING_NAMES, type SettingName, settingsBy } from './keys.ts';
import { nearest } from './nearest.ts';
import type { SettingField } from './schema.ts';
import type { GivenValue, GivenValues } from './settings.ts';

export type FlagsOutcome =
  | { readonly kind: 'flags'; readonly configFile: string | undefined; readonly values: GivenValues }
  /** `--help` or `-h` was among them. */
  | { readonly kind: 'help' }
  | { readonly kind: 'usage'; readonly message: string };

const SETTINGS_BY_FLAG = settingsBy(flagOf);
const CONFIG = 'config';
const HELP = 'help';
/** People write the key's own prefix too; it means the same. */
const OWN_PREFIX = 'tidelog-';

/**
 * Reads `--num-partitions 3`, `--num-partitions=3`, `--allow-anonymous`, `--auto-create-topics-enable false`,
 * `--config FILE` and `--help`. The last one of a repeated flag counts.
 */
export function readFlags(args: readonly string[]): FlagsOutcome {
  const { tokens } = parseArgs({ args: [...args], options: parserOptions(), strict: false, tokens: true });
  const values = new Map<SettingField, GivenValue>();
  let configFile: string | undefined;
  let loneBoolean: SettingName | undefined;
  for (const token of tokens) {
    if (token.kind === 'positional' && loneBoolean !== undefined && /^(true|false)$/i.test(token.value)) {
      values.set(loneBoolean.field, { text: token.value, source: `--${flagOf(loneBoolean.key)}` });
      loneBoolean = undefined;
      continue;
    }
    loneBoolean = undefined;
    if (token.kind === 'positional') return usage(`"${token.value}" is not expected here.`);
    if (token.kind !== 'option') continue;
    if (token.name === HELP || token.rawName === '-h') return { kind: 'help' };
    if (token.name === CONFIG) {
      if (token.value === undefined) return usage('--config needs the path of a file.');
      configFile = token.value;
      continue;
    }
    const setting = SETTINGS_BY_FLAG.get(plainName(token.name));
    if (setting === undefined) return usage(unknownFlag(token.rawName));
    if (token.value === undefined && !setting.isBoolean)
      return usage(`${token.rawName} needs a value: ${setting.value}.`);
    values.set(setting.field, { text: token.value ?? 'true', source: token.rawName });
    if (setting.isBoolean && token.value === undefined) loneBoolean = setting;
  }
  return { kind: 'flags', configFile, values };
}

function parserOptions(): Record<string, { type: 'string' | 'boolean' }> {
  const options: Record<string, { type: 'string' | 'boolean' }> = {
    [CONFIG]: { type: 'string' },
    [HELP]: { type: 'boolean' },
  };
  for (const [flag, { isBoolean }] of SETTINGS_BY_FLAG) {
    options[flag] = { type: isBoolean ? 'boolean' : 'string' };
    options[OWN_PREFIX + flag] = options[flag];
  }
  return options;
}

function plainName(name: string): string {
  return name.startsWith(OWN_PREFIX) ? name.slice(OWN_PREFIX.length) : name;
}

function unknownFlag(rawName: string): string {
  const candidates = [CONFIG, HELP, ...SETTING_NAMES.map(({ key }) => flagOf(key))];
  const suggestion = nearest(plainName(rawName.replace(/^-+/, '')), candidates);
  return `There is no flag ${rawName}.${suggestion === undefined ? '' : ` Did you mean --${suggestion}?`}`;
}

function usage(message: string): FlagsOutcome {
  return { kind: 'usage', message };
}
