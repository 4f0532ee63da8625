import { assert } from '../../lib/core/assert.ts';
import { readSettings, type Settings } from '../../lib/settings/settings.ts';

/** Settings from values by key, everything else by default. Throws for a wrong value. */
export function settingsOf(values: Readonly<Record<string, string>>): Settings {
  const outcome = readSettings(values);
  assert(outcome.kind === 'settings', outcome.kind === 'invalid' ? outcome.problems.join(' ') : '');
  return outcome.settings;
}
