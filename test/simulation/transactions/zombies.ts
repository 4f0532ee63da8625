import { errorCode } from '../../../lib/core/errors.ts';
import type { TransactionState } from '../../../lib/storage/items/transaction.ts';
import type { SimTransaction } from './sim-transaction.ts';

/** What a transaction has to stand. The scenario `transactions` has all of it; a test counts. */
export const ZOMBIES = {
  oldEpoch: 'a producer was told that its epoch is past',
  lateEnd: 'EndTxn came again when its transaction was over',
  lateBatch: 'a batch came again when its transaction was over',
  twoFinishers: 'a process had written all markers of a transaction that another one had finished meanwhile',
  fencedAddingOffsets: 'a producer was fenced while it added the offsets of a group',
  staleItem: 'a process decided on a coordinator item that others had changed',
  endAtTimeout: 'EndTxn was sent within half a second of the time-out',
  deletedInside: 'a topic was deleted while a transaction had a partition of it',
  leaderChangeInside: 'a leader changed while a transaction was open in its journal',
} as const;

export type Zombie = keyof typeof ZOMBIES;

const NEAR_MS = 500;
const FENCED = new Set([errorCode('PRODUCER_FENCED'), errorCode('INVALID_PRODUCER_EPOCH')]);

/** How often each of them was seen. */
export class Zombies {
  readonly counts = new Map<Zombie, number>();

  #see(zombie: Zombie, isSeen: boolean): void {
    if (isSeen) this.counts.set(zombie, (this.counts.get(zombie) ?? 0) + 1);
  }

  /** A producer was answered, whose epoch was the one of the item when it asked. */
  answered(code: number, wasCurrent: boolean, addsOffsets: boolean): void {
    this.#see('oldEpoch', FENCED.has(code));
    this.#see('fencedAddingOffsets', FENCED.has(code) && wasCurrent && addsOffsets);
  }

  /** A copy of a request comes to a process. */
  arrives(what: 'lateEnd' | 'lateBatch', { over }: SimTransaction): void {
    this.#see(what, over);
  }

  ends(sim: SimTransaction, state: TransactionState | undefined, now: number): void {
    if (state === undefined || state.transaction !== sim.number) return;
    this.#see('endAtTimeout', Math.abs(state.startedAt + state.timeoutMs - now) < NEAR_MS);
  }

  /** A put of a coordinator item has failed. */
  lost({ status }: TransactionState): void {
    this.#see(status.startsWith('Complete') ? 'twoFinishers' : 'staleItem', true);
  }

  deletes(topicId: string, states: Iterable<TransactionState>): void {
    for (const { partitions } of states) this.#see('deletedInside', partitions.has(topicId));
  }

  leaderChanges(isInside: boolean): void {
    this.#see('leaderChangeInside', isInside);
  }
}
