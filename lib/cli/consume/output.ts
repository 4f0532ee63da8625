import type { CommandIo } from '../command.ts';
import { OutputBuffer } from './output-buffer.ts';

/** Output is written in chunks of about this size. */
const PIECE_BYTES = 256 * 1024;

/** Writes the collected output to stdout. */
export class Output {
  readonly buffer = new OutputBuffer();
  readonly #io: CommandIo;
  /** Aborts when the reader of stdout is gone. */
  readonly gone: AbortSignal;

  constructor(io: CommandIo) {
    this.#io = io;
    this.gone = io.outGone ?? new AbortController().signal;
  }

  /** True when a chunk is full. */
  get isFull(): boolean {
    return this.buffer.length >= PIECE_BYTES;
  }

  /**
   * Writes the collected output. Resolves to true when stdout has accepted all of it, to false when
   * its reader is gone.
   */
  async flush(): Promise<boolean> {
    if (this.buffer.length > 0 && !this.gone.aborted) this.#io.out(this.buffer.take());
    await this.#io.outAccepted?.();
    return !this.gone.aborted;
  }
}
