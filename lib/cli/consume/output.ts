import type { CommandIo } from '../command.ts';
import { OutputBuffer } from './output-buffer.ts';

/** Output goes out in pieces of about this size. */
const PIECE_BYTES = 256 * 1024;

/** Writes what was gathered to stdout. */
export class Output {
  readonly buffer = new OutputBuffer();
  readonly #io: CommandIo;
  /** Aborts when nobody reads stdout any more. */
  readonly gone: AbortSignal;

  constructor(io: CommandIo) {
    this.#io = io;
    this.gone = io.outGone ?? new AbortController().signal;
  }

  /** True when enough was gathered for a piece. */
  get isFull(): boolean {
    return this.buffer.length >= PIECE_BYTES;
  }

  /**
   * Writes what was gathered. Resolves to true when stdout has accepted all of it, to false when
   * nobody reads it.
   */
  async flush(): Promise<boolean> {
    if (this.buffer.length > 0 && !this.gone.aborted) this.#io.out(this.buffer.take());
    await this.#io.outAccepted?.();
    return !this.gone.aborted;
  }
}
