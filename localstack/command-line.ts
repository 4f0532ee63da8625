import { Command, CommanderError, type ErrorOptions, Option } from 'commander';
import type { DeployOptions } from './deploy.ts';
import type { EndpointOptions } from './endpoint.ts';

const PORT_MAX = 65_535;

/** A wrong command or flag; the message is a sentence. */
export class UsageError extends Error {}

export interface UpFlags extends Pick<EndpointOptions, 'use'> {
  /** 0 to PORT_MAX. */
  readonly port?: number;
}

export type DeployFlags = Pick<DeployOptions, 'prefix' | 'api' | 'functions'>;

export type CommandLine =
  | { readonly command: 'up'; readonly flags: UpFlags }
  | { readonly command: 'deploy'; readonly flags: DeployFlags }
  | { readonly command: 'down' }
  /** `--help` was among the arguments. */
  | { readonly command: 'help'; readonly text: string };

/** Reads the arguments after the program's name. Throws UsageError. */
export function readCommandLine(args: readonly string[]): CommandLine {
  let read: CommandLine | undefined;
  let text = '';
  const program = new Program('tidelog-localstack')
    .description('Tidelog on an AWS-compatible endpoint of this machine.')
    .exitOverride()
    .configureOutput({
      writeOut: (help) => {
        text += help;
      },
      writeErr: () => {},
    })
    .helpCommand(false);
  program
    .command('up')
    .description('brings an endpoint up: LocalStack where Docker runs, else MiniStack (Python 3.10 or newer)')
    .addOption(
      new Option('--port <number>', 'where it listens on 127.0.0.1; 0 for any free port, 4566 by default').argParser(
        portOf,
      ),
    )
    .addOption(choice('use', ['localstack', 'ministack'], 'which endpoint'))
    .action((flags: UpFlags) => {
      read = { command: 'up', flags };
    });
  program
    .command('deploy')
    .description("deploys Tidelog's stacks to it, or updates them")
    .option('--prefix <name>', 'the prefix of the names of stacks and functions; Tidelog by default')
    .addOption(choice('api', ['http', 'rest', 'url'], 'how requests come in'))
    .option('--functions <folder>', "bundles to deploy instead of the package's own")
    .action((flags: DeployFlags) => {
      read = { command: 'deploy', flags };
    });
  program
    .command('down')
    .description('ends it and deletes everything in it')
    .action(() => {
      read = { command: 'down' };
    });
  program.addHelpText('after', AFTER_HELP);
  try {
    program.parse([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { command: 'help', text };
    throw new UsageError('A command is missing.');
  }
  return read!;
}

const AFTER_HELP = `
With AWS_ENDPOINT_URL set, up checks that endpoint, deploy deploys to it, and down leaves it as it is.
tidelog-localstack COMMAND --help lists the flags of a command.
Exit codes: 0 done, 1 failed, 2 wrong command or flags.`;

/** A program that reports wrong usage as a UsageError. */
class Program extends Command {
  override createCommand(name?: string): Command {
    return new Program(name);
  }

  override error(message: string, { code }: ErrorOptions = {}): never {
    const [, quoted = ''] = /'(.*?)'/.exec(message) ?? [];
    const isElsewhere = () =>
      this.parent?.commands.some(({ options }) => options.some(({ long }) => long === quoted)) === true;
    if (code === 'commander.unknownCommand') throw new UsageError(`There is no ${quoted}.`);
    if (code === 'commander.excessArguments') throw new UsageError(`${this.name()} takes no ${this.args[0]}.`);
    if (code === 'commander.unknownOption' && isElsewhere()) throw new UsageError(`${this.name()} takes no ${quoted}.`);
    const sentence = message.replace(/^error: /, '').split('\n')[0]!;
    throw new UsageError(`${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`);
  }
}

function choice(name: string, allowed: readonly string[], description: string): Option {
  return new Option(`--${name} <${allowed.join('|')}>`, description).argParser((value: string) => {
    if (!allowed.includes(value)) throw new UsageError(`--${name} takes ${allowed.join(', ')}, not ${value}.`);
    return value;
  });
}

function portOf(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > PORT_MAX) {
    throw new UsageError(`--port takes 0 to ${PORT_MAX}, not ${text}.`);
  }
  return port;
}
