import type { OffsetTransactions } from '../offsets/transactions.ts';
import { Joining } from '../transactions/joining.ts';
import { type AskToEnd, LeftToOthers } from '../transactions/left-to-others.ts';
import type { TransactionItems } from '../transactions/transaction-items.ts';
import type { Engine } from './compose.ts';
import type { ComposeOptions } from './compose-options.ts';
import { wokenInTime } from './wake.ts';

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
  return async (producerId) => {
    const outcome = await wokenInTime(clock, wake({ producers: [producerId] }));
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
