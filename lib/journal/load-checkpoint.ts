import { CHECKPOINT_SK, checkpointPk, decodeCheckpointItem } from '../storage/items/checkpoint.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import { decodeView } from './checkpoint-codec.ts';
import type { JournalEnvironment } from './environment.ts';
import type { JournalView } from './view.ts';

/**
 * Attempts to load a checkpoint. A newer one can replace it while its object is read; then the item
 * is read again.
 */
const LOAD_ATTEMPTS = 3;

/**
 * The journal's latest checkpoint; undefined if it has none. Throws StoreUnavailableError,
 * MalformedBytesError.
 */
export async function loadCheckpoint(env: JournalEnvironment, journal: JournalId): Promise<JournalView | undefined> {
  for (let attempt = 0; attempt < LOAD_ATTEMPTS; attempt++) {
    const { item } = await env.stores.state.get(checkpointPk(journal), CHECKPOINT_SK, true);
    if (item === undefined) return undefined;
    const checkpoint = decodeCheckpointItem(item.body);
    if (checkpoint.kind === 'inline') return decodeView(journal, checkpoint.bytes);
    const object = await env.stores.blobs.get(checkpoint.key);
    if (object.kind === 'found') return decodeView(journal, object.bytes);
  }
  return undefined;
}
