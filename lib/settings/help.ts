import { flagOf, SETTING_NAMES, variableOf } from './keys.ts';

/** The flags, variables, keys and defaults of all settings, as text for a terminal. */
export function settingsHelp(): string {
  const entries = SETTING_NAMES.map((setting) => {
    const fallback = setting.fallback === undefined ? '' : ` Default: ${setting.fallback}.`;
    return (
      `  --${flagOf(setting.key)} ${setting.value}\n` +
      `      ${setting.help}${fallback}\n` +
      `      In a file: ${setting.key}. As a variable: ${variableOf(setting.key)}.\n`
    );
  });
  return `  --config FILE\n      A server.properties file. Variables go before it, flags before both.\n${entries.join('')}`;
}
