import type { Command } from 'commander';
import { nearest } from '../settings/nearest.ts';

/** Settings are also accepted with the prefix of their keys. */
const OWN_PREFIX = 'tidelog-';

/**
 * A flag as typed, such as `--num-partitions=3`, without its dashes, its value and the prefix of
 * settings' keys.
 */
export function plainFlagName(typed: string): string {
  const name = typed.replace(/^-+/, '').replace(/=.*$/s, '');
  return name.startsWith(OWN_PREFIX) ? name.slice(OWN_PREFIX.length) : name;
}

/**
 * Why the usage of `command` is wrong, as one sentence, with a suggestion if there is one.
 *
 * @param code commander's code of the error; undefined for the program's own errors
 * @param message commander's text, such as `error: unknown option '--x'`, or the program's own
 *   sentence
 */
export function usageSentence(command: Command, code: string | undefined, message: string): string {
  const quoted = /'([^']*)'/.exec(message)?.[1] ?? '';
  switch (code) {
    case 'commander.unknownOption':
      return unknownFlag(command, quoted);
    case 'commander.optionMissingArgument': {
      const [, flag, value] = /(--[\w-]+) [<[](.*)[>\]]$/.exec(quoted) ?? [];
      return `${flag} needs a value: ${value}.`;
    }
    case 'commander.conflictingOption': {
      const flags = [...message.matchAll(/'[^']*(--[\w-]+)/g)].map(([, flag]) => flag);
      return `${flags.join(' and ')} exclude each other: give one of them.`;
    }
    case 'commander.excessArguments':
      return `"${command.args[command.registeredArguments.length]}" is not expected here.`;
    default:
      return asSentence(message);
  }
}

function unknownFlag(command: Command, typed: string): string {
  const known = command.createHelp().visibleOptions(command);
  const names = known.flatMap(({ long }) => (long ? [plainFlagName(long)] : []));
  const suggestion = typed.startsWith('--') ? nearest(plainFlagName(typed), names) : undefined;
  return `There is no flag ${typed.replace(/=.*$/s, '')}.${suggestion === undefined ? '' : ` Did you mean --${suggestion}?`}`;
}

/** `error: unknown command 'crate'` and, on the next line, `(Did you mean create?)`. */
function asSentence(message: string): string {
  const [first = '', suggestion] = message.replace(/^error: /, '').split('\n');
  const sentence = `${first.charAt(0).toUpperCase()}${first.slice(1)}`.replace(/\.?$/, '.');
  return suggestion === undefined ? sentence : `${sentence} ${suggestion.replace(/^\((.*)\)$/, '$1')}`;
}
