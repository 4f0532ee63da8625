import type { Random } from '../../core/random.ts';
import type { Lag } from './sorted-table.ts';

/** One call as the hooks see it, before it is made. */
export interface StoreCall {
  /** The name that the client was made with. */
  readonly client: string;
  readonly store: 'journal' | 'state' | 'blobs';
  readonly operation: 'get' | 'query' | 'put' | 'delete' | 'getRange' | 'list';
  /** The item's partition key, or the object's key or prefix. */
  readonly key: string;
  /** The item's sort key; '' for queries (their lower bound if they have one) and objects. */
  readonly sortKey: string;
  /** For reads of items: whether the read is strongly consistent. */
  readonly consistent?: boolean;
}

/** What goes wrong with one call. All durations in ms. */
export interface Fault {
  /**
   * Between signing and the store; a put that is older than MAX_SIGNATURE_AGE_MS when it arrives is
   * refused.
   */
  readonly delayBeforeMs?: number;
  /** Between the store and the caller. */
  readonly delayAfterMs?: number;
  /** Nothing happens, and the caller knows. Reads throw StoreUnavailableError. */
  readonly refuse?: 'throttled' | 'unavailable';
  /**
   * It happens, and the caller does not learn of it: `unknown`; reads throw StoreUnavailableError.
   */
  readonly loseAnswer?: boolean;
  /**
   * Writes: `unknown` at once, and it happens this much later, if its signature still holds then.
   */
  readonly landAfterMs?: number;
  /** Eventually consistent reads of items: the state as it was a while or some writes ago. */
  readonly lag?: Lag;
  /** Queries: at most this many items in the page, one at least. */
  readonly cutPageTo?: number;
}

/** Asked before every call; undefined lets the call pass. */
export type FaultPlan = (call: StoreCall) => Fault | undefined;

/** How long a call takes on its way to the store and back, ms. */
export type LatencyModel = (call: StoreCall, random: Random) => { readonly beforeMs: number; readonly afterMs: number };
