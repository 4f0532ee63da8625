import { loadavg } from 'node:os';
import { systemClock } from '../../../lib/core/clock.ts';
import { silentLogger } from '../../../lib/core/logger.ts';
import { encodeRequestEnvelope } from '../../../lib/doors/tunnel/envelope.ts';
import { readVia } from '../../../lib/doors/tunnel/via.ts';
import { openTransport } from '../../../lib/run/open-transport.ts';
import { startTidelog } from '../../../lib/run/start.ts';
import { startTunnel, type Tunnel } from '../../../lib/run/start-tunnel.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { encodeRequest } from '../../../lib/wire/client-frame.ts';
import { SIZE_PREFIX_BYTES } from '../../../lib/wire/frame.ts';
import { type FunctionStandIn, STAND_IN_ENVIRONMENT, startFunctionStandIn } from '../../support/function-stand-in.ts';
import { TcpClient } from '../../support/kafka-client.ts';
import { batchOf, createTopic, produceRequest } from '../../support/requests.ts';
import { settingsOf } from '../../support/settings.ts';
import { type LoadResult, runProduceLoad } from '../produce-load.ts';
import { quantile, Samples } from '../statistics.ts';

// What the tunnel adds, and what merging saves, against functions in this very process over a store in memory:
// docs/PERFORMANCE.md. None of it says anything about AWS. Run it with: npm run bench:tunnel

const WARM_UP_MS = 1_000;
const DURATION_MS = 4_000;
const RECORD_BYTES = 100;
const NO_HOOKS = { begin: async () => {}, end: async () => {} };
const LISTENERS = { listeners: 'PLAINTEXT://127.0.0.1:0' };

interface Case {
  readonly what: string;
  readonly connections: number;
  readonly inFlight: number;
  /** What each call takes beside the function's own work, ms. */
  readonly latencyMs: number;
  /** One tunnel for all connections, or one for each. */
  readonly tunnels: 'one' | 'each';
  /** Of the tunnel. */
  readonly settings?: Readonly<Record<string, string>>;
}

const LATENCY = { 'tidelog.profile': 'latency' };
const COST = { 'tidelog.profile': 'cost' };

const CASES: readonly Case[] = [
  { what: 'one at a time', connections: 1, inFlight: 1, latencyMs: 0, tunnels: 'one' },
  { what: 'one tunnel, profile default', connections: 10, inFlight: 1, latencyMs: 20, tunnels: 'one' },
  ...[0, 20, 100].flatMap((latencyMs): Case[] => [
    { what: 'a tunnel each', connections: 10, inFlight: 5, latencyMs, tunnels: 'each' },
    { what: 'one tunnel, profile default', connections: 10, inFlight: 5, latencyMs, tunnels: 'one' },
    { what: 'one tunnel, profile latency', connections: 10, inFlight: 5, latencyMs, tunnels: 'one', settings: LATENCY },
  ]),
  { what: 'one tunnel, profile cost', connections: 10, inFlight: 5, latencyMs: 20, tunnels: 'one', settings: COST },
];

const portOf = (bootstrap: string) => Number(bootstrap.split(':').at(-1));

function load(port: number, topic: string, connections: number, inFlight: number): Promise<LoadResult> {
  const producerIds = Array.from({ length: connections }, (_, index) => 1_000_000 + port * 100 + index);
  const shape = { recordBytes: RECORD_BYTES, recordsPerBatch: 1, inFlight };
  return runProduceLoad(
    { port, topic, producerIds, ...shape, warmUpMs: WARM_UP_MS, durationMs: DURATION_MS },
    NO_HOOKS,
  );
}

async function prepareTopic(port: number, name: string, partitions: number): Promise<void> {
  const client = await TcpClient.connect({ host: '127.0.0.1', port });
  await createTopic(client, name, { partitions });
  client.close();
}

async function openTunnel(standIn: FunctionStandIn, settings: Readonly<Record<string, string>> = {}): Promise<Tunnel> {
  const read = readVia(standIn.url, false);
  if (read.kind !== 'via') throw new Error(read.problem);
  return startTunnel({
    settings: settingsOf({ ...LISTENERS, ...settings }),
    via: read.via,
    region: STAND_IN_ENVIRONMENT.AWS_REGION,
    logger: silentLogger,
    clock: systemClock,
  });
}

