import { newNonce } from '../core/nonce.ts';
import { entryPk, entrySk, type JournalId } from '../storage/items/journal-entry.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import { putItem } from '../storage/put-item.ts';
import { encodeEntry } from './entry.ts';
import type { JournalEnvironment } from './environment.ts';

/**
 * Writes slot 0 of a new journal; no other code does (rule R1). The id must be new. Throws
 * StoreUnavailableError if the outcome of the put is not known.
 */
export async function createJournal(env: JournalEnvironment, id: JournalId, time: number): Promise<void> {
  const body = encodeEntry({ kind: 'leaderChange', time, leaderEpoch: 0, leader: 0 });
  const item = { pk: entryPk(id), sk: entrySk(0), version: 0, nonce: newNonce(env.random), body };
  const outcome = await putItem(env.stores.journal, item, { kind: 'absent' }, env.clock, env.random);
  if (outcome.kind === 'committed') return;
  const why = outcome.kind === 'conflict' ? 'its first slot is taken' : outcome.message;
  throw new StoreUnavailableError(`journal ${id} cannot be created: ${why}`);
}
