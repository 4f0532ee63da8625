import type { Clock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import type { Stores } from '../../lib/storage/ports.ts';
import { decideEnd } from '../../lib/transactions/decide-end.ts';
import { type StoredTransaction, TransactionItems } from '../../lib/transactions/transaction-items.ts';
import type { RawTransactor } from './raw-transactor.ts';

/** The item after the put of PrepareCommit, whose process wrote nothing after it. */
export async function prepareCommit(stores: Stores, clock: Clock, of: RawTransactor): Promise<StoredTransaction> {
  const items = new TransactionItems({ state: stores.state, clock, random: systemRandom });
  const { transactionalId, producerId, producerEpoch } = of;
  const end = { producerId, producerEpoch, commit: true, protocol: 2, newProducerId: undefined } as const;
  const step = await items.step(transactionalId, (state, now) => decideEnd(state, end, now));
  if (step.kind !== 'put') throw new Error(`the transaction was not prepared: ${JSON.stringify(step)}`);
  return step.stored;
}
