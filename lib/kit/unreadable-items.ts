import { MalformedBytesError } from '../core/bytes.ts';
import type { Logger } from '../core/logger.ts';

/** Names that are remembered; some hundred KB. Beyond that all are forgotten, and logged once more. */
const REMEMBERED_MAX = 5_000;

/**
 * Stored items that a process passes over because it cannot read them, or because a bug keeps it from handling them. Each is
 * logged when it is met first, not each time that it is looked at.
 */
export class UnreadableItems {
  readonly #logger: Logger;
  readonly #names = new Set<string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** `name` tells people which item it is, such as `nodes/0000000001`. */
  passOver(name: string, error: unknown): void {
    if (this.#names.has(name)) return;
    if (this.#names.size >= REMEMBERED_MAX) this.#names.clear();
    this.#names.add(name);
    const isMalformed = error instanceof MalformedBytesError;
    const message = error instanceof Error && !isMalformed ? (error.stack ?? error.message) : messageOf(error);
    this.#logger.log(isMalformed ? 'warn' : 'error', { event: 'item_passed_over', item: name, message });
  }

  /** It can be read again: should it become unreadable, that is logged. */
  readable(name: string): void {
    this.#names.delete(name);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
