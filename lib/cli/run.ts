import { VERSION } from '../core/version.ts';
import { nearest } from '../settings/nearest.ts';
import { type CommandIo, EXIT_OK, EXIT_USAGE } from './command.ts';
import { COMMANDS } from './commands.ts';

/** Runs the command line `tidelog ARGS`; returns the exit code. */
export async function runCommandLine(args: readonly string[], io: CommandIo): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined) {
    io.err(overview());
    return EXIT_USAGE;
  }
  if (name === '--version' || name === '-v') {
    io.out(`tidelog ${VERSION}\n`);
    return EXIT_OK;
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    io.out(overview());
    return EXIT_OK;
  }
  const command = COMMANDS.find((entry) => entry.name === name);
  if (command === undefined) {
    const names = COMMANDS.map((entry) => entry.name);
    const suggestion = nearest(name, names);
    io.err(
      `There is no command ${name}.${suggestion === undefined ? '' : ` Did you mean ${suggestion}?`} ` +
        'tidelog --help lists them all.\n',
    );
    return EXIT_USAGE;
  }
  const [program, { runProgram }] = await Promise.all([command.program(io), import('./program.ts')]);
  return runProgram(program, rest, io);
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}\n`);
  return (
    'Kafka without brokers to run.\n\n' +
    'Usage: tidelog COMMAND [flags]\n\n' +
    `${lines.join('')}\n` +
    'tidelog COMMAND --help explains a command, tidelog --version prints the version.\n' +
    'Exit codes: 0 done, 1 failed, 2 wrong flags or arguments.\n'
  );
}
