import type { Clock } from '../../core/clock.ts';
import { answerWithin } from '../../kit/deadline.ts';
import { checkQuery, compareKeys, itemBytes, itemRefusal, keyRefusal } from '../item-rules.ts';
import {
  type DeleteOutcome,
  type GetResult,
  type Item,
  type ItemStore,
  MAX_PAGE_BYTES,
  type PutCondition,
  type PutOptions,
  type PutOutcome,
  type QueryPage,
  type QueryRequest,
  type StoreTime,
  StoreUnavailableError,
} from '../ports.ts';
import type { RawDatabase } from './environment.ts';
import { messageOf, unavailable } from './failures.ts';
import { GONE, type Presence } from './presence.ts';
import { decodeRecord, encodeRecord, partitionEnd, recordKey, sortKeyOf, versionOf } from './record.ts';
import type { StoreTimer } from './store-time.ts';
import type { WriteLock } from './write-lock.ts';

/** How long a write waits for the store's lock, which a stopped process may hold; ms. */
const DEFAULT_PUT_TIMEOUT_MS = 30_000;

/** The result of a write inside its transaction. */
type Decision =
  | { readonly kind: 'write'; readonly value: Buffer | undefined }
  | Exclude<PutOutcome, { readonly kind: 'unknown' }>;

/** One table of the embedded store. */
export class EmbeddedItemStore implements ItemStore {
  readonly #database: RawDatabase;
  readonly #clock: Clock;
  readonly #timer: StoreTimer;
  readonly #lock: WriteLock;
  readonly #presence: Presence;

  constructor(database: RawDatabase, clock: Clock, timer: StoreTimer, lock: WriteLock, presence: Presence) {
    this.#presence = presence;
    this.#database = database;
    this.#clock = clock;
    this.#timer = timer;
    this.#lock = lock;
  }

  now(): StoreTime {
    return this.#timer.now();
  }

