import { settingsHelp } from '../settings/help.ts';
import { flagOf, SETTING_NAMES, type SettingName, settingsBy } from '../settings/keys.ts';
import type { SettingField } from '../settings/schema.ts';
import type { GivenValue } from '../settings/settings.ts';
import { type Command, Option } from './program.ts';

/**
 * The values of a command line's flags, filled during parsing. The last occurrence of a repeated
 * flag counts.
 */
export interface SettingFlags {
  /** The value of `--config`. */
  configFile: string | undefined;
  readonly values: Map<SettingField, GivenValue>;
}

/**
 * Adds `--config FILE` and a flag for each setting to a program: `--num-partitions 3`,
 * `--num-partitions=3`; for a setting that is true or false also the bare flag. Aliases and
 * `--tidelog-...` are accepted too, but not shown.
 *
 * @param only the settings to add flags for; default: all
 */
export function addSettingFlags(program: Command, only?: ReadonlySet<SettingField>): SettingFlags {
  const flags: SettingFlags = { configFile: undefined, values: new Map() };
  program.addOption(
    new Option('--config [file]', 'a server.properties file').preset('').argParser((path) => {
      if (path === '') program.error('--config needs the path of a file.');
      flags.configFile = path;
    }),
  );
  const shown = new Set(SETTING_NAMES.map(({ key }) => flagOf(key)));
  for (const [name, setting] of settingsBy(flagOf)) {
    if (only?.has(setting.field) === false) continue;
    program.addOption(settingOption(name, setting, flags).hideHelp(!shown.has(name)));
    program.addOption(settingOption(`tidelog-${name}`, setting, flags).hideHelp());
  }
  return flags;
}

function settingOption(name: string, setting: SettingName, { values }: SettingFlags): Option {
  const { field, value, help, isBoolean } = setting;
  const flag = `--${name}`;
  const option = new Option(`${flag} ${isBoolean ? `[${value}]` : `<${value}>`}`, help).argParser((text: string) => {
    values.set(field, { text, source: flag });
    return text;
  });
  if (isBoolean) return option.preset('true');
  // Shells propose these. They are checked with the values of the other sources, whose errors name
  // their source.
  if (/^[a-z0-9_-]+(\|[a-z0-9_-]+)+$/.test(value)) option.argChoices = value.split('|');
  return option;
}

/**
 * Replaces the help text of a program with one that lists every setting with its default, key and
 * variable.
 */
export function withSettingsHelp(program: Command, before: string, exitCodes: string): Command {
  return program.configureHelp({
    formatHelp: () => `${before}${settingsHelp()}\nLogs are JSON lines on stderr. Exit codes: ${exitCodes}\n`,
  });
}
