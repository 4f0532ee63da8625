import { afterEach, expect, it } from 'vitest';
import { systemRandom } from '../../../lib/core/random.ts';
import { UnreadableItems } from '../../../lib/kit/unreadable-items.ts';
import { sweepRest } from '../../../lib/rest/sweep.ts';
import { REST_CONSUMER_PKS, restConsumerKey } from '../../../lib/storage/items/rest-consumer.ts';
import { REST_IDEMPOTENCY_PKS } from '../../../lib/storage/items/rest-idempotency.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { type RestServer, startRestServer, V3 } from '../../support/rest-server.ts';
import { ShiftedClock } from '../../support/shifted-clock.ts';

const HOUR_MS = 60 * 60 * 1000;

let rest: RestServer | undefined;

afterEach(() => rest?.close());

it('deletes abandoned instances and forgotten keys, and no others', async () => {
  const clock = new ShiftedClock();
  const stores = memoryStores({ clock, random: systemRandom });
  rest = await startRestServer({ stores, clock });
  const unreadable = new UnreadableItems({ log: () => {} });
  const env = { state: stores.state, clock, unreadable, instanceTimeoutMs: 300_000 };
  const sweep = (deadline = Number.POSITIVE_INFINITY, cursor?: string) => sweepRest(env, cursor, deadline);
  const left = async () => {
    const items = await Promise.all(
      [...REST_CONSUMER_PKS, ...REST_IDEMPOTENCY_PKS].map((pk) => stores.state.query({ pk, consistent: true })),
    );
    return items.reduce((sum, page) => sum + page.items.length, 0);
  };
  for (const name of ['one', 'two', 'three']) await rest.send('POST', '/consumers/g', { name });
  const record = { value: { type: 'STRING', data: 'x' } };
  await rest.send('POST', `${V3}/topics/t/records`, record, { 'Idempotency-Key': 'k' });
  const broken = restConsumerKey('g', 'broken');
  await stores.state.put({ ...broken, version: 1, nonce: 'n', body: Buffer.of(9) }, { kind: 'absent' });
  expect((await sweep()).counts).toEqual({ looked: 5, deleted: 0, skipped: 1 });

  clock.forward(2 * HOUR_MS);
  await rest.send('POST', '/consumers/g', { name: 'four' });
  // A step that is out of time goes on where it stood.
  const first = await sweep(clock.monotonic() - 1);
  expect(first).toMatchObject({ isComplete: false, counts: { looked: 0 } });
  expect(await sweep(Number.POSITIVE_INFINITY, first.cursor)).toMatchObject({
    isComplete: true,
    counts: { deleted: 3 },
  });
  expect(await left()).toBe(3);

  clock.forward(14 * HOUR_MS);
  await rest.send('POST', '/consumers/g', { name: 'five' });
  expect((await sweep()).counts).toMatchObject({ deleted: 2 });
  expect(await left()).toBe(2);
});
