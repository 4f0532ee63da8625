import { cpus, loadavg } from 'node:os';
import { performance } from 'node:perf_hooks';
import { systemClock } from '../../../lib/core/clock.ts';
import { systemRandom } from '../../../lib/core/random.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import type { CallKind, Stores } from '../../../lib/storage/ports.ts';
import { type Engine, startEngine } from '../../support/engine.ts';
import { batchOf, createTopic, fetch, produce, type TopicName } from '../../support/requests.ts';
import { sealNow } from '../../support/sealing.ts';
import { median } from '../statistics.ts';

// What a long history costs those who write, and those who read at its start: a partition with 10 and
// one with 10,000 segments, on stores in memory. The two are measured in turn, request by request, so
// that what else the machine does meets both. Run it with: npm run bench:growth [-- SEGMENTS...]

const asked = process.argv.slice(2).map(Number);
const SIZES = asked.length === 2 ? asked : [10, 10_000];
const WARM_UP = 200;
const REQUESTS = 2_000;
/** New processes, each of which reads the first record once. */
const PROCESSES = 200;
const RECORD = 'x'.repeat(1_000);

/** Calls of requests at a journal: whoever waits for nothing else. */
const KINDS: readonly CallKind[] = ['journal.query', 'journal.put', 'state.get', 'state.query', 'blobs.getRange'];

interface Subject {
  readonly segments: number;
  readonly engine: Engine;
  readonly topic: TopicName;
  readonly stores: Stores;
  readonly ms: { produce: number[]; fetch: number[]; first: number[] };
}

// Without a cache of ranges every fetch reads the store.
const SETTINGS = { 'tidelog.cache.bytes': '0' };

async function subject(segments: number): Promise<Subject> {
  const stores = memoryStores({ clock: systemClock, random: systemRandom });
  const engine = await startEngine({ stores, settings: SETTINGS });
  const topic = await createTopic(engine.client, 'grown', { configs: { 'retention.ms': '-1' } });
  const open = await engine.journalOf(topic.name);
  for (let count = 0; count < segments; count++) {
    await append({ engine, topic });
    await sealNow(open);
  }
  const found = open.journal.view.partitions.get(0)?.segments;
  if (found !== segments) throw new Error(`${found} segments, expected ${segments}`);
  return { segments, engine, topic, stores, ms: { produce: [], fetch: [], first: [] } };
}

async function append({ engine, topic }: Pick<Subject, 'engine' | 'topic'>): Promise<void> {
  const { errorCode } = await produce(engine.client, topic, batchOf([RECORD]));
  if (errorCode !== 0) throw new Error(`a batch was answered with error ${errorCode}`);
}

async function readFirst({ engine, topic }: Pick<Subject, 'engine' | 'topic'>): Promise<void> {
  const { errorCode, records } = await fetch(engine.client, topic, { offset: 0, maxBytes: 1, partitionMaxBytes: 1 });
  if (errorCode !== 0 || records === null) throw new Error(`a fetch was answered with error ${errorCode}`);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** Store calls of one request of each kind. */
async function callsOf(one: Subject): Promise<string> {
  const count = async (work: () => Promise<void>, { meter }: Engine = one.engine) => {
    const before = KINDS.map((kind) => meter.totals(kind).calls);
    await work();
    const made = KINDS.map((kind, index) => meter.totals(kind).calls - before[index]!);
    return KINDS.flatMap((kind, index) => (made[index]! > 0 ? [`${made[index]} ${kind}`] : [])).join(', ');
  };
  const fresh = await startEngine({ stores: one.stores, settings: SETTINGS });
  const calls = [
    `produce: ${await count(() => append(one))}`,
    `fetch: ${await count(() => readFirst(one))}`,
    `first fetch: ${await count(() => readFirst({ ...one, engine: fresh }), fresh)}`,
  ];
  return calls.join('; ');
}

const subjects: Subject[] = [];
for (const segments of SIZES) subjects.push(await subject(segments));
for (let count = 0; count < WARM_UP + REQUESTS; count++) {
  // Each is the first one in half of the rounds.
  const inTurn = count % 2 === 0 ? subjects : [...subjects].reverse();
  for (const one of inTurn) {
    const produceMs = await timed(() => append(one));
    const fetchMs = await timed(() => readFirst(one));
    if (count < WARM_UP) continue;
    one.ms.produce.push(produceMs);
    one.ms.fetch.push(fetchMs);
  }
}
for (const one of subjects) await sealNow(await one.engine.journalOf(one.topic.name));
for (let count = 0; count < PROCESSES; count++) {
  for (const one of count % 2 === 0 ? subjects : [...subjects].reverse()) {
    const engine = await startEngine({ stores: one.stores, settings: SETTINGS });
    one.ms.first.push(await timed(() => readFirst({ ...one, engine })));
    await engine.close();
  }
}
for (const one of subjects) {
  const [produceMs, fetchMs, firstMs] = [one.ms.produce, one.ms.fetch, one.ms.first].map((ms) => median(ms).toFixed(3));
  console.log(
    `${one.segments} segments, p50 in ms: produce ${produceMs}, fetch at the start ${fetchMs}, first fetch of a process ${firstMs}`,
  );
  console.log(`  store calls: ${await callsOf(one)}`);
}
const [few, many] = subjects as [Subject, Subject];
for (const kind of ['produce', 'fetch', 'first'] as const) {
  const change = median(many.ms[kind]) / median(few.ms[kind]) - 1;
  console.log(`${kind}: ${(change * 100).toFixed(1)} % from ${few.segments} to ${many.segments} segments`);
}
const [perMinute] = loadavg();
console.log(`${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, load average ${perMinute!.toFixed(1)}`);
