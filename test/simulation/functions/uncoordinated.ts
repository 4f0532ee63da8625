import { type Random, randomInt } from '../../../lib/core/random.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { clientOf, type Functions, startFunctions } from '../../support/functions.ts';
import { batchOf, createTopic, fetch, produce, type TopicName, valuesIn } from '../../support/requests.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { awsLatency } from '../latencies.ts';

export interface LoadStep {
  readonly seed: number;
  /** Requests that come in per second, at random times, all together. */
  readonly ratePerSecond: number;
  readonly durationMs: number;
  readonly journals: number;
}

export interface LoadOutcome {
  readonly sent: number;
  /** Error codes that were answered. */
  readonly errors: readonly number[];
  readonly commits: number;
  readonly conflicts: number;
  readonly queries: number;
  /** Instances that were needed. */
  readonly instances: number;
  /** Of each answer, ascending; ms. */
  readonly latencies: readonly number[];
  /** Values that are there twice, or were acknowledged and are not there. */
  readonly wrong: readonly string[];
}

/** As in a function's context: what is not answered by then is lost. */
const DRAIN_MS = 60_000;

/** Partitions that the requests are spread on; each has a journal of its own where there are so many. */
const PARTITIONS = 8;

/**
 * Requests at random times to instances of the function `produce`, as Lambda has them: each instance serves one at a time, the one
 * that ended last gets the next, and when all are busy one more is started. The store answers as AWS's do; time is virtual.
 */
export async function runLoad(step: LoadStep): Promise<LoadOutcome> {
  const clock = new VirtualClock();
  const random = seededRandom(step.seed);
  const stores = memoryStores({ clock, random, latency: awsLatency });
  const admin = startFunctions({ stores, clock, random, environment: { TIDELOG_JOURNALS: `${step.journals}` } });
  const topic = await until(clock, createTopic(clientOf(admin), 'loaded', { partitions: PARTITIONS }));
  const idle: Functions[] = [];
  const started: Functions[] = [];
  const latencies: number[] = [];
  const errors: number[] = [];
  const acknowledged: string[] = [];
  let sent = 0;
  let answered = 0;

  const request = async (): Promise<void> => {
    const value = `${sent++}`;
    let instance = idle.pop();
    if (instance === undefined) {
      const client = stores.client({ clock, name: `instance ${started.length}` });
      instance = startFunctions({ stores: client, clock, random: seededRandom(randomInt(random, 0, 2 ** 48)) });
      started.push(instance);
    }
    const at = clock.monotonic();
    const batch = batchOf([value], { timestamp: clock.now() });
    const { errorCode } = await produce(clientOf(instance), topic, batch, { partition: Number(value) % PARTITIONS });
    latencies.push(clock.monotonic() - at);
    if (errorCode === 0) acknowledged.push(value);
    else errors.push(errorCode);
    answered++;
    idle.push(instance);
  };
  const end = clock.monotonic() + step.durationMs;
  const arrive = () => {
    if (clock.monotonic() >= end) return;
    void request();
    clock.setTimer(untilNext(random, step.ratePerSecond), arrive);
  };
  arrive();
  await clock.runUntil(() => clock.monotonic() >= end && answered === sent, step.durationMs + DRAIN_MS);
  const totals = started.map(({ meters }) => meters.produce);
  const sum = (count: (meter: (typeof totals)[number]) => number) => totals.reduce((all, one) => all + count(one), 0);
  return {
    sent,
    errors: [...errors, ...Array.from({ length: sent - answered }, () => -1)],
    commits: sum((meter) => meter.totals('journal.put').outcomes.committed ?? 0),
    conflicts: sum((meter) => meter.totals('journal.put').outcomes.conflict ?? 0),
    queries: sum((meter) => meter.totals('journal.query').calls),
    instances: started.length,
    latencies: latencies.sort((a, b) => a - b),
    wrong: wrongValues(await until(clock, readAll(admin, topic)), acknowledged),
  };
}

/** Times between requests that come independently of each other; ms. */
function untilNext(random: Random, ratePerSecond: number): number {
  return (-Math.log(1 - random.next()) * 1_000) / ratePerSecond;
}

async function until<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let done = false;
  const settled = promise.finally(() => {
    done = true;
  });
  while (!done) {
    await clock.runUntil(() => done);
    // What a function does between its last timer and its answer is no timer.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return settled;
}

async function readAll(functions: Functions, topic: TopicName): Promise<string[]> {
  const values: string[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (let offset = 0; ; ) {
      const { records } = await fetch(clientOf(functions), topic, { partition, offset });
      const read = valuesIn(records);
      if (read.length === 0) break;
      values.push(...read);
      offset += read.length;
    }
  }
  return values;
}

function wrongValues(log: readonly string[], acknowledged: readonly string[]): string[] {
  const there = new Set(log);
  const doubled = log.filter((value, index) => log.indexOf(value) !== index);
  return [...doubled, ...acknowledged.filter((value) => !there.has(value))];
}
