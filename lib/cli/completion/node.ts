import type { Command } from '../program.ts';

/** A flag as shells complete it. */
export interface CompletionFlag {
  /** `--partitions`, and `-p` if there is one. */
  readonly names: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** All values that there are; undefined where anything goes, also a file. */
  readonly choices: readonly string[] | undefined;
}

/** A command with what can stand behind it. */
export interface CompletionNode {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly CompletionFlag[];
  readonly commands: readonly CompletionNode[];
  /** What its arguments can be, where that is known. */
  readonly words: readonly string[];
}

export const HELP_FLAG: CompletionFlag = {
  names: ['--help', '-h'],
  description: 'shows the flags and examples',
  takesValue: false,
  choices: undefined,
};

/** What a program of commander's takes. */
export function nodeOf(program: Command, name: string, description: string): CompletionNode {
  const commands = program.commands.map((command) => nodeOf(command, command.name(), command.description()));
  // Those of a command that stands for its parent go behind the parent too.
  const standIn = program.commands.findIndex((command) => isDefault(program, command));
  const shown = program.options.filter(({ hidden }) => !hidden);
  const own = shown.map(({ long, short, description: text, required, optional, presetArg, argChoices }) => ({
    names: [long, short].filter((one) => one !== undefined),
    description: text,
    // Another flag usually follows one that has a meaning without a value.
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

/** One place where something can be completed: the names of the commands up to it, and the node. */
export interface CompletionPlace {
  readonly path: readonly string[];
  readonly node: CompletionNode;
}

/** The node and all below it. */
export function placesOf(node: CompletionNode, path: readonly string[] = []): CompletionPlace[] {
  return [{ path, node }, ...node.commands.flatMap((command) => placesOf(command, [...path, command.name]))];
}

/** The names of a place's commands in one text, as the scripts for bash and zsh compare it. */
export function placeKey(path: readonly string[]): string {
  return `"${path.map((name) => ` ${name}`).join('')}"`;
}

/**
 * The cases of a script for bash or zsh in which the value of a flag is completed; `reply` is what
 * the script does.
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

/** The first sentence, in one line. */
export function summaryOf(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/(?<=[a-z)])[.;:] .*$/, '')
    .replace(/\.$/, '');
}
