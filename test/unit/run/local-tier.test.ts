import { expect, it } from 'vitest';
import { startEngine } from '../../support/engine.ts';
import { batchOf, createTopic, produce } from '../../support/requests.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const MIB = 1024 * 1024;
/** The rate of a journal is averaged over so many seconds. */
const AVERAGED_S = 5;

/** A topic on one machine that gets batches of one size, one after the other. */
async function producer(batchBytes: number) {
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
  const batch = batchOf(['x'.repeat(batchBytes / 2)]);
  /** Resolves to the objects that this has added. */
  const write = async (count: number) => {
    const before = engine.meter.totals('blobs.put').calls;
    for (let sent = 0; sent < count; sent++)
      expect(await run(produce(engine.client, topic, batch))).toMatchObject({ errorCode: 0 });
    return engine.meter.totals('blobs.put').calls - before;
  };
  return { clock, write };
}

it.each([
  ['more than 8 MB/s', 60_000, 8 * MIB],
  ['more than 1 MB/s in large flushes', 300_000, MIB],
])('puts the bytes of a journal with %s into objects, on one machine', async (_, batchBytes, bytesPerSecond) => {
  const { clock, write } = await producer(batchBytes);
  // As many as that rate is in the time over which it is averaged.
  const batches = Math.floor((bytesPerSecond * AVERAGED_S) / batchBytes);
  expect(await write(batches - 5)).toBe(0);
  expect(await write(15)).toBeGreaterThan(5);
  // Back to items once it is quiet.
  await clock.advance(30_000);
  expect(await write(5)).toBe(0);
});
