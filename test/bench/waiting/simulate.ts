import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { FRAME_FUNCTIONS, type FrameFunction } from '../../../lib/broker/apis.ts';
import { silentLogger } from '../../../lib/core/logger.ts';
import type { LambdaHandler } from '../../../lib/doors/lambda/handler.ts';
import { WAITING_PACES } from '../../../lib/doors/tunnel/pace.ts';
import { TailWatch } from '../../../lib/doors/tunnel/tail-watch.ts';
import type { CallOutcome, Transport } from '../../../lib/doors/tunnel/transport.ts';
import { tunnelHandler } from '../../../lib/doors/tunnel/tunnel.ts';
import { composeFrameFunction } from '../../../lib/run/compose-function.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { awsLatency } from '../../simulation/latencies.ts';
import { bodyOf } from '../../support/function-calls.ts';
import { clientOf, DEFINITIONS, FUNCTION_ENVIRONMENT, startFunctions } from '../../support/functions.ts';
import { EngineClient } from '../../support/kafka-client.ts';
import { batchOf, createTopic, produce } from '../../support/requests.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { Bill, noRequests, plus, type Requests } from '../costs/bill.ts';
import { Consumer } from './consumer.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

/** What a call takes on its way, there and back, beside the function's own time; ms. */
const WAY_MS = { lambda: 10, http: 20 } as const;

/**
 * What a warm function is assumed to compute for a call, beside its waits for the stores: 1.5 ms of a
 * CPU, of which a function of 256 MB has 14 %. Not measured; ms.
 */
const CPU_MS = 10;

export type Profile = 'latency' | 'default' | 'cost';

export interface Case {
  readonly consumers: number;
  readonly profile: Profile;
  /** How functions are called. `tail`: by Lambda, and the tunnel reads the journal table itself. */
  readonly way: 'lambda' | 'http' | 'tail';
  /** Of one partition after the other; none for an idle topic. Records come from outside the tunnel. */
  readonly recordEveryMs?: number;
  /** Virtual time before the count begins, in which silence grows old; ms. */
  readonly warmUpMs: number;
  /** Virtual time that is counted; ms. */
  readonly durationMs: number;
}

export interface Figures {
  /** Calls of each function. */
  readonly calls: Readonly<Record<FrameFunction, number>>;
  /** Time that the functions were billed for, in ms, each call rounded up. */
  readonly billedMs: Readonly<Record<FrameFunction, number>>;
  readonly longestMs: number;
  readonly stores: Requests;
  /** From the producer's request to the consumer's answer, ascending; ms. */
  readonly latencies: readonly number[];
}

/**
 * Consumers of one group behind one tunnel, each with a partition of its own, over functions as Lambda
 * has them: an instance serves one call at a time. Stores answer as AWS's do. Time is virtual.
 */
