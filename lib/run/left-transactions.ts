import { answerWithin } from '../kit/deadline.ts';
import type { OffsetTransactions } from '../offsets/transactions.ts';
import { Joining } from '../transactions/joining.ts';
import { type AskToEnd, LeftToOthers } from '../transactions/left-to-others.ts';
import type { TransactionItems } from '../transactions/transaction-items.ts';
import type { Engine } from './compose.ts';
import type { ComposeOptions } from './compose-options.ts';
import type { WakeOutcome } from './wake.ts';

/** Longest time that a call of `seal` may hold up an answer; it takes some 20 to 40 ms; ms. */
const WAKE_MS_MAX = 2_000;

/**
 * The transactions that a process leaves to others because it may not append to journals. A function
 * that may start `seal` has it end what holds up a reader.
 */
export function leftToOthers(options: ComposeOptions, { ageing }: Engine, items: TransactionItems): LeftToOthers {
  return new LeftToOthers(items, ageing, askToEnd(options));
}

function askToEnd({ clock, logger, asFunction }: ComposeOptions): AskToEnd | undefined {
  const wake = asFunction?.wake;
  if (wake === undefined) return undefined;
  const late = (): WakeOutcome => ({ kind: 'failed', message: `no answer within ${WAKE_MS_MAX} ms` });
  return async (producerId) => {
    // The time-out's timer keeps a function from answering before this has ended.
    const outcome = await answerWithin(clock, WAKE_MS_MAX, wake({ producers: [producerId] }), late);
    if (outcome.kind === 'woken') return;
    logger.log('warn', { event: 'transaction_left_open', producerId, message: outcome.message });
  };
}

/** For committed offsets in a process that may not append to journals: it finishes nothing. */
export function offsetTransactions(items: TransactionItems, left: LeftToOthers): OffsetTransactions {
  const joining = new Joining(items);
  return {
    join: (request) => joining.joinGroup(request),
    meet: (transactionalId, transaction) => left.meet(transactionalId, transaction),
  };
}
