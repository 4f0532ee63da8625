import { PublishVersionCommand } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ERROR_CODES } from '../../lib/core/errors.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { batchesIn, batchOf, createTopic, fetch, produce, recordsIn, type TopicName } from '../support/requests.ts';
import { InvokeClient, lambdaClient } from './invoke-client.ts';

const deployed = inject('deployed');
const INSTANCES = 20;
const BATCHES_EACH = 3;

/**
 * MiniStack runs one instance of each version of a function. Twenty versions are twenty processes, each with an engine and a
 * view of its own, all on one journal.
 */
describe.runIf(inject('isMinistack'))(`${INSTANCES} instances of the function that produces`, () => {
  const { functionPrefix = '' } = deployed ?? {};
  let client: ReturnType<typeof lambdaClient>;
  let topic: TopicName;
  let versions: readonly string[];

  beforeAll(async () => {
    client = lambdaClient(deployed!);
    topic = await createTopic(new InvokeClient(client, functionPrefix), 'many-writers');
    const FunctionName = `${functionPrefix}-produce`;
    const published: string[] = [];
    // One after the other: MiniStack, as AWS, numbers them.
    for (let index = 0; index < INSTANCES; index++) {
      published.push((await client.send(new PublishVersionCommand({ FunctionName }))).Version!);
    }
    versions = published;
  });

  afterAll(() => client?.destroy());

  it('append to one journal at once as idempotent producers: no record lost or doubled', async () => {
    // Elsewhere, versions of the same code are one; then this would not be twenty instances.
    expect(new Set(versions).size).toBe(INSTANCES);
    const startedAt = performance.now();
    const written = await Promise.all(versions.map((version) => writeAll(version)));
    const durationMs = Math.round(performance.now() - startedAt);
    const retries = written.reduce((sum, { timeouts }) => sum + timeouts, 0);
    process.stderr.write(
      `${INSTANCES} instances, ${BATCHES_EACH} batches each, on MiniStack: ${durationMs} ms, ${retries} sent again\n`,
    );
    const expected = versions.flatMap((version, i) => written[i]!.offsets.map((at, k) => [at, textOf(version, k)]));
    expect(await readAll()).toEqual(Object.fromEntries(expected));
  });

  const textOf = (version: string, index: number) => `batch ${index} of version ${version}`;

  /** The offsets that an instance was told, in the order of its batches, and how often it asked for more time. */
  async function writeAll(version: string): Promise<{ offsets: number[]; timeouts: number }> {
    const instance = new InvokeClient(client, functionPrefix, version);
    const coordinator = new InvokeClient(client, functionPrefix);
    const { producerId, producerEpoch } = await coordinator.ask(ApiKey.InitProducerId, 4, {
      transactionalId: null,
      transactionTimeoutMs: 60_000,
    });
    const offsets: number[] = [];
    let timeouts = 0;
    while (offsets.length < BATCHES_EACH) {
      const sequence = { producerId, producerEpoch, baseSequence: offsets.length };
      const batch = batchOf([textOf(version, offsets.length)], sequence);
      const { errorCode, baseOffset } = await produce(instance, topic, batch);
      // Twenty processes share the machine with MiniStack, so time may run out; what a producer does then is send again.
      if (errorCode === ERROR_CODES.REQUEST_TIMED_OUT) timeouts++;
      else {
        expect(errorCode).toBe(0);
        offsets.push(baseOffset);
      }
    }
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    return { offsets, timeouts };
  }

  /** All values by their offsets. */
  async function readAll(): Promise<Record<number, string>> {
    const reader = new InvokeClient(client, functionPrefix);
    const found: Record<number, string> = {};
    for (let offset = 0; offset < INSTANCES * BATCHES_EACH; ) {
      const { errorCode, records } = await fetch(reader, topic, { offset });
      expect(errorCode).toBe(0);
      const read = recordsIn(records);
      expect(read.length).toBeGreaterThan(0);
      // One record is in each batch.
      for (const [index, { header }] of batchesIn(records).entries()) {
        found[header.baseOffset] = String(read[index]!.value);
        offset = header.baseOffset + 1;
      }
    }
    return found;
  }
});
