import type { Command } from '../program.ts';

/** A flag, as shells complete it. */
export interface CompletionFlag {
  /** `--partitions`, and `-p` if there is one. */
  readonly names: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** All possible values; undefined if any value is allowed, such as a file. */
  readonly choices: readonly string[] | undefined;
}

/** A command with its subcommands, flags and arguments. */
export interface CompletionNode {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly CompletionFlag[];
  readonly commands: readonly CompletionNode[];
  /** The possible arguments, if known. */
  readonly words: readonly string[];
}

export const HELP_FLAG: CompletionFlag = {
  names: ['--help', '-h'],
  description: 'shows the flags and examples',
  takesValue: false,
  choices: undefined,
};

/** The completions of a commander program. */
export function nodeOf(program: Command, name: string, description: string): CompletionNode {
  const commands = program.commands.map((command) => nodeOf(command, command.name(), command.description()));
  // The flags of a default subcommand are also valid after its parent.
  const standIn = program.commands.findIndex((command) => isDefault(program, command));
  const shown = program.options.filter(({ hidden }) => !hidden);
  const own = shown.map(({ long, short, description: text, required, optional, presetArg, argChoices }) => ({
    names: [long, short].filter((one) => one !== undefined),
    description: text,
    // A flag with an optional value is usually followed by another flag.
    takesValue: required || (optional && !presetArg),
    choices: argChoices,
  }));
  return {
    name,
    description,
    flags: standIn < 0 ? [...own, HELP_FLAG] : commands[standIn]!.flags,
    commands,
    words: program.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  };
}

function isDefault(program: Command, command: Command): boolean {
  return (program as unknown as { _defaultCommandName?: string | null })._defaultCommandName === command.name();
}

/** A place in the command tree: the command names that lead to it, and the node. */
export interface CompletionPlace {
  readonly path: readonly string[];
  readonly node: CompletionNode;
}

/** The node and all its descendants. */
export function placesOf(node: CompletionNode, path: readonly string[] = []): CompletionPlace[] {
  return [{ path, node }, ...node.commands.flatMap((command) => placesOf(command, [...path, command.name]))];
}

/** A place's command names as one text, which the scripts for bash and zsh compare. */
export function placeKey(path: readonly string[]): string {
  return `"${path.map((name) => ` ${name}`).join('')}"`;
}

/**
 * The cases of a bash or zsh script that complete a flag's value; `reply` is the script's code for
 * one case.
 */
export function valueCases(root: CompletionNode, reply: (choices: readonly string[] | undefined) => string): string {
  const cases = placesOf(root).flatMap(({ path, node }) =>
    node.flags
      .filter(({ takesValue }) => takesValue)
      .map(({ names, choices }) => {
        const patterns = names.map((name) => placeKey([...path, name])).join(' | ');
        return `    ${patterns}) ${reply(choices)}return ;;\n`;
      }),
  );
  return cases.join('');
}

/** The first sentence, on one line. */
export function summaryOf(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/(?<=[a-z)])[.;:] .*$/, '')
    .replace(/\.$/, '');
}
