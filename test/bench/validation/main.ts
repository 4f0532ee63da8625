import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Argument } from 'commander';
import { Codec, type CodecName, canCompress } from '../../../lib/records/compression/codec.ts';
import type { ProduceValidation } from '../../../lib/records/produce-rules.ts';
import { TcpClient } from '../../support/kafka-client.ts';
import { developerProgram } from '../../support/program.ts';
import { createTopic } from '../../support/requests.ts';
import { BrokerProcess } from '../broker.ts';
import { MachineLoad } from '../machine-load.ts';
import { runProduceLoad } from '../produce-load.ts';
import { median } from '../statistics.ts';

// What opening every batch costs: two brokers over stores that drop the bytes, one for each tidelog.produce.validation, get the
// same load by turns, codec by codec. docs/PERFORMANCE.md says what came of it. Run it with:
// npm run bench:validation [CODEC ...]; zstd is measured where Node can write it, from 22.15 on.

const ROUNDS = 5;
const WINDOW_MS = 1_500;
const WARM_UP_MS = 500;
const CONNECTIONS = 4;
const IN_FLIGHT = 5;
/** Batches of 64 KiB before compression, as those of `npm run bench`. */
const BATCH_BYTES = 64 * 1024;
const RECORD_SIZES = [100, 1_000];

interface Run {
  readonly megabytesPerSecond: number;
  /** CPU time of the broker. */
  readonly cpuSecondsPerGigabyte: number;
  readonly others: number;
}

/** Text with names that repeat and values that do not: gzip makes about a sixth of it. */
function logLine(index: number, bytes: number): Buffer {
  let line = '';
  for (let i = 0; line.length < bytes; i++) {
    const number = Math.imul(index * 31 + i + 1, 0x9e3779b1) >>> 0;
    line += `{"level":"info","request":"${number.toString(36)}","status":${200 + (number % 5)},"took_ms":${number % 997}}`;
  }
  return Buffer.from(line.slice(0, bytes));
}

async function run(broker: BrokerProcess, name: CodecName, recordBytes: number, round: number): Promise<Run> {
  const topic = `${name}-${recordBytes}-${round}`;
  const client = await TcpClient.connect({ host: '127.0.0.1', port: broker.port });
  await createTopic(client, topic, { partitions: CONNECTIONS });
  client.close();
  let cpuMs = 0;
  let machine = new MachineLoad();
  let others = 0;
  const hooks = {
    begin: async () => {
      cpuMs = (await broker.report()).cpuMs;
      machine = new MachineLoad();
    },
    end: async (generatorMs: number) => {
      cpuMs = (await broker.report()).cpuMs - cpuMs;
      others = machine.others(cpuMs + generatorMs);
    },
  };
  const recordsPerBatch = Math.floor(BATCH_BYTES / (recordBytes + 8));
  const load = await runProduceLoad(
    {
      port: broker.port,
      topic,
      producerIds: Array.from({ length: CONNECTIONS }, (_, i) => round * CONNECTIONS + i + 1),
      recordBytes,
      recordsPerBatch,
      codec: Codec[name],
      value: (index) => logLine(index, recordBytes),
      inFlight: IN_FLIGHT,
      warmUpMs: WARM_UP_MS,
      durationMs: WINDOW_MS,
    },
    hooks,
  );
  const gigabytes = (load.megabytesPerSecond * load.elapsedMs) / 1e6;
  return { megabytesPerSecond: load.megabytesPerSecond, cpuSecondsPerGigabyte: cpuMs / 1000 / gigabytes, others };
}

const codecs = Object.keys(Codec) as CodecName[];
const [named] = developerProgram('npm run bench:validation --', 'Measures what opening every batch costs.')
  .addArgument(new Argument('[codecs...]', 'which to measure; all when left out').choices(codecs))
  .parse().processedArgs as [CodecName[]];
const directory = await mkdtemp(join(tmpdir(), 'tidelog-bench-'));
const start = (validation: ProduceValidation) =>
  BrokerProcess.start('drop', join(directory, validation), [], { 'tidelog.produce.validation': validation });
const brokers = { header: await start('header'), full: await start('full') };
console.log(
  `${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, load average ${loadavg()[0]?.toFixed(1)}`,
);
console.log('\n| codec | record | header MB/s | full MB/s | header CPU s/GB | full CPU s/GB | others, cores |');
console.log('|---|---|---|---|---|---|---|');
try {
  for (const name of named.length > 0 ? named : codecs) {
    if (!canCompress(Codec[name])) continue;
    for (const recordBytes of RECORD_SIZES) {
      const runs: Record<ProduceValidation, Run[]> = { header: [], full: [] };
      for (let round = 0; round < ROUNDS; round++) {
        for (const validation of ['header', 'full'] as const) {
          runs[validation].push(await run(brokers[validation], name, recordBytes, round));
        }
      }
      const of = (validation: ProduceValidation, value: (run: Run) => number) => median(runs[validation].map(value));
      const rates = (['header', 'full'] as const).map((one) => of(one, (run) => run.megabytesPerSecond).toFixed(0));
      const costs = (['header', 'full'] as const).map((one) => of(one, (run) => run.cpuSecondsPerGigabyte).toFixed(2));
      const others = median([...runs.header, ...runs.full].map((one) => one.others)).toFixed(1);
      console.log(`| ${[name, `${recordBytes} B`, ...rates, ...costs, others].join(' | ')} |`);
    }
  }
} finally {
  await Promise.all(Object.values(brokers).map((broker) => broker.stop()));
  await rm(directory, { recursive: true });
}
