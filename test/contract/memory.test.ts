import { memoryStores } from '../../lib/storage/memory/memory-stores.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { blobStoreContract } from './blob-store-contract.ts';
import { itemStoreContract } from './item-store-contract.ts';

const LATE_MS = 15 * 60 * 1000 + 1;

function openMemory() {
  const clock = new VirtualClock();
  const stores = memoryStores({ clock, random: seededRandom(1) });
  return { clock, stores, other: stores.client({ name: 'other' }) };
}

itemStoreContract('memory', async () => {
  const { clock, stores, other } = openMemory();
  return {
    store: stores.journal,
    other: other.journal,
    lostPut: (item) => stores.client({ faults: () => ({ loseAnswer: true }) }).journal.put(item, { kind: 'absent' }),
    async latePut(item) {
      const slow = stores.client({ faults: () => ({ delayBeforeMs: LATE_MS }) });
      const outcome = slow.journal.put(item, { kind: 'absent' });
      await clock.advance(LATE_MS);
      return outcome;
    },
    close: () => stores.close(),
  };
});

blobStoreContract('memory', async () => {
  const { stores, other } = openMemory();
  return { store: stores.blobs, other: other.blobs, close: () => stores.close() };
});
