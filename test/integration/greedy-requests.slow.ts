import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SERVED } from '../../lib/broker/served.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import type { GoodClientReport } from '../support/good-client.ts';
import { greedyRequests, type Known } from '../support/greedy-requests.ts';
import { requestFrame, TcpClient } from '../support/kafka-client.ts';
import { scaled } from '../support/machine.ts';
import { programArguments } from '../support/programs.ts';
import { RawClient } from '../support/raw-client.ts';
import { createTopic } from '../support/requests.ts';

const MIB = 1024 * 1024;
const RESIDENT_BYTES_MAX = 500 * MIB;
/** What a request of a good client may take while others are greedy: the 99th percentile, on a machine that is idle. */
const GOOD_MS_MAX = 250;
/** A machine that is slower than that proves nothing. */
const SLOWDOWN_MAX = 4;
const GREEDY_FRAME_BYTES = 128 * 1024;
const GREEDY_CLIENTS = 4;
/** How long the greedy are at it at least, so that there is something to be measured; ms. */
const GREEDY_MS_MIN = 3_000;
const TEST_MS_MAX = scaled(600_000);

const PARTITIONS = 10_000;
const OFFSETS = 2_000;

/** The APIs whose requests name one thing only. */
const WITHOUT_ARRAYS = [
  ApiKey.Heartbeat,
  ApiKey.ApiVersions,
  ApiKey.InitProducerId,
  ApiKey.AddOffsetsToTxn,
  ApiKey.EndTxn,
  ApiKey.DescribeCluster,
].sort();

const folder = temporaryFolder();
let broker: BrokerProcess;
let known: Known;

beforeAll(async () => {
  broker = await startBrokerProcess(folder.path);
  const client = await TcpClient.connect(broker);
  const topic = await createTopic(client, 'greedy', { partitions: PARTITIONS });
  await createTopic(client, 'good');
  const partitions = Array.from({ length: OFFSETS }, (_, partitionIndex) => ({
    partitionIndex,
    committedOffset: 1,
    committedMetadata: '',
  }));
  const commit = { groupId: 'greedy', generationIdOrMemberEpoch: -1, memberId: '' };
  await client.ask(ApiKey.OffsetCommit, 8, { ...commit, topics: [{ name: topic.name, partitions }] });
  client.close();
  known = { topic, group: 'greedy' };
}, scaled(120_000));

afterAll(async () => {
  await broker.kill();
  folder.remove();
});

interface Greedy {
  readonly title: string;
  readonly frame: Buffer;
}

/** Sends all these requests, a few at a time, again and again until they took some seconds. */
async function sendAll(requests: readonly Greedy[]): Promise<void> {
  const until = performance.now() + GREEDY_MS_MIN;
  let next = 0;
  const client = async () => {
    for (; next < requests.length || performance.now() < until; ) {
      const request = requests[next++ % requests.length]!;
      const raw = await RawClient.connect(broker);
      await raw.sendFrame(request.frame);
      await raw.receive();
      raw.reset();
    }
  };
  await Promise.all(Array.from({ length: GREEDY_CLIENTS }, client));
}

/** Does something while a good client is at work in a process of its own; how it fared. */
async function besideGoodClient(group: string, work: () => Promise<unknown>): Promise<GoodClientReport> {
  const command = [...programArguments('test/support/good-client.ts'), broker.host, String(broker.port), 'good', group];
  const child = spawn(process.execPath, command, { stdio: ['pipe', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  while (!out.includes('ready\n')) await once(child.stdout, 'data');
  await work();
  child.stdin.end();
  await once(child, 'exit');
  return JSON.parse(out.slice('ready\n'.length)) as GoodClientReport;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

/** The most memory that the broker has had so far; bytes. */
function peakBytes(): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${broker.pid}/status`, 'utf8'))?.[1]) * 1024;
}

function expectUnharmed({ durations, errors, slowdown }: GoodClientReport): void {
  const goodMs = percentile(durations, 0.99);
  const peak = peakBytes();
  process.stdout.write(
    `good client: p99 ${Math.round(goodMs)} ms, machine slower by ${slowdown.toFixed(1)}; broker at most ${Math.round(peak / MIB)} MiB\n`,
  );
  expect(broker.running).toBe(true);
  expect(errors).toEqual([]);
  // A machine that others use as well is slow for the broker, too.
  expect(goodMs).toBeLessThan(GOOD_MS_MAX * Math.min(slowdown, SLOWDOWN_MAX));
  expect(peak).toBeLessThan(RESIDENT_BYTES_MAX);
  expect(broker.log.filter(({ event }) => event === 'handler_failed')).toEqual([]);
}

function shown(): Greedy[] {
  const ids = Array.from({ length: 20_000 }, (_, index) => `unknown-${index}`);
  const { name } = known.topic;
  const frame = requestFrame;
  return [
    {
      title: 'Metadata of one topic of 10,000 partitions 4,000 times',
      frame: frame(ApiKey.Metadata, 9, 1, { topics: Array.from({ length: 4_000 }, () => ({ name })) }),
    },
    {
      title: 'OffsetFetch of one group 2,000 times',
      frame: frame(ApiKey.OffsetFetch, 8, 1, {
        groups: Array.from({ length: 2_000 }, () => ({ groupId: known.group, topics: null })),
      }),
    },
    { title: 'DescribeGroups of 20,000 ids', frame: frame(ApiKey.DescribeGroups, 5, 1, { groups: ids }) },
    { title: 'DeleteGroups of 20,000 ids', frame: frame(ApiKey.DeleteGroups, 2, 1, { groupsNames: ids }) },
    {
      title: 'DescribeGroups of 499,000 empty ids',
      frame: frame(ApiKey.DescribeGroups, 5, 1, { groups: Array.from({ length: 499_000 }, () => '') }),
    },
    {
      title: 'DescribeConfigs of one topic 10,000 times',
      frame: frame(ApiKey.DescribeConfigs, 4, 1, {
        resources: Array.from({ length: 10_000 }, () => ({
          resourceType: 2,
          resourceName: name,
          configurationKeys: null,
        })),
        includeSynonyms: true,
        includeDocumentation: true,
      }),
    },
  ];
}

it.each([0, 1, 2, 3, 4, 5])(
  'small requests that name a lot delay nobody and take little memory (%i)',
  async (index) => {
    const one = shown()[index]!;
    const report = await besideGoodClient(`good-${index}`, () =>
      sendAll(Array.from({ length: GREEDY_CLIENTS }, () => one)),
    );
    expectUnharmed(report);
  },
  TEST_MS_MAX,
);

it(
  'no API, in its largest and most repetitive requests, delays others or takes much memory',
  async () => {
    const requests = greedyRequests(known, GREEDY_FRAME_BYTES, (key) => SERVED.get(key)!.elementsMax);
    const named = new Set(requests.map(({ apiKey }) => apiKey));
    expect([...SERVED.keys()].filter((key) => !named.has(key)).sort()).toEqual(WITHOUT_ARRAYS);
    const report = await besideGoodClient('good', () => sendAll(requests));
    expectUnharmed(report);
  },
  TEST_MS_MAX,
);
