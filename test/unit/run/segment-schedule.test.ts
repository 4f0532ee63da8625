import { afterEach, beforeEach, expect, it } from 'vitest';
import { scheduleSegments } from '../../../lib/run/segment-schedule.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { type Engine, startEngine } from '../../support/engine.ts';
import { scaled } from '../../support/machine.ts';
import { batchOf, createTopic, listOffset, produce, type TopicName } from '../../support/requests.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MIB = 1024 * 1024;

/** Modules that are imported on the way are loaded in real time; ms. */
const LOADED_WITHIN_MS = scaled(10_000);

let clock: VirtualClock;
let engine: Engine;
let lines: object[];
let end: () => void;

beforeEach(async () => {
  clock = new VirtualClock(1_700_000_000_000);
  const stores = memoryStores({ clock, random: seededRandom(1) });
  engine = await startEngine({ stores, clock, settings: { 'tidelog.seal.bytes': `${MIB}` } });
  lines = [];
  const logger = { log: (level: string, fields: object) => void lines.push({ level, ...fields }) };
  end = scheduleSegments({ engine, clock, random: seededRandom(2), logger, checkEveryMs: 10 * MINUTE_MS });
});

afterEach(() => end());

/** Lets virtual time pass, step by step, until something is so. */
async function until(isSo: () => boolean, stepMs: number): Promise<void> {
  for (const giveUpAt = Date.now() + LOADED_WITHIN_MS; !isSo() && Date.now() < giveUpAt; ) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await clock.advance(stepMs);
  }
  expect(isSo()).toBe(true);
}

async function put(topic: TopicName, value: string): Promise<void> {
  let errorCode: number | undefined;
  const batch = batchOf([value], { timestamp: clock.now() });
  void produce(engine.client, topic, batch).then((produced) => {
    ({ errorCode } = produced);
  });
  await clock.runUntil(() => errorCode !== undefined, MINUTE_MS);
  expect(errorCode).toBe(0);
}

it('seals a journal when so much of it is not sealed', async () => {
  const topic = await createTopic(engine.client, 'growing');
  const { journal } = await engine.journalOf('growing');
  await put(topic, 'small');
  await clock.advance(5_000);
  expect(journal.view.sealedSeq).toBe(-1);
  for (let count = 0; count < 4; count++) await put(topic, 'x'.repeat(150_000));
  await until(() => journal.view.sealedSeq >= 0, 1_000);
  // A set has at most so much; the rest is not due.
  expect(journal.view.lastSeal).toMatchObject({ parts: [{ partition: 0, baseOffset: 0, nextOffset: 4 }] });
  expect(journal.view.hotBytes).toBeLessThan(MIB);
});

it('makes no request while nothing is due, although journals are open and not sealed', async () => {
  const topic = await createTopic(engine.client, 'quiet');
  await put(topic, 'only');
  // What the engine itself still does in the background.
  await clock.advance(2_000);
  engine.meter.reset();
  // Shorter than the first sweep is away: a topic in use is read again after 10 seconds.
  await clock.advance(40_000);
  expect(engine.meter.counts()).toEqual({});
});

it('looks at what is due, and ends what retention no longer keeps', async () => {
  const topic = await createTopic(engine.client, 'short', { configs: { 'retention.ms': `${HOUR_MS}` } });
  await put(topic, 'old');
  const { journal } = await engine.journalOf('short');
  await until(() => journal.view.partitions.get(0)?.logStartOffset === 1, MINUTE_MS);
  expect(await listOffset(engine.client, topic, -2)).toMatchObject({ offset: 1 });
  expect(lines).toContainEqual(expect.objectContaining({ event: 'segments', level: 'info' }));
});

it('does nothing once it has ended', async () => {
  const topic = await createTopic(engine.client, 'ended');
  for (let count = 0; count < 4; count++) await put(topic, 'x'.repeat(150_000));
  end();
  await clock.advance(HOUR_MS);
  expect((await engine.journalOf('ended')).journal.view.sealedSeq).toBe(-1);
  expect(clock.pendingTimers).toBe(0);
});
