import { afterEach, beforeEach, expect, it } from 'vitest';
import { UnreadableItems } from '../../../lib/kit/unreadable-items.ts';
import { encodeBatch } from '../../../lib/records/encode.ts';
import { Metrics } from '../../../lib/run/metrics/metrics.ts';
import { scheduleSegments } from '../../../lib/run/segment-schedule.ts';
import { walJob } from '../../../lib/run/wal-job.ts';
import { type MemoryStores, memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { type Engine, startEngine } from '../../support/engine.ts';
import { IDLE_GATEWAY } from '../../support/idle-gateway.ts';
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

/** A sample of the metrics page, by its name with labels; 0 if it is not there. */
async function sample(name: string): Promise<number> {
  const line = (await metrics.registry.metrics()).split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length) ?? 0);
}

let clock: VirtualClock;
let engine: Engine;
let stores: MemoryStores;
let lines: object[];
let end: () => void;
let metrics: Metrics;

beforeEach(async () => {
  clock = new VirtualClock(1_700_000_000_000);
  stores = memoryStores({ clock, random: seededRandom(1) });
  await start();
});

async function start(settings: Readonly<Record<string, string>> = {}): Promise<void> {
  metrics = new Metrics();
  const observed = { 'tidelog.seal.bytes': `${MIB}`, ...settings };
  engine = await startEngine({ stores, clock, observer: metrics, settings: observed });
  metrics.watch({ gateway: () => IDLE_GATEWAY, journals: engine.broker.admin.journals });
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

async function put(topic: TopicName, value: string, key?: string): Promise<void> {
  let errorCode: number | undefined;
  const timestamp = clock.now();
  const batch =
    key === undefined
      ? batchOf([value], { timestamp })
      : encodeBatch([{ timestamp, key: Buffer.from(key), value: Buffer.from(value) }]);
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
  expect(await sample('tidelog_history_failures_total{event="seal_unreadable"}')).toBe(failures().length);
  expect(await sample('tidelog_unsealed_bytes')).toBe(journal.view.hotBytes);
  expect(await sample('tidelog_unsealed_age_seconds_max')).toBeGreaterThan(50 * 60);
});

it('tells the metrics what it has done, and how late', async () => {
  end();
  await start(IN_WAL_OBJECTS);
  const configs = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01', 'segment.ms': `${MINUTE_MS}` };
  const topic = await createTopic(engine.client, 'compacted', { configs });
  const { journal } = await engine.journalOf('compacted');
  const sealed = () => sample('tidelog_history_work_total{work="seal"}');
  for (let round = 1; round <= 3; round++) {
    await put(topic, 'x'.repeat(50_000), 'the key');
    const { seq } = journal.view;
    expect(await sample('tidelog_unsealed_bytes')).toBeGreaterThan(50_000);
    await clock.advance(30_000);
    expect(await sample('tidelog_unsealed_age_seconds_max')).toBeCloseTo(30, -1);
    await until(() => journal.view.sealedSeq >= seq, MINUTE_MS);
    expect([await sealed(), await sample('tidelog_unsealed_bytes')]).toEqual([round, 0]);
    expect(await sample('tidelog_unsealed_age_seconds_max')).toBe(0);
  }
  expect(await sample('tidelog_history_written_bytes_total{work="seal"}')).toBeGreaterThan(150_000);
  // Each was due a minute after its first batch, and looked at every second.
  expect(await sample('tidelog_seal_lag_seconds_count')).toBe(3);
  expect(await sample('tidelog_seal_lag_seconds_sum')).toBeLessThan(3 * 60);
  const compacted = () => engine.lines.filter(({ event }) => event === 'compacted').length;
  await until(() => compacted() > 0, MINUTE_MS);
  expect(await sample('tidelog_history_work_total{work="compaction"}')).toBe(compacted());
  expect(await sample('tidelog_history_written_bytes_total{work="compaction"}')).toBeGreaterThan(50_000);

  const segments = (await stores.blobs.list('segment/', undefined, 100)).length;
  const collected = (kind: string) => sample(`tidelog_collected_objects_total{kind="${kind}"}`);
  let left = segments;
  const isCollected = () => {
    void stores.blobs.list('segment/', undefined, 100).then(({ length }) => {
      left = length;
    });
    return left < segments;
  };
  await until(isCollected, 10 * MINUTE_MS);
  expect(await collected('segment')).toBeGreaterThan(0);
  const wal = (await stores.blobs.list('wal/', undefined, 100)).length;
  await clock.advance(2 * HOUR_MS);
  const [job] = walJob(engine, new UnreadableItems({ log: () => {} }));
  await job!.step(undefined, Number.POSITIVE_INFINITY);
  const walLeft = (await stores.blobs.list('wal/', undefined, 100)).length;
  expect(await collected('wal')).toBe(wal - walLeft);
  expect(wal - walLeft).toBeGreaterThan(0);
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
