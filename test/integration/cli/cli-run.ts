import type { CommandIo } from '../../../lib/cli/command.ts';
import { runCommandLine } from '../../../lib/cli/run.ts';
import { startTidelog, type Tidelog } from '../../../lib/run/start.ts';
import { settingsOf } from '../../support/settings.ts';

/** A Tidelog in this process that keeps everything in memory. */
export function startMemoryTidelog(settings: Readonly<Record<string, string>> = {}): Promise<Tidelog> {
  return startTidelog({
    settings: settingsOf({ 'tidelog.store': 'memory', listeners: 'PLAINTEXT://127.0.0.1:0', ...settings }),
    logger: { log: () => {} },
  });
}

export interface RunOptions {
  readonly input?: string | Uint8Array | AsyncIterable<Uint8Array>;
  readonly environment?: Readonly<Record<string, string>>;
  /** Columns of the terminal that stderr is; none when left out. */
  readonly columns?: number;
  readonly outIsTerminal?: boolean;
  readonly outGone?: AbortSignal;
  readonly onOut?: (output: string | Uint8Array) => void;
  /** Resolves when stdout has accepted its output. */
  readonly outAccepted?: () => Promise<void>;
}

/** A command line that runs in this process. */
export interface Run {
  readonly exitCode: Promise<number>;
  /** What stdout has so far. */
  out(): Buffer;
  err(): string;
  /** What Ctrl-C does. */
  interrupt(): void;
  readonly exits: number[];
}

/** Runs `tidelog ARGS` with everything that it writes caught. */
export function runCli(args: readonly string[], options: RunOptions = {}): Run {
  const out: Buffer[] = [];
  let err = '';
  const exits: number[] = [];
  const stops = new Set<() => void>();
  const { input, columns, outGone, outAccepted } = options;
  const io: CommandIo = {
    out(output) {
      out.push(Buffer.from(output));
      options.onOut?.(output);
    },
    err(text) {
      err += text;
    },
    environment: options.environment ?? {},
    onStopSignal(callback) {
      stops.add(callback);
      return () => stops.delete(callback);
    },
    exit: (code) => exits.push(code),
    outIsTerminal: options.outIsTerminal ?? false,
    ...(input !== undefined && { input: inputOf(input) }),
    ...(columns !== undefined && { errTerminal: { columns } }),
    ...(outGone !== undefined && { outGone }),
    ...(outAccepted !== undefined && { outAccepted }),
  };
  return {
    exitCode: runCommandLine(args, io),
    out: () => Buffer.concat(out),
    err: () => err,
    exits,
    interrupt() {
      for (const stop of [...stops]) stop();
    },
  };
}

async function* inputOf(input: NonNullable<RunOptions['input']>): AsyncGenerator<Uint8Array> {
  if (typeof input === 'string') yield Buffer.from(input);
  else if (input instanceof Uint8Array) yield input;
  else yield* input;
}

/** What a finished command line left behind. */
export interface Finished {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

/** Runs against one cluster and waits for the end. */
export function cliOf(bootstrapServers: () => string) {
  return async (args: readonly string[], options: RunOptions = {}): Promise<Finished> => {
    const environment = { TIDELOG_BOOTSTRAP_SERVERS: bootstrapServers(), ...options.environment };
    const run = runCli(args, { ...options, environment });
    const exitCode = await run.exitCode;
    return { exitCode, out: run.out().toString(), err: run.err() };
  };
}