  async get(pk: string, sk: string, consistent: boolean): Promise<GetResult> {
    if (consistent) await this.#beforeConsistentRead();
    // Taken before the read: the answer must not look newer than it is, even if the process is
    // frozen in between.
    const storeTime = this.#timer.now();
    const item = this.#read(() => {
      const record = this.#database.getBinary(recordKey(pk, sk));
      return record && decodeRecord(pk, sk, record);
    });
    return { item, storeTime };
  }

  async query(request: QueryRequest): Promise<QueryPage> {
    checkQuery(request);
    if (request.consistent) await this.#beforeConsistentRead();
    const { pk, from, to } = request;
    const storeTime = this.#timer.now();
    // An empty range must not reach the cursor: a reverse cursor would start below the range's end
    // and continue.
    if (from !== undefined && to !== undefined && compareKeys(from, to) >= 0)
      return { items: [], more: false, storeTime };
    return { ...this.#read(() => this.#page(request, recordKey(pk, from ?? ''), upperKey(pk, to))), storeTime };
  }

  async #beforeConsistentRead(): Promise<void> {
    await this.#lock.beforeConsistentRead();
    if (this.#presence.isGone) throw new StoreUnavailableError(GONE);
  }

  put(item: Item, condition: PutCondition, options?: PutOptions): Promise<PutOutcome> {
    const refusal = itemRefusal(item);
    if (refusal !== undefined) return Promise.resolve({ kind: 'refused', ...refusal });
    const value = encodeRecord(item);
    return this.#write(item.pk, item.sk, options, (existing) => {
      const holds =
        condition.kind === 'absent'
          ? existing === undefined
          : existing !== undefined && versionOf(existing) === condition.version;
      return holds ? { kind: 'write', value } : this.#conflict(item.pk, item.sk, existing);
    });
  }

  delete(pk: string, sk: string, version: number, options?: PutOptions): Promise<DeleteOutcome> {
    const refusal = keyRefusal(pk, sk);
    if (refusal !== undefined) return Promise.resolve({ kind: 'refused', reason: 'rejected', message: refusal });
    return this.#write(pk, sk, options, (existing) => {
      if (existing === undefined) return { kind: 'committed', storeTime: this.#timer.now() };
      return versionOf(existing) === version ? { kind: 'write', value: undefined } : this.#conflict(pk, sk, existing);
    });
  }

  #conflict(pk: string, sk: string, existing: Buffer | undefined): Decision {
    const item = existing && decodeRecord(pk, sk, existing);
    return { kind: 'conflict', existing: item, storeTime: this.#timer.now() };
  }

  /**
   * Decides and writes inside one LMDB transaction, whose lock spans all processes: the signature's
   * age, the condition and the write are one step. The outcome is reported after the commit, also
   * of a conflict: the item that won may be in the same commit.
   */
  #write(
    pk: string,
    sk: string,
    options: PutOptions | undefined,
    decide: (existing: Buffer | undefined) => Decision,
  ): Promise<PutOutcome> {
    const key = recordKey(pk, sk);
    const signature = this.#timer.sign();
    const early = this.#timer.refusal(signature, options);
    if (early !== undefined) return Promise.resolve({ kind: 'refused', ...early });
    const attempt = async (): Promise<PutOutcome> => {
      try {
        const outcome = await this.#database.transaction((): PutOutcome => {
          this.#lock.held();
          const late = this.#timer.refusal(signature, options);
          if (late !== undefined) return { kind: 'refused', ...late };
          const decided = decide(this.#database.getBinary(key));
          if (decided.kind !== 'write') return decided;
          if (decided.value === undefined) this.#database.removeSync(key);
          else this.#database.putSync(key, decided.value);
          return { kind: 'committed', storeTime: this.#timer.now() };
        });
        // Checked after the commit: nothing is acknowledged in a file that was removed before.
        return this.#presence.isGone ? { kind: 'unknown', message: GONE } : outcome;
      } catch (error) {
        return this.#failed(error);
      }
    };
    const timeoutMs = options?.timeoutMs ?? DEFAULT_PUT_TIMEOUT_MS;
    return answerWithin(this.#clock, timeoutMs, attempt(), () => ({
      kind: 'unknown',
      message: `the store's write lock or its disk did not answer within ${timeoutMs} ms`,
    }));
  }

  /**
   * A commit that fails before its meta page is written has done nothing; LMDB reports most of
   * these as an I/O error (a full disk shows as a short write). One that fails in the meta page may
   * have happened. LMDB then refuses all further transactions of this process, reads included,
   * which tells the two apart.
   */
  async #failed(error: unknown): Promise<PutOutcome> {
    const cause = await causeOf(error);
    const message = `the commit failed: ${messageOf(cause)}`;
    try {
      this.#read(() => this.#database.getBinary(Buffer.from([0])));
      return unavailable(message);
    } catch (unreadable) {
      return { kind: 'unknown', message: `${message}; ${messageOf(unreadable)}: the store must be opened again` };
    }
  }

  #page(request: QueryRequest, low: Buffer, high: Buffer): { readonly items: Item[]; readonly more: boolean } {
    const { pk } = request;
    const pkBytes = Buffer.byteLength(pk);
    const range = request.reverse
      ? { start: high, end: low, reverse: true, exclusiveStart: true, inclusiveEnd: true }
      : { start: low, end: high };
    const items: Item[] = [];
    let bytes = 0;
    for (const { key, value } of this.#database.getRange(range)) {
      if (bytes > MAX_PAGE_BYTES || items.length === request.limit) return { items, more: true };
      const item = decodeRecord(pk, sortKeyOf(key, pkBytes), value);
      items.push(item);
      bytes += itemBytes(item);
    }
    return { items, more: false };
  }

  /**
   * Starts a new snapshot: lmdb would otherwise reuse that of an earlier read of this event turn.
   */
  #read<T>(perform: () => T): T {
    try {
      this.#database.resetReadTxn();
      return perform();
    } catch (error) {
      throw new StoreUnavailableError(`the embedded store cannot be read: ${messageOf(error)}`, { cause: error });
    }
  }
}

function upperKey(pk: string, to: string | undefined): Buffer {
  return to === undefined ? partitionEnd(pk) : recordKey(pk, to);
}

/** lmdb reports the cause of a failed commit in a second promise, which rejects with it. */
async function causeOf(error: unknown): Promise<unknown> {
  const commitError = (error as { commitError?: Promise<never> }).commitError;
  return commitError === undefined ? error : commitError.catch((cause: unknown) => cause);
}