export async function simulate(of: Case): Promise<Figures> {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const bill = new Bill(clock);
  const base = memoryStores({ clock, random, latency: awsLatency });
  const stores = bill.watch(base);
  const counted = { calls: zeros(), billedMs: zeros(), longestMs: 0 };
  const idle = new Map<FrameFunction, LambdaHandler[]>(FRAME_FUNCTIONS.map((name) => [name, []]));
  const environment = { ...FUNCTION_ENVIRONMENT, TIDELOG_PROFILE: of.profile };
  const wait = (ms: number) => new Promise<void>((resolve) => clock.setTimer(ms, resolve));
  const transport: Transport = {
    target: 'simulated',
    permission: 'none',
    describe: (name) => name,
    close: () => {},
    async call(name, envelope): Promise<CallOutcome> {
      const way = WAY_MS[of.way === 'http' ? 'http' : 'lambda'];
      await wait(way / 2);
      const handler =
        idle.get(name)!.pop() ??
        composeFrameFunction(DEFINITIONS[name], { environment, stores, clock, random, logger: silentLogger });
      const begun = clock.monotonic();
      const answer = await handler({ tidelog: 'frames', body: envelope.toString('base64') }, { awsRequestId: 'one' });
      await wait(CPU_MS);
      const took = Math.ceil(clock.monotonic() - begun);
      idle.get(name)!.push(handler);
      counted.calls[name]++;
      counted.billedMs[name] += took;
      counted.longestMs = Math.max(counted.longestMs, took);
      await wait(way / 2);
      return { kind: 'answered', body: bodyOf(answer) };
    },
  };
  const handle = tunnelHandler({
    transport,
    clock,
    random,
    logger: silentLogger,
    advertised: () => ({ host: 'localhost', port: 9092 }),
    pace: { intervalMs: 0, flights: 2 },
    transactionVersion: 2,
    waiting: WAITING_PACES[of.profile]!,
    tails: of.way === 'tail' ? new TailWatch(stores.journal, silentLogger) : undefined,
  });
  // Writes past the tunnel, and past the bill.
  const elsewhere = clientOf(startFunctions({ stores: base, clock, random }));
  const topic = await settled(clock, createTopic(elsewhere, 'events', { partitions: of.consumers }));
  const sentAt = new Map<string, number>();
  const latencies: number[] = [];
  const received = (value: string) => latencies.push(clock.monotonic() - sentAt.get(value)!);
  const consumers: Consumer[] = [];
  for (let partition = 0; partition < of.consumers; partition++) {
    const client = new EngineClient(handle);
    consumers.push(new Consumer({ client, clock, topic, partition, received }));
  }
  const send = async () => {
    for (let sent = 0; ; sent++) {
      // Not in step with anything.
      await wait(of.recordEveryMs! * (0.5 + random.next()));
      const value = `${sent}`;
      sentAt.set(value, clock.monotonic());
      const batch = batchOf([value], { timestamp: clock.now() });
      const { errorCode } = await produce(elsewhere, topic, batch, { partition: sent % of.consumers });
      if (errorCode !== 0) throw new Error(`a record was answered with error ${errorCode}`);
    }
  };
  const failures: unknown[] = [];
  for (const consumer of consumers) consumer.run().catch((error: unknown) => failures.push(error));
  if (of.recordEveryMs !== undefined) send().catch((error: unknown) => failures.push(error));
  // The engine loads modules when it first needs them, which takes turns of the event loop.
  for (let warmed = 0; warmed < MINUTE_MS; warmed += SECOND_MS) {
    await clock.advance(SECOND_MS);
    await turnOfLoop();
  }
  await clock.advance(Math.max(0, of.warmUpMs - MINUTE_MS));
  latencies.length = 0;
  const before = { calls: { ...counted.calls }, billedMs: { ...counted.billedMs }, requests: sumOf(bill) };
  counted.longestMs = 0;
  await clock.advance(of.durationMs);
  if (failures.length > 0) throw failures[0];
  const since = (now: Record<FrameFunction, number>, then: Record<FrameFunction, number>) =>
    Object.fromEntries(FRAME_FUNCTIONS.map((name) => [name, now[name] - then[name]])) as Record<FrameFunction, number>;
  return {
    calls: since(counted.calls, before.calls),
    billedMs: since(counted.billedMs, before.billedMs),
    longestMs: counted.longestMs,
    stores: plus(sumOf(bill), before.requests, -1),
    latencies: latencies.sort((a, b) => a - b),
  };
}

/** What a promise comes to while virtual time passes, in which modules are loaded as well. */
async function settled<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settling = promise.finally(() => {
    isSettled = true;
  });
  while (!isSettled) {
    await clock.advance(100);
    await turnOfLoop();
  }
  return settling;
}

function sumOf(bill: Bill): Requests {
  return [...bill.requests().values()].reduce((sum, requests) => plus(sum, requests), noRequests());
}

function zeros(): Record<FrameFunction, number> {
  return { produce: 0, fetch: 0, coordinate: 0, admin: 0 };
}
