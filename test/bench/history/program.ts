import { readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger } from '../../../lib/core/logger.ts';
import { systemRandom } from '../../../lib/core/random.ts';
import { composeBroker } from '../../../lib/run/compose-broker.ts';
import { growHeapFreely } from '../../../lib/run/heap-growth.ts';
import { scheduleSegments } from '../../../lib/run/segment-schedule.ts';
import { composeUpkeep } from '../../../lib/run/upkeep.ts';
import { walJob } from '../../../lib/run/wal-job.ts';
import { openEmbeddedStores } from '../../../lib/storage/embedded/embedded-stores.ts';
import { meterStores } from '../../../lib/storage/metering.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { EngineClient } from '../../support/kafka-client.ts';
import { createTopic } from '../../support/requests.ts';
import { settingsOf } from '../../support/settings.ts';
import { ShiftedClock } from '../../support/shifted-clock.ts';
import { MachineLoad } from '../machine-load.ts';
import { Load, readAll } from './log-client.ts';
import { StoreCalls } from './store-calls.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const PARTITIONS = 4;
/** A tenth of what is written, over all partitions. */
const RETAINED_SHARE = 0.1;
/** After each of them the clock is put forward, so that what is no longer needed goes meanwhile. */
const STEP_BYTES = GIB;
/** More than every grace period of the embedded store. */
const FORWARD_MS = 3 * 60 * 60 * 1000;
/** How much of the end of the log is read while it is in memory, and how often. */
const HOT_BYTES = 32 * MIB;
const HOT_TIMES = 16;
/** Longer than the pause between two looks at what is due. */
const IDLE_MS = 5_000;
/** Rounds after which everything that retention and the graces allow is deleted. */
const ROUNDS_MAX = 12;

const [, , dataDir, gib] = process.argv as [string, string, string, string];
const total = Number(gib) * GIB;

/** The largest resident memory, without the pages of files that are mapped; bytes. */
let memoryMax = 0;
const sampling = setInterval(() => {
  const kib = Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  memoryMax = Math.max(memoryMax, kib * 1024);
}, 50);

growHeapFreely();
const clock = new ShiftedClock();
const random = systemRandom;
const logger = silentLogger;
const calls = new StoreCalls();
const stores = meterStores(await openEmbeddedStores({ path: dataDir, clock, random }), calls);
const settings = settingsOf({ 'tidelog.store': 'embedded', 'tidelog.data.dir': dataDir });
const advertised = () => ({ host: 'localhost', port: 9092 });
const engine = await composeBroker({ stores, clock, random, logger, settings, advertised });
const endSegments = scheduleSegments({ engine, clock, random, logger, checkEveryMs: 2_000 });
const upkeep = composeUpkeep(engine, walJob);
const client = new EngineClient(engine.handleFrame);
const topic = await createTopic(client, 'history', {
  partitions: PARTITIONS,
  configs: { 'retention.ms': '-1', 'segment.bytes': String(64 * MIB) },
});

const views = () => [...engine.broker.admin.journals.opened()].map(({ journal }) => journal.view);
const unsealed = () => views().reduce((sum, { hotBytes }) => sum + hotBytes, 0);
const ends = () => {
  const offsets = Array.from({ length: PARTITIONS }, () => 0);
  for (const { partitions } of views()) {
    for (const { partition, nextOffset } of partitions.values()) offsets[partition] = nextOffset;
  }
  return offsets;
};

async function measured<T extends number>(name: string, work: () => Promise<T>): Promise<number> {
  const others = new MachineLoad();
  calls.reset();
  const cpu = process.cpuUsage();
  const begun = performance.now();
  const bytes = await work();
  const seconds = (performance.now() - begun) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const cpuMs = (user + system) / 1_000;
  const rate = bytes / 1e6 / seconds;
  const parts = [
    `${name.padEnd(24)} ${rate.toFixed(0).padStart(5)} MB/s`,
    `${(cpuMs / 1_000 / (bytes / 1e9)).toFixed(2)} s of CPU time per GB`,
    `${(bytes / GIB).toFixed(2)} GiB in ${seconds.toFixed(1)} s`,
    `other programs ${(others.others(cpuMs) * 100).toFixed(0)} % of a core`,
  ];
  console.log(parts.join(', '));
  console.log(`  ${calls.told(bytes)}`);
  return rate;
}

