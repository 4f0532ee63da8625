import type { Clock } from '../../core/clock.ts';
import {
  type BlobInfo,
  type DeleteOutcome,
  type Item,
  MAX_SIGNATURE_AGE_MS,
  type PutCondition,
  type PutOutcome,
  type StoreTime,
} from '../ports.ts';
import { SortedTable } from './sorted-table.ts';

/** An object with the time at which it was written. */
export interface StoredBlob {
  readonly bytes: Buffer;
  readonly modified: StoreTime;
}

/**
 * The store itself. Every method is one atomic step. Its own clock is correct by definition and
 * decides the age of signatures.
 */
export class MemoryServer {
  readonly clock: Clock;
  readonly journal = new SortedTable();
  readonly state = new SortedTable();
  readonly blobs = new Map<string, StoredBlob>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  now(): StoreTime {
    return Math.floor(this.clock.now());
  }

  put(table: SortedTable, item: Item, condition: PutCondition, signedAt: StoreTime): PutOutcome {
    const expired = this.#expired(signedAt);
    if (expired !== undefined) return expired;
    const existing = table.get(item.pk, item.sk);
    const holds = condition.kind === 'absent' ? existing === undefined : existing?.version === condition.version;
    if (!holds) return { kind: 'conflict', existing, storeTime: this.now() };
    table.write(item.pk, item.sk, item, this.now());
    return { kind: 'committed', storeTime: this.now() };
  }

  delete(table: SortedTable, pk: string, sk: string, version: number, signedAt: StoreTime): DeleteOutcome {
    const expired = this.#expired(signedAt);
    if (expired !== undefined) return expired;
    const existing = table.get(pk, sk);
    if (existing !== undefined && existing.version !== version) {
      return { kind: 'conflict', existing, storeTime: this.now() };
    }
    if (existing !== undefined) table.write(pk, sk, undefined, this.now());
    return { kind: 'committed', storeTime: this.now() };
  }

  /** `committed` stands for stored. */
  putBlob(key: string, bytes: Buffer, signedAt: StoreTime): PutOutcome {
    const expired = this.#expired(signedAt);
    if (expired !== undefined) return expired;
    this.blobs.set(key, { bytes, modified: this.now() });
    return { kind: 'committed', storeTime: this.now() };
  }

  deleteBlob(key: string, signedAt: StoreTime): DeleteOutcome {
    const expired = this.#expired(signedAt);
    if (expired !== undefined) return expired;
    this.blobs.delete(key);
    return { kind: 'committed', storeTime: this.now() };
  }

  list(prefix: string, after: string | undefined, limit: number): BlobInfo[] {
    return [...this.blobs.keys()]
      .filter((key) => key.startsWith(prefix) && (after === undefined || key > after))
      .sort()
      .slice(0, limit)
      .map((key) => {
        const { bytes, modified } = this.blobs.get(key)!;
        return { key, size: bytes.length, modified };
      });
  }

  /**
   * As AWS: a signature from too far in the past is refused, and one from too far in the future as
   * well.
   */
  #expired(signedAt: StoreTime): PutOutcome | undefined {
    const ageMs = this.now() - signedAt;
    if (Math.abs(ageMs) <= MAX_SIGNATURE_AGE_MS) return undefined;
    return { kind: 'refused', reason: 'expired', message: `signed ${ageMs} ms ago` };
  }
}
