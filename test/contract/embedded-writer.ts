/**
 * One of several processes that append to consecutive slots of one embedded store, each as fast as it can:
 * `embedded-writer.ts <path> <name> <slots>`. Prints the slots that it won as JSON, and that its first read shows them.
 */
import { systemClock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { openEmbeddedStores } from '../../lib/storage/embedded/embedded-stores.ts';

const [path, name, slots] = process.argv.slice(2) as [string, string, string];
const stores = await openEmbeddedStores({ path, clock: systemClock, random: systemRandom });
const won: number[] = [];
process.stdout.write('ready\n');
await new Promise((resolve) => process.stdin.once('data', resolve));
for (let slot = 0; slot < Number(slots); slot++) {
  const nonce = `${name}-${slot}`;
  const outcome = await stores.journal.put(
    { pk: 'slots', sk: String(slot).padStart(6, '0'), version: 0, nonce, body: Buffer.from(`${name}:${slot}`) },
    { kind: 'absent' },
  );
  if (outcome.kind === 'committed') won.push(slot);
  else if (outcome.kind !== 'conflict') throw new Error(`slot ${slot}: ${JSON.stringify(outcome)}`);
  else if (outcome.existing?.body.toString() !== outcome.existing?.nonce.replace('-', ':')) {
    throw new Error(`slot ${slot} holds ${outcome.existing?.body} of ${outcome.existing?.nonce}`);
  }
}
process.stdout.write(`${JSON.stringify(won)}\n`);
await stores.close();
process.exit(0);
