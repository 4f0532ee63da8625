import { flagOf, SETTING_NAMES } from '../settings/keys.ts';
import type { CommandIo } from './command.ts';
import { type Command, newProgram, Option } from './program.ts';

/**
 * The flags of `dev` and `gateway` as a program that is only looked at, for completion: the settings read their flags
 * themselves, together with variables and files.
 *
 * @param own flags beside the settings, with what they are for
 */
export function serveProgram(
  name: string,
  io: CommandIo,
  own: readonly (readonly [flags: string, description: string])[],
): Command {
  const program = newProgram(name, '', io).option('--config <file>', 'a server.properties file');
  for (const [flags, description] of own) program.option(flags, description);
  for (const { key, value, help, isBoolean } of SETTING_NAMES) {
    const option = new Option(`--${flagOf(key)}${isBoolean ? '' : ' <value>'}`, help);
    const choices = value.split('|');
    program.addOption(
      !isBoolean && choices.length > 1 && choices.every((one) => /^[a-z0-9_-]+$/.test(one))
        ? option.choices(choices)
        : option,
    );
  }
  return program;
}
