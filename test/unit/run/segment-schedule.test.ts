import { afterEach, beforeEach, expect, it } from 'vitest';
import { scheduleSegments } from '../../../lib/run/segment-schedule.ts';
import { type MemoryStores, memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
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

const IN_WAL_OBJECTS = {
  'tidelog.store': 'aws',
  'tidelog.journal.table': 'j',
  'tidelog.state.table': 's',
  'tidelog.bucket': 'b',
  'tidelog.inline.max.bytes': '0',
};

let clock: VirtualClock;
let engine: Engine;
let stores: MemoryStores;
let lines: object[];
let end: () => void;

beforeEach(async () => {
  clock = new VirtualClock(1_700_000_000_000);
  stores = memoryStores({ clock, random: seededRandom(1) });
  await start();
});

async function start(settings: Readonly<Record<string, string>> = {}): Promise<void> {
  engine = await startEngine({ stores, clock, settings: { 'tidelog.seal.bytes': `${MIB}`, ...settings } });
  lines = [];
  const logger = { log: (level: string, fields: object) => void lines.push({ level, ...fields }) };
  end = scheduleSegments({ engine, clock, random: seededRandom(2), logger, checkEveryMs: 10 * MINUTE_MS });
}

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

it('tries to seal what cannot be read once an hour, and not every second', async () => {
  end();
  await start(IN_WAL_OBJECTS);
  end();
  const topic = await createTopic(engine.client, 'damaged');
  for (let count = 0; count < 4; count++) await put(topic, 'x'.repeat(150_000));
  for (const { key } of await stores.blobs.list('wal/', undefined, 10)) await stores.blobs.delete(key);
  // A process that has nothing in memory.
  await start(IN_WAL_OBJECTS);
  const { journal } = await engine.journalOf('damaged');
  const failures = () => engine.lines.filter(({ event }) => event === 'seal_unreadable');
  await until(() => failures().length > 0, 1_000);
  await clock.advance(50 * MINUTE_MS);
  expect(failures().length).toBeLessThanOrEqual(2);
  expect(failures()[0]).toMatchObject({ level: 'error', message: expect.stringMatching(/wal\/.* slot \d+/) });
  expect(journal.view.sealedSeq).toBe(-1);
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
