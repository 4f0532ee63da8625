import type { Stores } from '../../lib/storage/ports.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { clientOf, type Functions, startFunctions } from './functions.ts';
import { batchOf, createTopic, fetch, produce, type TopicName, valuesIn } from './requests.ts';

export interface WritersOptions {
  /** The stores as one more instance reaches them. */
  readonly open: () => Stores;
  readonly writers: number;
  readonly requestsEach: number;
  readonly journals: number;
  /** Partitions; writers share them out among themselves. */
  readonly partitions: number;
}

export interface WritersResult {
  readonly topic: TopicName;
  /** Of each request, until its acknowledgement, ascending; ms. */
  readonly latencies: readonly number[];
  /** Error codes that were answered; the request was sent again. */
  readonly errors: readonly number[];
  readonly commits: number;
  readonly conflicts: number;
  readonly durationMs: number;
  /** By partition, in the order of the log. */
  readonly logs: readonly (readonly string[])[];
}

/** What Kafka's producers ask for by default (request.timeout.ms). */
const TIMEOUT_MS = 30_000;

/** Sent again so often, a request is given up. */
const ATTEMPTS_MAX = 5;

/**
 * Instances of the function `produce`, each with a request at a time, that nothing coordinates. Each is an idempotent producer of
 * its own, and sends what failed again. A request is a batch of one record that names its writer and number.
 */
export async function runWriters(options: WritersOptions): Promise<WritersResult> {
  const { writers, requestsEach, partitions } = options;
  const admin = startFunctions({ stores: options.open(), environment: { TIDELOG_JOURNALS: `${options.journals}` } });
  const topic = await createTopic(clientOf(admin), `journals-${options.journals}`, { partitions });
  const instances = Array.from({ length: writers }, () => startFunctions({ stores: options.open() }));
  const latencies: number[] = [];
  const errors: number[] = [];
  const start = performance.now();
  await Promise.all(
    instances.map(async (instance, writer) => {
      const { producerId } = await clientOf(admin).ask(ApiKey.InitProducerId, 4, {
        transactionalId: null,
        transactionTimeoutMs: 1,
      });
      for (let number = 0; number < requestsEach; number++) {
        const sequence = { producerId, producerEpoch: 0, baseSequence: number };
        const batch = batchOf([`${writer}/${number}`], sequence);
        const sent = performance.now();
        errors.push(...(await acknowledged(instance, topic, batch, writer % partitions)));
        latencies.push(performance.now() - sent);
      }
    }),
  );
  const durationMs = performance.now() - start;
  const outcomes = instances.map(({ meters }) => meters.produce.totals('journal.put').outcomes);
  const sum = (kind: string) => outcomes.reduce((total, one) => total + (one[kind] ?? 0), 0);
  const logs = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => readAll(admin, topic, partition)),
  );
  return {
    topic,
    latencies: latencies.sort((a, b) => a - b),
    errors,
    commits: sum('committed'),
    conflicts: sum('conflict'),
    durationMs,
    logs,
  };
}

/** The errors that came before the acknowledgement. */
async function acknowledged(
  instance: Functions,
  topic: TopicName,
  batch: Buffer,
  partition: number,
): Promise<number[]> {
  const errors: number[] = [];
  while (errors.length < ATTEMPTS_MAX) {
    const { errorCode } = await produce(clientOf(instance), topic, batch, { partition, timeoutMs: TIMEOUT_MS });
    if (errorCode === 0) return errors;
    errors.push(errorCode);
  }
  throw new Error(`given up after ${errors}`);
}

async function readAll(functions: Functions, topic: TopicName, partition: number): Promise<string[]> {
  const values: string[] = [];
  for (;;) {
    const { errorCode, records } = await fetch(clientOf(functions), topic, { partition, offset: values.length });
    if (errorCode !== 0) throw new Error(`fetch: ${errorCode}`);
    const read = valuesIn(records);
    if (read.length === 0) return values;
    values.push(...read);
  }
}