async function lookAfter(): Promise<void> {
  clock.forward(FORWARD_MS);
  await upkeep.round({ deadline: clock.monotonic() + 60_000, everyMs: 0 });
}

async function diskBytes(folder = dataDir): Promise<number> {
  let sum = 0;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) sum += await diskBytes(path);
    else
      sum += await stat(path).then(
        ({ blocks }) => blocks * 512,
        () => 0,
      );
  }
  return sum;
}

/** Waits until nothing reads or writes objects for a while. */
async function untilIdle(): Promise<void> {
  for (let before = -1; before !== calls.ofObjects; ) {
    before = calls.ofObjects;
    await delay(IDLE_MS);
  }
}

const inGib = (bytes: number) => `${(bytes / GIB).toFixed(2)} GiB`;

const load = new Load(client, topic, PARTITIONS);
let unsealedMax = 0;
const watching = setInterval(() => {
  unsealedMax = Math.max(unsealedMax, unsealed());
}, 100);
let upkeeping: Promise<void> = Promise.resolve();
await measured('produce', async () => {
  let written = 0;
  while (written < total) {
    written += await load.write(Math.min(STEP_BYTES, total - written));
    await upkeeping;
    upkeeping = lookAfter();
  }
  return written;
});
clearInterval(watching);
console.log(`unsealed: ${inGib(unsealed())} at the end, at most ${inGib(unsealedMax)} (a set has 0.06 GiB)`);
await upkeeping;

// What the writing left to seal and to merge is done meanwhile.
await untilIdle();
const from = ends().map((end) => end - Math.ceil(HOT_BYTES / PARTITIONS / 1_000));
const hot = await measured('hot read', async () => {
  let bytes = 0;
  for (let times = 0; times < HOT_TIMES; times++) bytes += await readAll(client, topic, from, ends());
  return bytes;
});
const first = Array.from({ length: PARTITIONS }, () => 0);
const cold = await measured('cold read', () => readAll(client, topic, first, ends()));
console.log(`cold / hot: ${(cold / hot).toFixed(2)}`);

console.log(`on disk before retention: ${inGib(await diskBytes())}`);
const retained = Math.ceil((total * RETAINED_SHARE) / PARTITIONS);
const configs = [{ name: 'retention.bytes', value: String(retained), configOperation: 0 }];
const { responses } = await client.ask(ApiKey.IncrementalAlterConfigs, 1, {
  resources: [{ resourceType: 2, resourceName: topic.name, configs }],
  validateOnly: false,
});
if (responses[0]?.errorCode !== 0) throw new Error(`retention.bytes: ${responses[0]?.errorMessage}`);
let disk = Number.POSITIVE_INFINITY;
for (let round = 0; round < ROUNDS_MAX; round++) {
  await lookAfter();
  await delay(5_000);
  disk = await diskBytes();
}
const kept = retained * PARTITIONS;
console.log(`on disk after it: ${inGib(disk)}, ${(disk / kept).toFixed(2)} times the ${inGib(kept)} that it keeps`);
const partOf = async (...folder: string[]) => inGib(await diskBytes(join(dataDir, ...folder)));
const [segments, wal, items] = [await partOf('blobs', 'segment'), await partOf('blobs', 'wal'), await partOf('items')];
console.log(`  segments ${segments}, WAL objects ${wal}, LMDB's file ${items}`);
clearInterval(sampling);
endSegments();
await engine.close?.();
await stores.close();
console.log(`memory: at most ${(memoryMax / 1e6).toFixed(0)} MB (RssAnon)`);
const [perMinute] = loadavg();
console.log(`${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, load average ${perMinute!.toFixed(1)}`);
