import { compareKeys, itemBytes } from '../item-rules.ts';
import { type Item, MAX_PAGE_BYTES, type QueryRequest } from '../ports.ts';

/** A write that can be undone to see the table as it was. */
interface PastWrite {
  readonly at: number;
  readonly pk: string;
  readonly sk: string;
  readonly before: Item | undefined;
}

/** How far a stale read can lag; DynamoDB reads from no replica that lags by more. */
const MAX_PAST_WRITES = 10_000;

/**
 * The writes that a read does not see yet: those of the last `ms`, or the last `writes` of the
 * table.
 */
export interface Lag {
  readonly ms?: number;
  readonly writes?: number;
}

/** Items in the order of their keys, with enough of the past to serve reads that lag behind. */
export class SortedTable {
  readonly #partitions = new Map<string, Item[]>();
  readonly #past: PastWrite[] = [];

  get(pk: string, sk: string, lag?: Lag, now = 0): Item | undefined {
    return find(this.#asSeen(pk, lag, now), sk).item;
  }

  /** One page; `more`: the range may hold more. */
  query(request: QueryRequest, lag?: Lag, now = 0): { readonly items: Item[]; readonly more: boolean } {
    const partition = this.#asSeen(request.pk, lag, now);
    const low = request.from === undefined ? 0 : find(partition, request.from).index;
    const high = request.to === undefined ? partition.length : find(partition, request.to).index;
    const items: Item[] = [];
    let bytes = 0;
    for (let i = low; i < high; i++) {
      if (bytes > MAX_PAGE_BYTES || items.length === request.limit) return { items, more: true };
      const item = partition[request.reverse ? high - 1 - (i - low) : i]!;
      items.push(item);
      bytes += itemBytes(item);
    }
    return { items, more: false };
  }

  /** Puts `item`, or deletes what is there when it is undefined. */
  write(pk: string, sk: string, item: Item | undefined, now: number): void {
    let partition = this.#partitions.get(pk);
    if (partition === undefined) {
      partition = [];
      this.#partitions.set(pk, partition);
    }
    this.#past.push({ at: now, pk, sk, before: place(partition, sk, item) });
    if (this.#past.length > 2 * MAX_PAST_WRITES) this.#past.splice(0, this.#past.length - MAX_PAST_WRITES);
    if (partition.length === 0) this.#partitions.delete(pk);
  }

  /** Everything, by partition key and sort key. */
  all(): Item[] {
    return [...this.#partitions.keys()].sort(compareKeys).flatMap((pk) => this.#partitions.get(pk)!);
  }

  #asSeen(pk: string, lag: Lag | undefined, now: number): readonly Item[] {
    const present = this.#partitions.get(pk) ?? [];
    if (lag === undefined) return present;
    let seen: Item[] | undefined;
    for (let i = this.#past.length - 1; i >= 0; i--) {
      const write = this.#past[i]!;
      const hidden = this.#past.length - i <= (lag.writes ?? 0) || (lag.ms !== undefined && write.at > now - lag.ms);
      if (!hidden) break;
      if (write.pk !== pk) continue;
      seen ??= [...present];
      place(seen, write.sk, write.before);
    }
    return seen ?? present;
  }
}

/**
 * Puts `item` at its place among the sorted, or takes out what is there; returns what was there.
 */
function place(sorted: Item[], sk: string, item: Item | undefined): Item | undefined {
  const { index, item: before } = find(sorted, sk);
  if (item !== undefined) sorted.splice(index, before === undefined ? 0 : 1, item);
  else if (before !== undefined) sorted.splice(index, 1);
  return before;
}

/** The item with this sort key and its index, or the index at which it would stand. */
function find(sorted: readonly Item[], sk: string): { readonly index: number; readonly item: Item | undefined } {
  let low = 0;
  let high = sorted.length;
  // Logs are written at their end: look there first.
  if (high > 0 && compareKeys(sorted[high - 1]!.sk, sk) < 0) return { index: high, item: undefined };
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareKeys(sorted[middle]!.sk, sk) < 0) low = middle + 1;
    else high = middle;
  }
  const item = sorted[low];
  return item?.sk === sk ? { index: low, item } : { index: low, item: undefined };
}