async function runCase({ what, connections, inFlight, latencyMs, tunnels: kind, settings }: Case): Promise<string> {
  const standIn = await startFunctionStandIn({ latencyMs });
  const count = kind === 'one' ? 1 : connections;
  const tunnels = await Promise.all(Array.from({ length: count }, () => openTunnel(standIn, settings)));
  const ports = tunnels.map(({ bootstrapServers }) => portOf(bootstrapServers));
  for (const [index, port] of ports.entries()) await prepareTopic(port, `t${index}`, connections / count);
  standIn.calls.length = 0;
  const results = await Promise.all(ports.map((port, index) => load(port, `t${index}`, connections / count, inFlight)));
  const produces = standIn.calls.filter(({ name, frames }) => name === 'produce' && frames > 0);
  const batches = produces.reduce((sum, { frames }) => sum + frames, 0);
  for (const tunnel of tunnels) await tunnel.close();
  await standIn.stop();
  const perSecond = results.reduce((sum, { recordsPerSecond }) => sum + recordsPerSecond, 0);
  const worst = (pick: (result: LoadResult) => number) => Math.max(...results.map(pick)).toFixed(1);
  const cells = [
    ...[
      what,
      connections,
      inFlight,
      latencyMs,
      perSecond.toFixed(0),
      worst(({ p50Ms }) => p50Ms),
      worst(({ p99Ms }) => p99Ms),
    ],
    ...[(batches / produces.length).toFixed(1), (produces.length / batches).toFixed(2)],
  ];
  return `| ${cells.join(' | ')} |`;
}

/** The same engine, store and load without functions: what is left of a difference is the way there. */
async function runDirect(): Promise<string> {
  const settings = settingsOf({ ...LISTENERS, 'tidelog.store': 'memory' });
  const tidelog = await startTidelog({ settings, logger: silentLogger });
  const port = portOf(tidelog.bootstrapServers);
  await prepareTopic(port, 't0', 1);
  const { recordsPerSecond, p50Ms, p99Ms } = await load(port, 't0', 1, 1);
  await tidelog.close();
  return `| no tunnel, engine in the process | 1 | 1 | | ${recordsPerSecond.toFixed(0)} | ${p50Ms.toFixed(2)} | ${p99Ms.toFixed(2)} | | |`;
}

/** One call of the function after the other without a tunnel: what is left of a difference is the tunnel itself. */
async function runCalls(): Promise<string> {
  const standIn = await startFunctionStandIn();
  const tunnel = await openTunnel(standIn);
  await prepareTopic(portOf(tunnel.bootstrapServers), 't0', 1);
  await tunnel.close();
  const read = readVia(standIn.url, false);
  if (read.kind !== 'via') throw new Error(read.problem);
  const transport = await openTransport(read.via, STAND_IN_ENVIRONMENT.AWS_REGION, systemClock);
  const request = produceRequest({ name: 't0', id: '' }, batchOf(['x'.repeat(RECORD_BYTES)]));
  const frame = Buffer.concat(encodeRequest(ApiKey.Produce, 9, 1, 'bench', request)).subarray(SIZE_PREFIX_BYTES);
  const advertised = { host: '127.0.0.1', port: 9092 };
  const envelope = encodeRequestEnvelope({ listener: 'PLAINTEXT', advertised, frames: [{ frame, host: '127.0.0.1' }] });
  const samples = new Samples();
  const startedAt = performance.now();
  for (let now = startedAt; now < startedAt + WARM_UP_MS + DURATION_MS; now = performance.now()) {
    const outcome = await transport.call('produce', envelope);
    if (outcome.kind !== 'answered') throw new Error(outcome.message);
    if (now > startedAt + WARM_UP_MS) samples.add(performance.now() - now);
  }
  transport.close();
  await standIn.stop();
  const sorted = samples.sorted();
  const perSecond = ((samples.count * 1_000) / DURATION_MS).toFixed(0);
  const quantiles = [0.5, 0.99].map((share) => quantile(sorted, share).toFixed(1)).join(' | ');
  return `| no tunnel, the function called | 1 | 1 | 0 | ${perSecond} | ${quantiles} | 1.0 | 1.00 |`;
}

Object.assign(process.env, STAND_IN_ENVIRONMENT);
console.log(
  '| case | connections | in flight each | ms per call | batches/s | p50 ms | p99 ms | batches per call | calls per batch |',
);
console.log('|---|---|---|---|---|---|---|---|---|');
console.log(await runDirect());
console.log(await runCalls());
for (const one of CASES) console.log(await runCase(one));
console.log(`\nload average ${loadavg()[0]!.toFixed(1)}, Node ${process.version}`);
