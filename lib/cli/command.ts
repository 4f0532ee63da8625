import type { Command as Program } from 'commander';

/** The exit codes of all commands. */
export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/** Where a command reads and writes. */
export interface CommandIo {
  /** Results go to stdout, everything else to stderr. */
  out(output: string | Uint8Array): void;
  err(text: string): void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Calls back at each SIGINT or SIGTERM. Call the returned function to stop that. */
  onStopSignal(callback: () => void): () => void;
  /**
   * Calls back with the reason of each unhandled rejection, which would end the process otherwise.
   * Call the returned function to stop that.
   */
  onUnhandledRejection?(callback: (reason: unknown) => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
  /** stdin in chunks of any size. Default: empty. */
  readonly input?: AsyncIterable<Uint8Array>;
  /** Resolves when stdout has accepted all output, or when its reader is gone. Default: at once. */
  outAccepted?(): Promise<void>;
  /**
   * Makes `outGone` abort as soon as the reader of stdout is gone, if the system can report that,
   * and not only at the next output. Resolves to a function that ends the watch.
   */
  watchOut?(): Promise<() => void>;
  /** Aborts when the reader of stdout is gone (EPIPE), for example behind `| head`. */
  readonly outGone?: AbortSignal;
  /** True if stdout is a terminal; then progress on stderr would mix with the output. */
  readonly outIsTerminal?: boolean;
  /** The terminal of stderr. Undefined if stderr is not a terminal; then no progress is shown. */
  readonly errTerminal?: { readonly columns: number };
}

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Loads the command, so that `tidelog --help` loads none. Run it with runProgram. */
  program(io: CommandIo): Promise<Program>;
}
