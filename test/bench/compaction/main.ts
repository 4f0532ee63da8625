import { cpus, loadavg } from 'node:os';
import { performance } from 'node:perf_hooks';
import { systemClock } from '../../../lib/core/clock.ts';
import { silentLogger } from '../../../lib/core/logger.ts';
import { systemRandom } from '../../../lib/core/random.ts';
import { createJournal } from '../../../lib/journal/create.ts';
import { EntryCache } from '../../../lib/journal/entry-cache.ts';
import { type JournalEnvironment, LATENCY_PACING } from '../../../lib/journal/environment.ts';
import { Journals, type OpenJournal } from '../../../lib/journal/open-journal.ts';
import { WalWriter } from '../../../lib/journal/wal.ts';
import { Slots } from '../../../lib/kit/slots.ts';
import { Turns } from '../../../lib/kit/turns.ts';
import { Codec, type CodecName } from '../../../lib/records/compression/codec.ts';
import { encodeBatch } from '../../../lib/records/encode.ts';
import { type CompactionOutcome, compactPartition } from '../../../lib/segments/compact.ts';
import { COMPACTION_LIMITS } from '../../../lib/segments/compaction-environment.ts';
import { DueList } from '../../../lib/segments/due-list.ts';
import { sealJournal } from '../../../lib/segments/seal.ts';
import { SegmentIndex } from '../../../lib/segments/segment-index.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { MachineLoad } from '../machine-load.ts';

// How fast a partition is compacted, without a network: the stores are in memory. Run it with:
// npm run bench:compaction

const MIB = 1024 * 1024;
const LOG_BYTES = 128 * MIB;
const SEAL_BYTES = 16 * MIB;
const BATCH_BYTES = 64 * 1024;
const FOREVER = Number.POSITIVE_INFINITY;
const JOURNAL = 'compacted/0';

interface Load {
  readonly codec: CodecName;
  readonly valueBytes: number;
  /** One of so many records is the newest of its key. */
  readonly versions: number;
}

const LOADS: readonly Load[] = [
  { codec: 'none', valueBytes: 100, versions: 10 },
  { codec: 'none', valueBytes: 1_000, versions: 10 },
  { codec: 'none', valueBytes: 1_000, versions: 1 },
  { codec: 'lz4', valueBytes: 1_000, versions: 10 },
];

async function open(): Promise<OpenJournal> {
  const stores = memoryStores({ clock: systemClock, random: systemRandom });
  const limits = { lingerMs: 0, flushBytes: 4 * MIB, inFlight: 4 };
  const env: JournalEnvironment = {
    stores,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    cache: new EntryCache(16 * MIB),
    wal: new WalWriter(stores.blobs, systemClock, systemRandom, limits),
    tier: { inlineMaxBytes: 4_096, lingerMs: 0, writeUnitsPerSecond: 1e9 },
    pacing: LATENCY_PACING,
    trust: { generation: 0 },
    turns: new Turns(systemClock),
  };
  await createJournal(env, JOURNAL, Date.now());
  const opened = await new Journals(env).open(JOURNAL);
  if (opened === undefined) throw new Error(`no journal ${JOURNAL}`);
  return opened;
}

/** Text with names that repeat and values that do not. */
function textOf(index: number, bytes: number): Buffer {
  let text = '';
  for (let i = 1; text.length < bytes; i++) {
    const number = Math.imul(index * 31 + i, 0x9e3779b1) >>> 0;
    text += `{"request":"${number.toString(36)}","status":${200 + (number % 5)},"took_ms":${number % 997}}`;
  }
  return Buffer.from(text.slice(0, bytes));
}

async function compact(load: Load): Promise<string> {
  const { journal, writer } = await open();
  const change = { state: journal.env.stores.state, clock: systemClock, random: systemRandom };
  const env = { index: new SegmentIndex(change), due: new DueList(change), slots: new Slots(1) };
  const opened = { journal, writer } as OpenJournal;
  const recordBytes = load.valueBytes + 30;
  const perBatch = Math.max(1, Math.floor(BATCH_BYTES / recordBytes));
  const keys = Math.ceil(LOG_BYTES / recordBytes / load.versions);
  let written = 0;
  let next = 0;
  for (let unsealed = 0; written < LOG_BYTES; ) {
    const timestamp = Date.now();
    const records = Array.from({ length: perBatch }, () => {
      const index = next++;
      return { timestamp, key: Buffer.from(`customer-${index % keys}`), value: textOf(index, load.valueBytes) };
    });
    const bytes = encodeBatch(records, { codec: Codec[load.codec] });
    const none = { producerId: -1, producerEpoch: -1, baseSequence: -1 };
    const fields = { partition: 0, lastOffsetDelta: perBatch - 1, maxTimestamp: timestamp, bytes, ...none };
    const flags = { transactional: false, transactionVerified: false };
    const result = await writer.append({ ...fields, ...flags }, FOREVER);
    if (result.kind !== 'appended') throw new Error(JSON.stringify(result));
    written += perBatch * recordBytes;
    unsealed += perBatch * recordBytes;
    if (unsealed < SEAL_BYTES && written < LOG_BYTES) continue;
    unsealed = 0;
    await sealJournal(env, opened, { sealBytes: SEAL_BYTES * 2, sealMs: 1 }, FOREVER, true);
  }
  const config = {
    minCleanableDirtyRatio: 0,
    minCompactionLagMs: 0,
    maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
    deleteRetentionMs: 0,
    segmentBytes: 1024 * MIB,
    indexIntervalBytes: 4_096,
  };
  const before = performance.now();
  const used = process.cpuUsage();
  const others = new MachineLoad();
  const limits = { ...COMPACTION_LIMITS, passBytes: LOG_BYTES * 2 };
  const outcome = await compactPartition(env, opened, { partition: 0, config, limits }, FOREVER);
  const seconds = (performance.now() - before) / 1_000;
  const { user, system } = process.cpuUsage(used);
  const cpuMs = (user + system) / 1_000;
  return line(load, outcome, seconds, cpuMs, others.others(cpuMs));
}

function line(load: Load, outcome: CompactionOutcome, seconds: number, cpuMs: number, others: number): string {
  if (outcome.kind !== 'cleaned') throw new Error(JSON.stringify(outcome));
  const { readBytes, writtenBytes, recordsRead, recordsKept } = outcome.counts;
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0).padStart(4);
  return [
    `${load.codec.padEnd(5)} ${String(load.valueBytes).padStart(5)} B values, ${load.versions} versions:`,
    `${(readBytes / 1e6 / seconds).toFixed(0).padStart(4)} MB/s,`,
    `${(readBytes / 1e3 / cpuMs).toFixed(0).padStart(4)} MB per second of CPU time,`,
    `${(recordsRead / seconds / 1_000).toFixed(0).padStart(5)} thousand records/s;`,
    `${megabytes(readBytes)} MB and ${recordsRead} records became ${megabytes(writtenBytes)} MB and ${recordsKept};`,
    `CPU ${(cpuMs / 10 / seconds).toFixed(0)} %, other programs ${(others * 100).toFixed(0)} % of a core`,
  ].join(' ');
}

for (const load of LOADS) console.log(await compact(load));
const [perMinute] = loadavg();
console.log(`${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, load average ${perMinute!.toFixed(1)}`);
