import { decodeSegment } from '../../lib/storage/items/segment.ts';
import type { Item } from '../../lib/storage/ports.ts';
import type { Report } from './ledger.ts';

const PREFIX = 'segments/';

/** Which objects the segment items name: one that a live segment is in must not be deleted. */
export class SegmentLedger {
  readonly #report: Report;
  /** The object of each live segment, by the key of its item. */
  readonly #objects = new Map<string, string>();

  constructor(report: Report) {
    this.#report = report;
  }

  wrote(item: Item): void {
    if (!item.pk.startsWith(PREFIX)) return;
    const segment = decodeSegment(item.version, item.body);
    if (segment.state === 'live') this.#objects.set(keyOf(item), segment.key);
    else this.#objects.delete(keyOf(item));
  }

  deleted(item: Item): void {
    this.#objects.delete(keyOf(item));
  }

  removed(key: string): void {
    for (const [item, object] of this.#objects) {
      if (object === key) this.#report('objectMissing', `${key} is named by ${item} and was deleted`);
    }
  }
}

function keyOf({ pk, sk }: Item): string {
  return `${pk} ${sk}`;
}
