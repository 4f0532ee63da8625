import type { Meter, MeteredCall } from '../../../lib/storage/metering.ts';

const READS: ReadonlySet<string> = new Set(['blobs.get', 'blobs.getRange', 'journal.query', 'state.query']);

/** Counts store calls by kind, and the bytes that went to the store and came from it. */
export class StoreCalls implements Meter {
  #ofObjects = 0;
  readonly #kinds = new Map<string, { calls: number; bytes: number }>();

  /** Calls for objects since the start. */
  get ofObjects(): number {
    return this.#ofObjects;
  }

  record({ kind, bytesIn, bytesOut }: MeteredCall): void {
    if (kind.startsWith('blobs.')) this.#ofObjects += 1;
    const known = this.#kinds.get(kind) ?? { calls: 0, bytes: 0 };
    known.calls += 1;
    known.bytes += READS.has(kind) ? bytesOut : bytesIn;
    this.#kinds.set(kind, known);
  }

  /** Begins anew, except for `ofObjects`. */
  reset(): void {
    this.#kinds.clear();
  }

  /** By kind: how many calls, and bytes per byte of the measured work where they count. */
  told(workBytes: number): string {
    const parts = [...this.#kinds].map(([kind, { calls, bytes }]) => {
      const share = bytes / workBytes;
      return share < 0.001 ? `${calls} ${kind}` : `${calls} ${kind} (${share.toFixed(3)} bytes per byte)`;
    });
    return parts.sort().join(', ');
  }
}
