import { expect, it } from 'vitest';
import { startEngine } from '../../support/engine.ts';
import { batchOf, createTopic, produce } from '../../support/requests.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const BATCH_BYTES = 300_000;
/** As many batches as 8 MB/s are in the five seconds over which a rate is averaged. */
const BATCHES = Math.floor((8 * 1024 * 1024 * 5) / BATCH_BYTES);

it('puts the bytes of a journal with more than 8 MB/s into objects, on one machine', async () => {
  const clock = new VirtualClock(Date.now());
  const run = async <T>(work: Promise<T>): Promise<T> => {
    let isDone = false;
    const end = () => {
      isDone = true;
    };
    work.then(end, end);
    await clock.runUntil(() => isDone, 60_000);
    return work;
  };
  const engine = await run(startEngine({ clock }));
  const topic = await run(createTopic(engine.client, 'busy'));
  // The value is in the key, too.
  const batch = batchOf(['x'.repeat(BATCH_BYTES / 2)]);
  const write = async (count: number) => {
    for (let sent = 0; sent < count; sent++)
      expect(await run(produce(engine.client, topic, batch))).toMatchObject({ errorCode: 0 });
    return engine.meter.totals('blobs.put').calls;
  };
  expect(await write(BATCHES - 5)).toBe(0);
  expect(await write(15)).toBeGreaterThan(5);
  // Back to items once it is quiet.
  await clock.advance(30_000);
  const before = engine.meter.totals('blobs.put').calls;
  expect(await write(5)).toBe(before);
});
