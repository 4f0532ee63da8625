import { Command, CommanderError, type ErrorOptions, InvalidArgumentError, Option } from 'commander';
import { type CommandIo, EXIT_OK, EXIT_USAGE } from './command.ts';
import { parseDuration } from './duration.ts';
import { unescapeBytes } from './escapes.ts';
import { CommandError, usageError } from './failure.ts';
import { usageSentence } from './usage-sentence.ts';

export { Argument, type Command, InvalidArgumentError, Option } from 'commander';

/** The flags that every command has. */
export interface CommonFlags {
  readonly bootstrapServer?: string;
  readonly clientConfig?: string;
  readonly profile?: string;
  /** ms. */
  readonly timeout: number;
  readonly json?: boolean;
}

/** Long enough for a function's cold start, short enough for a user to wait. */
const TIMEOUT_MS_DEFAULT = 30_000;

/**
 * A commander program that reports wrong usage as a CommandError with one sentence and exit code 2.
 */
class Program extends Command {
  override createCommand(name?: string): Command {
    return new Program(name);
  }

  override error(message: string, { code }: ErrorOptions = {}): never {
    throw usageError(`${usageSentence(this, code, message)} ${pathOf(this)} --help lists all flags.`);
  }
}

/** `tidelog topics create`. */
function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** An empty program `tidelog NAME` whose output goes to `io`. Run it with runProgram. */
export function newProgram(name: string, summary: string, io: CommandIo): Command {
  return new Program(`tidelog ${name}`)
    .description(summary)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: (text) => io.err(text),
      getOutHelpWidth: () => io.errTerminal?.columns ?? HELP_COLUMNS,
      getErrHelpWidth: () => io.errTerminal?.columns ?? HELP_COLUMNS,
    })
    .helpOption('-h, --help', 'shows this')
    .helpCommand(false);
}

/** The width of help texts without a terminal. */
const HELP_COLUMNS = 100;

/** Adds the flags of CommonFlags. */
export function withCommonFlags(command: Command): Command {
  return command
    .option(
      '-b, --bootstrap-server <host:port,...>',
      'where the cluster is; else TIDELOG_BOOTSTRAP_SERVERS, the profile in use, localhost:9092',
    )
    .option('--profile <name>', 'which of the profiles that tidelog profile keeps; else TIDELOG_CLIENT_PROFILE')
    .option(
      '--client-config <file>',
      "a Kafka client's properties file: bootstrap.servers, security.protocol, sasl.*, ssl.*",
    )
    .addOption(
      new Option('--timeout <time>', 'how long to try: 500ms, 30s, 2m, or a number of ms')
        .argParser(durationFlag)
        .default(TIMEOUT_MS_DEFAULT, '30s'),
    )
    .option('--json', 'prints JSON, also for errors');
}

/** Adds examples to the end of the help text; each is a command line and what it does. */
export function withExamples(command: Command, examples: readonly (readonly [line: string, what: string])[]): Command {
  const text = examples.map(([line, what]) => `  ${what}:\n    ${line}\n`).join('');
  return command.addHelpText(
    'after',
    `\nExamples:\n${text}\nExit codes: 0 done, 1 failed, 2 wrong flags or arguments.`,
  );
}

/** A parser for a flag that takes a time; ms. */
export function durationFlag(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('It takes a time such as 500ms, 30s or 2m.');
  return ms;
}

/** A parser for a flag that takes a whole number in `low` to `high`. */
export function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value < low || value > high) {
      throw new InvalidArgumentError(`It takes a whole number from ${low} to ${high}.`);
    }
    return value;
  };
}

/**
 * A flag that takes bytes, with the escapes of unescapeBytes; `shown` is the default as the help
 * text prints it.
 */
export function bytesOption(flags: string, description: string, fallback?: Buffer, shown?: string): Option {
  const option = new Option(flags, description).argParser((text) => {
    const parsed = unescapeBytes(text);
    if (parsed === undefined) throw new InvalidArgumentError('It knows the escapes \\n \\r \\t \\0 \\\\ and \\xHH.');
    return parsed;
  });
  return fallback === undefined ? option : option.default(fallback, shown);
}

/** A parser for a repeatable flag: appends the result of `parse` for each occurrence. */
export function repeated<T>(parse: (text: string) => T): (text: string, before: readonly T[] | undefined) => T[] {
  return (text, before) => [...(before ?? []), parse(text)];
}

/** Splits `name=value` at the first `=`. */
export function pair(text: string): readonly [name: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It takes name=value.');
  return [text.slice(0, at), text.slice(at + 1)];
}

/**
 * Runs a program whose actions throw CommandError, and writes the error to stderr, with `--json` as
 * JSON. Returns the exit code.
 */
export async function runProgram(program: Command, args: readonly string[], io: CommandIo): Promise<number> {
  try {
    await program.parseAsync([...args], { from: 'user' });
    return EXIT_OK;
  } catch (error) {
    // Help was requested, or a subcommand is missing; commander has written the help text.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    const failure = error instanceof CommandError ? error : bugIn(error);
    io.err(args.includes('--json') ? `${JSON.stringify({ error: described(failure) })}\n` : `${failure.message}\n`);
    return failure.exitCode;
  }
}

function bugIn(error: unknown): CommandError {
  const message = error instanceof Error ? error.message : String(error);
  return new CommandError(`This is a fault in tidelog: ${message}.`, { cause: error });
}

function described({ message, kafkaError }: CommandError): { message: string; name?: string } {
  return { message, ...(kafkaError !== undefined && { name: kafkaError }) };
}
