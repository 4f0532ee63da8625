import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BrokerProcess, startGatewayProcess } from '../support/broker-process.ts';
import { type FunctionStandIn, STAND_IN_ENVIRONMENT, startFunctionStandIn } from '../support/function-stand-in.ts';
import { produceTrouble } from '../support/function-trouble.ts';
import { kafkajsClient } from '../support/kafkajs-client.ts';
import { kcat, kcatRead } from '../support/kcat.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { haveKcat } from '../support/tools.ts';

const LINES = 3_000;
/** Small batches, so that many requests are on their way at once. */
const KCAT_BATCHES = ['-X', 'batch.num.messages=20', '-X', 'linger.ms=0', '-X', 'queue.buffering.max.messages=100000'];

/** Calls that went wrong since the test began. */
let troubled = 0;
const count = () => {
  troubled++;
};

describe('through a tunnel whose calls get lost', () => {
  let standIn: FunctionStandIn;
  let tunnel: BrokerProcess;

  beforeAll(async () => {
    standIn = await startFunctionStandIn({ latencyMs: 3 });
    tunnel = await startGatewayProcess(['--via', standIn.url], STAND_IN_ENVIRONMENT);
  });

  beforeEach(() => {
    troubled = 0;
  });

  afterEach(() => {
    standIn.fault = undefined;
    expect(troubled).toBeGreaterThan(5);
  });

  afterAll(async () => {
    await tunnel.stop();
    await standIn.stop();
  });

  describe.skipIf(!haveKcat())('kcat', () => {
    it.each([1, 2, 3])('with idempotence loses, doubles and swaps nothing (seed %i)', async (seed) => {
      const lines = Array.from({ length: LINES }, (_, index) => `${seed}-${index}`);
      const topic = `faults-kcat-${seed}`;
      standIn.fault = produceTrouble(seededRandom(seed), count);
      const args = ['-P', '-t', topic, ...KCAT_BATCHES, '-X', 'enable.idempotence=true', '-X', 'retry.backoff.ms=20'];
      await kcat(tunnel, [...args, '-X', 'log_level=0'], { stdin: `${lines.join('\n')}\n` });
      standIn.fault = undefined;
      await standIn.idle();
      expect((await kcatRead(tunnel, topic)).map(({ value }) => value)).toEqual(lines);
    });

    it('without idempotence loses nothing', async () => {
      const lines = Array.from({ length: 1_000 }, (_, index) => `plain-${index}`);
      await kcat(tunnel, ['-P', '-t', 'faults-plain'], { stdin: 'first\n' });
      standIn.fault = produceTrouble(seededRandom(9), count);
      const args = ['-P', '-t', 'faults-plain', ...KCAT_BATCHES, '-X', 'retries=100', '-X', 'retry.backoff.ms=20'];
      // Several runs, as merging leaves one only a handful of calls that could go wrong.
      for (let start = 0; start < lines.length; start += 100) {
        const stdin = `${lines.slice(start, start + 100).join('\n')}\n`;
        await kcat(tunnel, [...args, '-X', 'log_level=0'], { stdin });
      }
      standIn.fault = undefined;
      await standIn.idle();
      const read = (await kcatRead(tunnel, 'faults-plain')).map(({ value }) => value);
      expect(new Set(read)).toEqual(new Set(['first', ...lines]));
    });
  });

  it('kafkajs with idempotence loses, doubles and swaps nothing', async () => {
    const kafka = kafkajsClient(tunnel);
    const producer = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      retry: { retries: 50, maxRetryTime: 200 },
    });
    await producer.connect();
    const values = Array.from({ length: 300 }, (_, index) => `value ${index}`);
    await producer.send({ topic: 'faults-kafkajs', messages: [{ value: 'first' }] });
    standIn.fault = produceTrouble(seededRandom(4), count);
    for (const value of values) await producer.send({ topic: 'faults-kafkajs', messages: [{ value }] });
    standIn.fault = undefined;
    await producer.disconnect();
    await standIn.idle();
    expect((await kcatRead(tunnel, 'faults-kafkajs')).map(({ value }) => value)).toEqual(['first', ...values]);
  });

  it('reads and groups go on', async () => {
    const random = seededRandom(5);
    standIn.fault = () => {
      const chance = random.next();
      if (chance < 0.2) troubled++;
      return chance < 0.1 ? { kind: 'dropAfter' } : chance < 0.2 ? { kind: 'status', status: 503 } : undefined;
    };
    const kafka = kafkajsClient(tunnel);
    const consumer = kafka.consumer({
      groupId: 'faults',
      maxBytesPerPartition: 500,
      retry: { retries: 50, maxRetryTime: 300 },
    });
    const seen: string[] = [];
    await consumer.connect();
    await consumer.subscribe({ topics: ['faults-kafkajs'], fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message }) => {
        seen.push(String(message.value));
      },
    });
    const giveUpAt = Date.now() + 60_000;
    while (seen.length < 301 && Date.now() < giveUpAt) await new Promise((resolve) => setTimeout(resolve, 50));
    standIn.fault = undefined;
    await consumer.disconnect();
    expect(new Set(seen).size).toBe(301);
  });
});
