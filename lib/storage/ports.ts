/**
 * The operations that the engine needs of a store. Adapters translate them; they hold no logic of
 * the log. test/contract runs one suite against all of them.
 */

/**
 * Ms since the Unix epoch by the store's own answers. Every decision about time uses this clock.
 */
export type StoreTime = number;

/**
 * One item. Keys are UTF-8, not empty, and compare by their bytes; `pk` at most 1,024 bytes, `sk`
 * at most 512.
 */
export interface Item {
  readonly pk: string;
  readonly sk: string;
  /** Whole number >= 0, chosen by the writer; what a `version` condition is compared with. */
  readonly version: number;
  /**
   * Unique to one logical write: a writer recognises its own put by it after a lost answer.
   * Printable ASCII, at most 64 bytes.
   */
  readonly nonce: string;
  /** Starts with a format version. Keys and body together stay below MAX_ITEM_BYTES. */
  readonly body: Buffer;
}

/** DynamoDB's limit for one item, 400 KB, names and values together; every adapter keeps it. */
export const MAX_ITEM_BYTES = 400 * 1024;

/**
 * Size of an item without `pk`, `sk`, `nonce` and `body`: attribute names and the version number.
 */
export const ITEM_OVERHEAD_BYTES = 32;

/** DynamoDB's limit for one page of a Query; every adapter ends a page once it has passed it. */
export const MAX_PAGE_BYTES = 1024 * 1024;

/** AWS refuses a request whose signature is older; the other adapters do the same. */
export const MAX_SIGNATURE_AGE_MS = 15 * 60 * 1000;

export type PutCondition = { readonly kind: 'absent' } | { readonly kind: 'version'; readonly version: number };

export interface PutOptions {
  /**
   * The put is refused (`stale`) at any attempt that would be signed at or after this store time.
   * The adapter checks it against the time that goes into the signature, at each attempt.
   */
  readonly signBefore?: StoreTime;
  /** How long to wait for the answer before the outcome is `unknown`; ms. */
  readonly timeoutMs?: number;
}

/**
 * - `committed`: this put is in the store.
 * - `conflict`: the condition did not hold; `existing` is the item that is there (undefined if a
 *   `version` condition met no item). It may be this very write, landed earlier: compare the nonce.
 * - `refused`: it did not happen. `throttled` and `unavailable` may be tried again; `stale`,
 *   `expired`, `tooLarge` and `rejected` may not be tried again as they are.
 * - `unknown`: no answer; it may have happened or may happen yet, up to MAX_SIGNATURE_AGE_MS after
 *   its signing.
 */
export type PutOutcome =
  | { readonly kind: 'committed'; readonly storeTime: StoreTime }
  | { readonly kind: 'conflict'; readonly existing: Item | undefined; readonly storeTime: StoreTime }
  | { readonly kind: 'refused'; readonly reason: RefusedReason; readonly message: string }
  | { readonly kind: 'unknown'; readonly message: string };

export type RefusedReason = 'throttled' | 'unavailable' | 'stale' | 'expired' | 'tooLarge' | 'rejected';

export type DeleteOutcome = PutOutcome;

export interface GetResult {
  readonly item: Item | undefined;
  readonly storeTime: StoreTime;
}

/**
 * Items of one partition key whose sort keys are in [from, to), ascending or, with `reverse`,
 * descending.
 */
export interface QueryRequest {
  readonly pk: string;
  /** Inclusive; from the first when left out. */
  readonly from?: string;
  /** Exclusive; to the last when left out. */
  readonly to?: string;
  readonly reverse?: boolean;
  /** At most this many items in the page. */
  readonly limit?: number;
  /** Strongly consistent; otherwise the answer may lag behind. */
  readonly consistent: boolean;
}

export interface QueryPage {
  readonly items: readonly Item[];
  /**
   * True when the range may hold more. Continue with `from: last + '\0'`, or backwards with `to:
   * last`.
   */
  readonly more: boolean;
  readonly storeTime: StoreTime;
}

/**
 * Thrown by reads when the store does not answer or throttles. Nothing was changed; the read may be
 * repeated.
 */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
}

/** One table of items with a partition key and a sort key. */
export interface ItemStore {
  /**
   * The store's time now: the time of its last answer plus the time elapsed since. NaN before the
   * first answer.
   */
  now(): StoreTime;
  get(pk: string, sk: string, consistent: boolean): Promise<GetResult>;
  query(request: QueryRequest): Promise<QueryPage>;
  /** One conditional put of one item, in one attempt. The caller handles the outcome. */
  put(item: Item, condition: PutCondition, options?: PutOptions): Promise<PutOutcome>;
  /** Deletes if the version is the expected one. An item that is not there answers `committed`. */
  delete(pk: string, sk: string, version: number, options?: PutOptions): Promise<DeleteOutcome>;
}

export type BlobPutOutcome =
  | { readonly kind: 'stored'; readonly storeTime: StoreTime }
  | { readonly kind: 'refused'; readonly reason: RefusedReason; readonly message: string }
  | { readonly kind: 'unknown'; readonly message: string };

/** `size` and `modified` are those of the object, as in a list. */
export type BlobRange =
  | {
      readonly kind: 'found';
      readonly bytes: Buffer;
      readonly size: number;
      readonly modified: StoreTime;
      readonly storeTime: StoreTime;
    }
  | { readonly kind: 'missing'; readonly storeTime: StoreTime };

export interface BlobInfo {
  readonly key: string;
  readonly size: number;
  readonly modified: StoreTime;
}

/**
 * Immutable objects by key ('a/b/c': ASCII letters, digits, '-', '_', '.', segments of at most 200
 * bytes other than '.' and '..', 900 bytes in all). Writing a key again replaces it.
 */
export interface BlobStore {
  now(): StoreTime;
  /** Stores the chunks one after the other as one object; durable once `stored`. */
  put(key: string, chunks: readonly Buffer[], options?: Pick<PutOptions, 'signBefore'>): Promise<BlobPutOutcome>;
  /** Bytes [start, end) of the object, cut off at its end; none only tells size and time. */
  getRange(key: string, start: number, end: number): Promise<BlobRange>;
  /** The whole object. */
  get(key: string): Promise<BlobRange>;
  /** Deletes; a key that is not there is no error. Throws StoreUnavailableError. */
  delete(key: string): Promise<void>;
  /**
   * Keys that begin with `prefix`, in ascending order, after `after` when given, at most `limit`.
   */
  list(prefix: string, after: string | undefined, limit: number): Promise<readonly BlobInfo[]>;
}

/** All that a deployment stores in: the journals' table, the state table, the bucket. */
export interface Stores {
  readonly journal: ItemStore;
  readonly state: ItemStore;
  readonly blobs: BlobStore;
  close(): Promise<void>;
}

type ItemCalls = Omit<ItemStore, 'now'>;
type BlobCalls = Omit<BlobStore, 'now'>;

/** Store and operation: 'journal.put', 'state.query', 'blobs.getRange'. */
export type CallKind = `${'journal' | 'state'}.${keyof ItemCalls}` | `blobs.${keyof BlobCalls}`;
