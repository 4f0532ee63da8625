import type { Cluster } from '../cluster.ts';
import type { Instance } from '../instance.ts';
import { type LedgerPartition, stableEnd, type Transaction } from '../ledger.ts';

/** A transaction is over so long after its time-out, or after its end was prepared, while somebody reads; ms. */
const OVER_WITHIN_MS = 10_000;

/** By how much processes may be wrong about the store's time, and what it takes to write the markers; ms. */
const TOLERANCE_MS = 1_500;

interface Held {
  readonly transaction: Transaction;
  readonly instance: Instance;
  readonly since: number;
}

/** How long transactions hold up the reads of one `read_committed` client that stays with a process. */
export class HeldReader {
  readonly #cluster: Cluster;
  readonly #name: string;
  readonly #held = new Map<LedgerPartition, Held>();

  constructor(cluster: Cluster, name: string) {
    this.#cluster = cluster;
    this.#name = name;
  }

  /** A read from `position` was answered by this process, and nothing came. */
  waits(partition: LedgerPartition, position: number, instance: Instance): void {
    const { world } = this.#cluster;
    const now = world.clock.now();
    const transaction = position < stableEnd(partition) ? undefined : firstOpen(partition);
    const known = this.#held.get(partition);
    if (transaction === undefined) return void this.#held.delete(partition);
    if (known?.transaction !== transaction || known.instance !== instance) {
      return void this.#held.set(partition, { transaction, instance, since: now });
    }
    const dueAt = world.transactions.dueAt(transaction);
    if (dueAt === undefined) return;
    const calmAt = this.#cluster.calmFrom(instance) + now - world.clock.monotonic();
    const heldMs = now - Math.max(dueAt, known.since, calmAt);
    if (heldMs <= OVER_WITHIN_MS + TOLERANCE_MS) return;
    const which = `a transaction of producer ${transaction.producerId}, due ${Math.round(now - dueAt)} ms ago`;
    world.report('heldBack', `${this.#name} waits at ${position} of partition ${partition.partition} for ${which}`);
  }

  /** It got no answer, so that it may not have been heard. */
  interrupted(): void {
    this.#held.clear();
  }
}

function firstOpen({ open }: LedgerPartition): Transaction | undefined {
  let first: Transaction | undefined;
  for (const one of open.values()) if (first === undefined || one.firstOffset < first.firstOffset) first = one;
  return first;
}
