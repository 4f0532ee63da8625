import { closeSync, fstatSync, openSync } from 'node:fs';

/** The message for a store whose data file was removed while it was open. */
export const GONE =
  'the data folder was removed while it was in use: what is written now is lost when the process ends';

/**
 * Checks whether LMDB's data file still has a name. A removed file keeps working for the process
 * that has it open, so the store would acknowledge records that no one can read again. One check
 * takes two microseconds.
 */
export class Presence {
  readonly #descriptor: number;

  /**
   * `path`: the data file, which exists. It is opened once and stays open, as LMDB's own descriptor
   * does.
   */
  constructor(path: string) {
    this.#descriptor = openSync(path, 'r');
  }

  get isGone(): boolean {
    return fstatSync(this.#descriptor).nlink === 0;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
