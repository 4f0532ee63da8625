import type { TransactionFact } from '../decide-append.ts';
import type { Request, Work } from './work.ts';

/**
 * What an attempt has asked outside of the journal, after the view was confirmed (rule R6). Void
 * once the view has moved on: then the view is confirmed and everything is asked again.
 */
export interface Facts {
  /** The last slot of the view when they were asked for. */
  readonly seq: number;
  /** Of a control entry: whether it is still to be written. */
  readonly isDue: boolean;
  /** Of a group: the state of each transaction that was asked for. */
  readonly transactions: ReadonlyMap<Request, TransactionFact>;
}

/** Asks at the same time for all that is needed. Rejects with StoreUnavailableError. */
export async function askFacts(work: Work, requests: readonly Request[], seq: number): Promise<Facts> {
  if (work.kind === 'entry') return { seq, isDue: (await work.isDue?.()) ?? true, transactions: NONE };
  const answers = await Promise.all(requests.map(({ batch }) => batch.joinTransaction?.()));
  const transactions = new Map<Request, TransactionFact>();
  for (const [index, request] of requests.entries()) transactions.set(request, answers[index] ?? 'open');
  return { seq, isDue: true, transactions };
}

const NONE: ReadonlyMap<Request, TransactionFact> = new Map();
