import { ApiKey } from '../../lib/wire/apis.ts';
import { TcpClient } from './kafka-client.ts';
import { batchOf, produceRequest } from './requests.ts';

/**
 * A client of the ordinary kind in a process of its own, so that nothing but the broker delays it:
 * `node --import tsx good-client.ts HOST PORT TOPIC GROUP`. Joins the group, then sends a heartbeat and a record in turn
 * until its standard input ends, and prints a GoodClientReport.
 */
export interface GoodClientReport {
  /** How long each request took, in ms, in the order in which they were sent. */
  readonly durations: readonly number[];
  /** How much slower than at its best this machine did a fixed piece of work in between, on average; 1 on an idle machine. */
  readonly slowdown: number;
  /** Requests that were answered with an error. */
  readonly errors: readonly number[];
}

/** Between two requests; ms. */
const PAUSE_MS = 10;

/** Requests between two looks at how fast the machine is. */
const REQUESTS_PER_LOOK = 5;

/** Requests before the first one that counts: by then both sides have compiled what they run. */
const WARM_UP = 100;

/** Some milliseconds of work. */
const SPINS = 2_000_000;

function spin(): number {
  const began = performance.now();
  let sum = 0;
  for (let i = 0; i < SPINS; i++) sum = (sum * 31 + i) | 0;
  return performance.now() - began + (sum === 0.5 ? 1 : 0);
}

async function main([host, port, topic, groupId]: readonly string[]): Promise<void> {
  const client = await TcpClient.connect({ host: host!, port: Number(port) });
  const memberId = await join(client, groupId!);
  const name = { name: topic!, id: '' };
  const spins: number[] = [];
  const durations: number[] = [];
  const errors: number[] = [];
  for (let warm = 0; warm < REQUESTS_PER_LOOK; warm++) spin();
  const send = async (i: number) => {
    if (i % 2 === 0) {
      const body = { groupId: groupId!, generationId: 1, memberId };
      return (await client.ask(ApiKey.Heartbeat, 4, body)).errorCode;
    }
    const answer = await client.ask(ApiKey.Produce, 9, produceRequest(name, batchOf([String(i)])));
    return answer.responses[0]!.partitionResponses[0]!.errorCode;
  };
  for (let i = 0; i < WARM_UP; i++) await send(i);
  let isOver = false;
  process.stdin.on('end', () => {
    isOver = true;
  });
  process.stdin.resume();
  process.stdout.write('ready\n');
  for (let i = 0; !isOver; i++) {
    if (i % REQUESTS_PER_LOOK === 0) spins.push(spin());
    const began = performance.now();
    const error = await send(i);
    durations.push(performance.now() - began);
    if (error !== 0) errors.push(error);
    await new Promise((resume) => setTimeout(resume, PAUSE_MS));
  }
  const mean = spins.reduce((sum, one) => sum + one, 0) / spins.length;
  const report: GoodClientReport = { durations, errors, slowdown: mean / Math.min(...spins) };
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exit(0);
}

/** Becomes the only member of a classic group; its member id. */
async function join(client: TcpClient, groupId: string): Promise<string> {
  const request = {
    groupId,
    sessionTimeoutMs: 300_000,
    rebalanceTimeoutMs: 300_000,
    memberId: '',
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
  };
  const { memberId } = await client.ask(ApiKey.JoinGroup, 5, request);
  const joined = await client.ask(ApiKey.JoinGroup, 5, { ...request, memberId });
  if (joined.errorCode !== 0) throw new Error(`JoinGroup: ${joined.errorCode}`);
  const assignments = [{ memberId, assignment: Buffer.alloc(0) }];
  await client.ask(ApiKey.SyncGroup, 3, { groupId, generationId: 1, memberId, assignments });
  return memberId;
}

await main(process.argv.slice(2));
