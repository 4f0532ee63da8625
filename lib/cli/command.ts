import type { Command as Program } from 'commander';

/** What scripts can tell apart. */
export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/** Where a command reads and writes. */
export interface CommandIo {
  /** What was asked for goes to stdout, everything else to stderr. */
  out(output: string | Uint8Array): void;
  err(text: string): void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Calls back at each SIGINT or SIGTERM; returns a function that stops it. */
  onStopSignal(callback: () => void): () => void;
  /** Calls back with the reason of each rejection that nobody handles, which ends the process otherwise; returns a function that stops it. */
  onUnhandledRejection?(callback: (reason: unknown) => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
  /** What comes in on stdin, in pieces of any size; nothing when left out. */
  readonly input?: AsyncIterable<Uint8Array>;
  /** Resolves when stdout has accepted all output, or nobody reads it; left out where it always has. */
  outAccepted?(): Promise<void>;
  /**
   * Makes `outGone` abort as soon as the reader has gone, as far as the system can tell, and not only at the next output.
   * Resolves to a function that ends that.
   */
  watchOut?(): Promise<() => void>;
  /** Aborts when nobody reads stdout any more (EPIPE), for example behind `| head`. */
  readonly outGone?: AbortSignal;
  /** True when stdout is a terminal, so that progress on stderr would run into the output. */
  readonly outIsTerminal?: boolean;
  /** The terminal that stderr is; left out where it is none, and then there is no progress. */
  readonly errTerminal?: { readonly columns: number };
}

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Loads the command, so that `tidelog --help` loads none. Run it with runProgram. */
  program(io: CommandIo): Promise<Program>;
}
