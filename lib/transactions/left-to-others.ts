import type { Clock } from '../core/clock.ts';
import { boundedMap } from '../kit/bounded-map.ts';
import type { LeftTransactions } from '../log/open-transactions.ts';
import type { TransactionState } from '../storage/items/transaction.ts';
import type { StoreTime } from '../storage/ports.ts';
import { isOpen, isPrepared } from './decision.ts';
import type { TransactionItems } from './transaction-items.ts';

/** Whoever has prepared a transaction is about to finish it; nobody is asked before that; ms. */
const FINISHED_WITHIN_MS = 5_000;

/** It takes a cold function some two seconds to end a transaction. Then it is asked again; ms. */
const ASK_AGAIN_MS = 5_000;

/** Producers remembered that others were asked about. One that was evicted is asked about again. */
const ASKED_MAX = 1_000;

/** Asks a process that may append to journals to end the transaction of a producer. Never rejects. */
export type AskToEnd = (producerId: number) => Promise<unknown>;

/**
 * For readers in a process that may not append to journals: it looks at transactions, and asks
 * another process to end those that are prepared or have timed out. All methods throw
 * StoreUnavailableError.
 */
export class LeftToOthers implements LeftTransactions {
  readonly #items: TransactionItems;
  readonly #clock: Clock;
  readonly #ask: AskToEnd | undefined;
  /** When others were asked last, by Clock.monotonic(), ms. */
  readonly #asked = boundedMap<number, number>(ASKED_MAX);

  /**
   * @param clock goes on while the process is frozen
   * @param ask Undefined: nobody can be asked.
   */
  constructor(items: TransactionItems, clock: Clock, ask: AskToEnd | undefined) {
    this.#items = items;
    this.#clock = clock;
    this.#ask = ask;
  }

  /** See LeftTransactions: it is ended after this call, or after a later one. */
  async meetProducer(producerId: number): Promise<StoreTime | undefined> {
    const transactionalId = await this.#items.idOf(producerId);
    if (transactionalId === undefined) return undefined;
    const state = await this.#read(transactionalId);
    return state?.producerId === producerId ? this.#look(state) : undefined;
  }

  /** See OffsetTransactions. The answer is `open` until another process has ended it. */
  async meet(transactionalId: string, transaction: number): Promise<'open' | 'over'> {
    const state = await this.#read(transactionalId);
    if (state === undefined || !isOpen(state, transaction)) return 'over';
    await this.#look(state);
    return 'open';
  }

  async #read(transactionalId: string): Promise<TransactionState | undefined> {
    return (await this.#items.read(transactionalId))?.state;
  }

  /** When to look again, by the store's time; undefined if nothing is open. */
  async #look(state: TransactionState): Promise<StoreTime | undefined> {
    const endsAt = endOf(state);
    const now = this.#items.now();
    if (endsAt === undefined || endsAt >= now) return endsAt;
    const { producerId } = state;
    const askedAt = this.#asked.get(producerId) ?? Number.NEGATIVE_INFINITY;
    const isDue = this.#clock.monotonic() - askedAt >= ASK_AGAIN_MS;
    if (isDue && this.#ask !== undefined) {
      this.#asked.set(producerId, this.#clock.monotonic());
      await this.#ask(producerId);
    }
    return now + ASK_AGAIN_MS;
  }
}

/** From when on somebody else has to end it. */
function endOf(state: TransactionState): StoreTime | undefined {
  if (isPrepared(state)) return state.updatedAt + FINISHED_WITHIN_MS;
  return state.status === 'Ongoing' ? state.startedAt + state.timeoutMs : undefined;
}
