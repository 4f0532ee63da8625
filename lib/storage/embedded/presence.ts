import { closeSync, fstatSync, openSync } from 'node:fs';

/** What is wrong with a store whose data file was removed under the process. */
export const GONE =
  'the data folder was removed while it was in use: what is written now is lost when the process ends';

/**
 * Tells whether LMDB's data file still has a name. A file that was removed goes on working for whoever has it open, so that a
 * store would acknowledge what nobody can ever read again. Costs two microseconds a look.
 */
export class Presence {
  readonly #descriptor: number;

  /** `path`: the data file, which is there. It is opened once, and stays open as LMDB's own descriptor does. */
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
