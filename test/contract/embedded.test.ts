import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { openEmbeddedStores } from '../../lib/storage/embedded/embedded-stores.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { blobStoreContract } from './blob-store-contract.ts';
import { itemStoreContract } from './item-store-contract.ts';

const LATE_MS = 15 * 60 * 1000 + 1;

async function directory() {
  const path = await mkdtemp(join(tmpdir(), 'tidelog-contract-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

itemStoreContract('embedded', async () => {
  const { path, remove } = await directory();
  const clock = new VirtualClock();
  const stores = await openEmbeddedStores({ path, clock, random: systemRandom });
  return {
    store: stores.journal,
    other: stores.journal,
    async lostPut(item) {
      // The timer fires before the event loop turns, and so before the writing thread can answer.
      const outcome = stores.journal.put(item, { kind: 'absent' }, { timeoutMs: 1 });
      await clock.advance(1);
      return outcome;
    },
    async latePut(item) {
      const outcome = stores.journal.put(item, { kind: 'absent' }, { timeoutMs: 2 * LATE_MS });
      await clock.advance(LATE_MS);
      return outcome;
    },
    async close() {
      await stores.close();
      await remove();
    },
  };
});

blobStoreContract('embedded', async () => {
  const { path, remove } = await directory();
  const stores = await openEmbeddedStores({ path, clock: systemClock, random: systemRandom });
  const other = await openEmbeddedStores({ path, clock: systemClock, random: systemRandom });
  return {
    store: stores.blobs,
    other: other.blobs,
    async close() {
      await other.close();
      await stores.close();
      await remove();
    },
  };
});
