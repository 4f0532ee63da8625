import { DUE_PK } from '../../lib/storage/items/due.ts';
import { decodeSegment } from '../../lib/storage/items/segment.ts';
import { SEGMENT_PREFIX } from '../../lib/storage/items/segment-object.ts';
import { WAL_PREFIX } from '../../lib/storage/items/wal-object.ts';
import type { Item } from '../../lib/storage/ports.ts';
import type { LedgerJournal, Report } from './ledger.ts';

const ITEMS = 'segments/';

/** Which objects the segment items name: one that a live segment is in must not be deleted. */
export class SegmentLedger {
  readonly #report: Report;
  /** The object of each live segment, by the key of its item. */
  readonly #objects = new Map<string, string>();
  readonly #stored = new Set<string>();
  readonly #gone = new Set<string>();
  /** Sort keys of the due list. */
  readonly #due = new Set<string>();

  /** Called when an object with segments was stored, before its process hears of it. */
  onObject: () => void = () => {};

  constructor(report: Report) {
    this.#report = report;
  }

  wrote(item: Item): void {
    if (item.pk === DUE_PK) this.#due.add(item.sk);
    if (!item.pk.startsWith(ITEMS)) return;
    const segment = decodeSegment(item.version, item.body);
    if (segment.state !== 'live') {
      this.#objects.delete(keyOf(item));
      return;
    }
    this.#objects.set(keyOf(item), segment.key);
    if (this.#gone.has(segment.key)) {
      this.#report('objectMissing', `${keyOf(item)} names ${segment.key}, which was deleted before`);
    }
  }

  deleted(item: Item): void {
    this.#objects.delete(keyOf(item));
    if (item.pk === DUE_PK) this.#due.delete(item.sk);
  }

  stored(key: string): void {
    this.#stored.add(key);
    if (key.startsWith(SEGMENT_PREFIX)) this.onObject();
  }

  removed(key: string): void {
    this.#stored.delete(key);
    this.#gone.add(key);
    for (const [item, object] of this.#objects) {
      if (object === key) this.#report('objectMissing', `${key} is named by ${item} and was deleted`);
    }
  }

  /** Once everything is sealed, nothing is due any more and every grace is over: nothing is left over. */
  checkRest(journals: Iterable<[string, LedgerJournal]>): void {
    for (const [id, { partitions, sealedSeq, closed }] of journals) {
      const last = Math.max(-1, ...[...partitions.values()].map(({ batches }) => batches.at(-1)?.seq ?? -1));
      if (!closed && last > sealedSeq) this.#report('leftOver', `slot ${last} of journal ${id} is not sealed`);
    }
    const named = new Set(this.#objects.values());
    for (const key of this.#stored) {
      const isLeft = key.startsWith(WAL_PREFIX) || (key.startsWith(SEGMENT_PREFIX) && !named.has(key));
      if (isLeft) this.#report('leftOver', `nothing needs ${key}`);
    }
    for (const sk of this.#due) {
      if (sk.includes('/object/')) this.#report('leftOver', `the due list still has ${sk}`);
    }
  }
}

function keyOf({ pk, sk }: Item): string {
  return `${pk} ${sk}`;
}
