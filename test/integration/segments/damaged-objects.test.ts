import { beforeEach, describe, expect, it } from 'vitest';
import { errorCode } from '../../../lib/core/errors.ts';
import { UnreadableItems } from '../../../lib/kit/unreadable-items.ts';
import { BatchField, lastOffset } from '../../../lib/records/batch.ts';
import { SegmentWork } from '../../../lib/run/segment-work.ts';
import { composeUpkeep } from '../../../lib/run/upkeep.ts';
import { walJob } from '../../../lib/run/wal-job.ts';
import { decodeSegment, type LiveSegment, segmentPk } from '../../../lib/storage/items/segment.ts';
import { type MemoryStores, memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { type Engine, startEngine } from '../../support/engine.ts';
import { batchesIn, batchOf, createTopic, fetch, produce, type TopicName, valuesIn } from '../../support/requests.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { settledOn } from '../../support/settled-on.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const HOUR_MS = 60 * 60 * 1000;

const SETTINGS = {
  'tidelog.store': 'aws',
  'tidelog.journal.table': 'j',
  'tidelog.state.table': 's',
  'tidelog.bucket': 'b',
  'tidelog.inline.max.bytes': '0',
  'tidelog.linger.ms': '0',
};

/** Records of each partition before the damage. */
const RECORDS = 9;

let clock: VirtualClock;
let stores: MemoryStores;
let engine: Engine;
let harmed: TopicName;
let other: TopicName;

beforeEach(async () => {
  clock = new VirtualClock();
  stores = memoryStores({ clock, random: seededRandom(1) });
  engine = await start();
  // Small, so that there is an index.
  const configs = { 'tidelog.journals': '2', 'retention.ms': '-1', 'index.interval.bytes': '10' };
  harmed = await createTopic(engine.client, 'harmed', { partitions: 2, configs });
  other = await createTopic(engine.client, 'other', { configs });
  for (let count = 0; count < RECORDS; count++) {
    await putAll(`${count}`);
    if (count % 3 === 2) await hours(2);
  }
  await hours(3);
});

function start(): Promise<Engine> {
  return startEngine({ stores: stores.client(), clock, settings: SETTINGS });
}

/** Lets virtual time pass until something is done. */
const inTime = <T>(work: Promise<T>): Promise<T> => settledOn(clock, work, HOUR_MS);

/** One record to every partition. */
async function putAll(value: string): Promise<void> {
  for (const [topic, partition] of [
    [harmed, 0],
    [harmed, 1],
    [other, 0],
  ] as const) {
    const records = batchOf([value], { timestamp: clock.now() });
    expect(await inTime(produce(engine.client, topic, records, { partition }))).toMatchObject({ errorCode: 0 });
  }
}

/** Sweeps of what is due and rounds of upkeep, by a process of its own; returns the errors that it logged. */
async function hours(count: number): Promise<string[]> {
  const process = await inTime(start());
  const work = new SegmentWork(process.broker.admin, process.segments);
  const upkeep = composeUpkeep(process, walJob);
  for (let hour = 0; hour < count; hour++) {
    await clock.advance(HOUR_MS);
    const deadline = clock.monotonic() + HOUR_MS / 2;
    const swept = await inTime(work.sweep(new UnreadableItems({ log: () => {} }), undefined, deadline));
    expect(swept.isComplete).toBe(true);
    await inTime(upkeep.round({ deadline, everyMs: 0 }));
  }
  return process.lines.filter(({ level }) => level === 'error').map(({ message }) => String(message));
}

/** What processes without memory get, one at each offset: the value there, or the error. */
async function readEach(topic: TopicName, partition: number, end: number): Promise<(string | number)[]> {
  const read: (string | number)[] = [];
  for (let offset = 0; offset < end; offset++) {
    const cold = await inTime(start());
    const { errorCode: code, records } = await inTime(
      fetch(cold.client, topic, { partition, offset, partitionMaxBytes: 1 }),
    );
    read.push(code === 0 ? String(valuesIn(records)[0]) : code);
  }
  return read;
}

function segmentsOf(topic: TopicName, partition: number): LiveSegment[] {
  return stores
    .contents()
    .state.filter(({ pk }) => pk === segmentPk(topic.id, partition))
    .map(({ version, body }) => decodeSegment(version, body))
    .filter((one): one is LiveSegment => one.state === 'live');
}

const segmentObjects = () => [...stores.contents().blobs.keys()].filter((key) => key.startsWith('segment/'));

async function replaceObject(key: string, bytes: Buffer | undefined): Promise<void> {
  const { blobs } = stores.client();
  if (bytes === undefined) await inTime(blobs.delete(key));
  else await inTime(blobs.put(key, [bytes]));
}

async function bytesOf(key: string): Promise<Buffer> {
  const found = await inTime(stores.client().blobs.getRange(key, 0, 1_000_000));
  if (found.kind === 'missing') throw new Error(`${key} is not there`);
  return Buffer.from(found.bytes);
}

type Damage = (object: Buffer, segment: LiveSegment) => Buffer | undefined;

/** Of a segment with three batches; `after`: what upkeep makes of it, which only needs whole batches. */
const DAMAGES: readonly (readonly [what: string, after: 'stays' | 'written anew', damage: Damage])[] = [
  [
    'has a batch with an impossible length',
    'stays',
    (object, { log }) => {
      object.writeInt32BE(-7, log.start + BatchField.length);
      return object;
    },
  ],
  ['is missing', 'stays', () => undefined],
  [
    'ends inside of its index',
    'written anew',
    (object, { index }) => object.subarray(0, index.start + Math.ceil(index.length / 2)),
  ],
  ['was written by half', 'stays', (object, { log }) => object.subarray(0, log.start + Math.floor(log.length / 2))],
  ['is garbage', 'stays', (object) => Buffer.alloc(object.length, 0xa5)],
];

describe('a segment object that', () => {
  it.each(DAMAGES)(
    '%s is an error of its batches alone, and nothing is deleted for it',
    async (_what, after, damage) => {
      const segments = segmentsOf(harmed, 0);
      const segment = segments[0]!;
      expect(segments.length).toBeGreaterThan(1);
      const all = Array.from({ length: RECORDS }, (_, count) => `${count}`);
      expect(await readEach(harmed, 0, RECORDS)).toEqual(all);
      await replaceObject(segment.key, damage(await bytesOf(segment.key), segment));

      const read = await readEach(harmed, 0, RECORDS);
      const codes = new Set(read.filter((one) => typeof one === 'number'));
      expect([...codes]).toEqual([errorCode('KAFKA_STORAGE_ERROR')]);
      for (const [offset, one] of read.entries()) {
        if (offset < segment.baseOffset || offset >= segment.nextOffset) expect(one).toBe(`${offset}`);
      }
      expect(await readEach(harmed, 1, RECORDS)).toEqual(all);
      expect(await readEach(other, 0, RECORDS)).toEqual(all);

      // Compaction reads the object, too, and merging does once more segments follow.
      await compactNow();
      const before = { objects: segmentObjects(), segments: segmentsOf(harmed, 0) };
      const errors: string[] = [];
      for (let more = 0; more < 3; more++) {
        await putAll(`${RECORDS + more}`);
        errors.push(...(await hours(12)));
      }
      const own = new Set(before.segments.map(({ key }) => key));
      if (after === 'stays') {
        expect(before.objects.filter((key) => own.has(key) && !segmentObjects().includes(key))).toEqual([]);
        expect(segmentsOf(harmed, 0)).toEqual(expect.arrayContaining(before.segments));
        expect(errors.some((message) => message.includes(segment.key))).toBe(true);
      }

      const later = await readEach(harmed, 0, RECORDS + 3);
      expect(later.slice(0, RECORDS)).toEqual(after === 'stays' ? read : all);
      expect(later.slice(RECORDS)).toEqual(['9', '10', '11']);
      expect(await readEach(harmed, 1, RECORDS + 3)).toEqual([...all, '9', '10', '11']);
      expect(await readEach(other, 0, RECORDS + 3)).toEqual([...all, '9', '10', '11']);
    },
  );

  async function compactNow(): Promise<void> {
    const configs = [
      { name: 'cleanup.policy', configOperation: 0, value: 'compact' },
      { name: 'min.cleanable.dirty.ratio', configOperation: 0, value: '0.01' },
    ];
    const resources = [{ resourceType: 2, resourceName: 'harmed', configs }];
    const { responses } = await inTime(
      engine.client.ask(ApiKey.IncrementalAlterConfigs, 1, { resources, validateOnly: false }),
    );
    expect(responses).toMatchObject([{ errorCode: 0 }]);
  }
});

it('batches before and behind a damaged one of the same object are still read', async () => {
  const [segment] = segmentsOf(harmed, 0);
  const object = await bytesOf(segment!.key);
  const fetched = await inTime(fetch((await inTime(start())).client, harmed, { offset: 0 }));
  const batches = batchesIn(fetched.records);
  const inSegment = batches.filter(({ header }) => lastOffset(header) < segment!.nextOffset);
  expect(inSegment.length).toBeGreaterThan(1);
  const position = segment!.log.start + inSegment[0]!.bytes.length;
  object.writeInt32BE(-7, position + BatchField.length);
  await replaceObject(segment!.key, object);
  const read = await readEach(harmed, 0, inSegment.length);
  // The index leads to the batch behind it.
  expect(read).toEqual(['0', errorCode('KAFKA_STORAGE_ERROR'), '2']);
});
