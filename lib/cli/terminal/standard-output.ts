import { EXIT_FAILED, EXIT_OK } from '../command.ts';

/** The part of a writable stream that output needs. */
export interface OutputStream {
  write(output: string | Uint8Array, accepted: (error?: Error | null) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** stdout with its state: the output not yet accepted, and whether its reader is gone. */
export class StandardOutput {
  readonly #stream: OutputStream;
  readonly #report: (problem: string) => void;
  readonly #gone = new AbortController();
  /** Writes that the stream has not accepted yet. */
  #pending = 0;
  #waiting: (() => void)[] = [];
  #exitCode = EXIT_OK;

  /**
   * @param report called with a sentence when output is lost although it has a reader, as on a full
   *   disk
   */
  constructor(stream: OutputStream, report: (problem: string) => void) {
    this.#stream = stream;
    this.#report = report;
    stream.on('error', (error) => this.#fail(error));
  }

  /** Aborts when the reader of the output is gone or the output cannot be written. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** EXIT_FAILED if output was lost although it has a reader. */
  get exitCode(): number {
    return this.#exitCode;
  }

  write(output: string | Uint8Array): void {
    this.#pending++;
    this.#stream.write(output, (error) => {
      this.#pending--;
      if (error) this.#fail(error);
      else if (this.#pending === 0) this.#wake();
    });
  }

  /** Resolves when the stream has accepted all output, or `gone` aborts. */
  accepted(): Promise<void> {
    if (this.#pending === 0 || this.gone.aborted) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The reader of the output is gone, such as `head` with enough lines. This is not a failure. */
  readerGone(): void {
    this.#gone.abort();
    this.#wake();
  }

  #fail(error: NodeJS.ErrnoException): void {
    if (error.code !== 'EPIPE' && !this.gone.aborted) {
      this.#report(`The output cannot be written: ${error.message}.`);
      this.#exitCode = EXIT_FAILED;
    }
    this.readerGone();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
