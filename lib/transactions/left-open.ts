import { MalformedBytesError } from '../core/bytes.ts';
import type { Journal } from '../journal/journal.ts';
import { each } from '../kit/each.ts';
import { earliest } from '../kit/earliest.ts';
import type { LeftTransactions } from '../log/open-transactions.ts';
import type { StoreTime } from '../storage/ports.ts';

/** One that could not be finished is met again after this time; ms. */
const UNFINISHED_AGAIN_MS = 10_000;

/** A transaction whose items or journals cannot be read is met again after this time; ms. */
const UNREADABLE_AGAIN_MS = 60 * 60 * 1000;

export interface LeftOpenOutcome {
  /** When the first of those that are still open is to be met again; undefined if none is. */
  readonly next: StoreTime | undefined;
  /** Transactions that are over now. */
  readonly ended: number;
}

/**
 * Meets every transaction that is open in a journal's view: finishes those that are prepared, and
 * aborts those that have timed out. One that no coordinator knows stays open: it is for an
 * administrator to end (KIP-664). Costs nothing if none is open, else a read or two for each of its
 * producers. Throws StoreUnavailableError.
 */
export async function endLeftOpen(transactions: LeftTransactions, journal: Journal): Promise<LeftOpenOutcome> {
  const producers = openProducers(journal);
  const ends = await each({}, producers, (producerId) => meet(transactions, journal, producerId));
  const open = openProducers(journal);
  return { next: earliest(ends), ended: producers.filter((producerId) => !open.includes(producerId)).length };
}

function openProducers({ view }: Journal): number[] {
  const found = new Set<number>();
  for (const { openTransactions } of view.partitions.values()) {
    for (const producerId of openTransactions.keys()) found.add(producerId);
  }
  return [...found];
}

async function meet(
  transactions: LeftTransactions,
  { id, env }: Journal,
  producerId: number,
): Promise<StoreTime | undefined> {
  try {
    const timesOutAt = await transactions.meetProducer(producerId);
    if (timesOutAt === undefined) return undefined;
    const now = env.stores.journal.now();
    // The store's time is past `timesOutAt` when it has timed out (rule R8).
    return timesOutAt >= now ? timesOutAt + 1 : now + UNFINISHED_AGAIN_MS;
  } catch (error) {
    if (!(error instanceof MalformedBytesError)) throw error;
    // The work on history goes on.
    env.logger.log('warn', { event: 'transaction_not_met', journal: id, message: error.message });
    return env.stores.journal.now() + UNREADABLE_AGAIN_MS;
  }
}
