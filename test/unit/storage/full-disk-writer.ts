/** Fills an embedded store until it refuses: `full-disk-writer.ts <path>`. Prints what happened as JSON. */
import { systemClock } from '../../../lib/core/clock.ts';
import { systemRandom } from '../../../lib/core/random.ts';
import { openEmbeddedStores } from '../../../lib/storage/embedded/embedded-stores.ts';

const stores = await openEmbeddedStores({ path: process.argv[2]!, clock: systemClock, random: systemRandom });
const put = (sk: number) =>
  stores.journal.put(
    { pk: 'p', sk: String(sk), version: 0, nonce: String(sk), body: Buffer.alloc(100_000) },
    { kind: 'absent' },
  );
let stored = 0;
let outcome = await put(stored);
while (outcome.kind === 'committed' && stored < 1_000) outcome = await put(++stored);
const again = await put(stored);
const blob = await stores.blobs.put('k', [Buffer.alloc(20_000_000)]);
const { items, more } = await stores.journal.query({ pk: 'p', consistent: true, limit: 5 });
const blobsListed = await stores.blobs.list('', undefined, 10);
process.stdout.write(JSON.stringify({ stored, outcome, again, blob, readable: items.length, more, blobsListed }));
process.exit(0);
