import type { CommandEntry, CommandIo } from './command.ts';
import { bashCompletion } from './completion/bash.ts';
import { fishCompletion } from './completion/fish.ts';
import { type CompletionNode, HELP_FLAG, nodeOf } from './completion/node.ts';
import { zshCompletion } from './completion/zsh.ts';
import { Argument, type Command, newProgram, withExamples } from './program.ts';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/**
 * `tidelog completion bash|zsh|fish`: prints a script that completes commands, flags and their
 * values.
 */
export function completionProgram(io: CommandIo, commands: readonly CommandEntry[]): Command {
  const program = newProgram('completion', 'Prints a script that completes commands and flags in a shell.', io);
  program
    .addArgument(new Argument('<shell>', 'for which').choices(Object.keys(SHELLS)))
    .action(async (shell: keyof typeof SHELLS) => {
      io.out(SHELLS[shell](await rootNode(io, commands)));
    });
  return withExamples(program, [
    ['source <(tidelog completion bash)', 'For this shell; in ~/.bashrc for all'],
    ['tidelog completion zsh > ~/.zsh/completions/_tidelog', 'For zsh, once; a folder that $fpath has'],
    ['tidelog completion fish > ~/.config/fish/completions/tidelog.fish', 'For fish, once'],
  ]);
}

async function rootNode(io: CommandIo, entries: readonly CommandEntry[]): Promise<CompletionNode> {
  const commands = await Promise.all(
    entries.map(async ({ name, summary, program }) => nodeOf(await program(io), name, summary)),
  );
  const version = {
    names: ['--version', '-v'],
    description: 'which one this is',
    takesValue: false,
    choices: undefined,
  };
  return { name: 'tidelog', description: '', flags: [HELP_FLAG, version], commands, words: [] };
}
