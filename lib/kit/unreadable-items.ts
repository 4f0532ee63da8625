import { MalformedBytesError } from '../core/bytes.ts';
import type { Logger } from '../core/logger.ts';
import { boundedMap } from './bounded-map.ts';

/** Names remembered, to log each once; a few hundred KB. A forgotten name is logged again. */
const REMEMBERED_MAX = 5_000;

/**
 * Stored items that the process cannot decode, or cannot handle because of a bug. It skips them and
 * logs each one once.
 */
export class UnreadableItems {
  readonly #logger: Logger;
  readonly #names = boundedMap<string, true>(REMEMBERED_MAX);

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** `name` appears in the log, such as `nodes/0000000001`. */
  skip(name: string, error: unknown): void {
    if (this.#names.has(name)) return;
    this.#names.set(name, true);
    const isMalformed = error instanceof MalformedBytesError;
    const message = error instanceof Error && !isMalformed ? (error.stack ?? error.message) : messageOf(error);
    this.#logger.log(isMalformed ? 'warn' : 'error', { event: 'item_passed_over', item: name, message });
  }

  /**
   * Records that the item can be read. If it becomes unreadable later, it is logged again.
   */
  readable(name: string): void {
    this.#names.delete(name);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
