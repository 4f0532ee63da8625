import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ApiKey } from '../../lib/wire/apis.ts';
import { encodeRequest } from '../../lib/wire/client-frame.ts';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { scaled } from '../support/machine.ts';
import { metricOf, WITH_METRICS } from '../support/metric.ts';
import { RawClient, withSize } from '../support/raw-client.ts';
import {
  batchOf,
  createTopic,
  fetch,
  fetchRequest,
  produce,
  produceRequest,
  type TopicName,
  valuesIn,
} from '../support/requests.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/waiting.ts';

const MIB = 1024 * 1024;
/** What all of the abuse below may add to the process, beside what 64 MiB of requests and as much cache may take. */
const GROWTH_BYTES_MAX = 400 * MIB;

const folder = temporaryFolder();
let broker: BrokerProcess;
let good: TcpClient;
let topic: TopicName;
let before: number;
const expected: string[] = [];

beforeAll(async () => {
  broker = await startBrokerProcess(folder.path, ['--socket-request-max-bytes', String(20 * MIB), ...WITH_METRICS]);
  good = await TcpClient.connect(broker);
  topic = await createTopic(good, 'kept');
  before = broker.residentBytes();
});

afterAll(async () => {
  good.close();
  await broker.stop();
  folder.remove();
});

let linesBefore = 0;
beforeEach(() => {
  linesBefore = broker.log.length;
});

/** What was logged of at least level warn in this test. */
function complaints() {
  return broker.log.slice(linesBefore).filter(({ level }) => level === 'warn' || level === 'error');
}

/** The same process serves a good client, and all of its records are there. */
async function expectWell(): Promise<void> {
  const value = `record ${expected.length}`;
  expect(await produce(good, topic, batchOf([value]))).toMatchObject({ errorCode: 0, baseOffset: expected.length });
  expected.push(value);
  expect(valuesIn((await fetch(good, topic)).records)).toEqual(expected);
  expect(broker.running).toBe(true);
}

/** Sends bytes on a connection of its own and expects it to be closed with one line that says why. */
async function expectClosed(bytes: Buffer, event: string, reason: RegExp): Promise<void> {
  const client = await RawClient.connect(broker);
  await client.send(bytes);
  await client.closed;
  await until(() => complaints().length > 0, 'a line in the log');
  expect(complaints()).toMatchObject([{ level: 'warn', event, reason: expect.stringMatching(reason) }]);
  await expectWell();
}

function frame<Key extends ApiKey>(key: Key, version: number, body: Parameters<typeof encodeRequest<Key>>[4]): Buffer {
  return Buffer.concat(encodeRequest(key, version, 1, 'bad', body));
}

function sized(size: number, ...rest: Buffer[]): Buffer {
  const head = Buffer.alloc(4);
  head.writeInt32BE(size);
  return Buffer.concat([head, ...rest]);
}

function header(key: number, version: number): Buffer {
  const bytes = Buffer.alloc(10);
  bytes.writeInt16BE(key, 0);
  bytes.writeInt16BE(version, 2);
  bytes.writeInt16BE(-1, 8);
  return bytes;
}

describe('what cannot be parsed closes the connection with one line', () => {
  it.each<[string, () => Buffer, string, RegExp]>([
    ['garbage', () => seededRandom(1).bytes(100_000), 'invalid_frame', /bytes/],
    ['a frame above the limit', () => sized(20 * MIB + 1), 'invalid_frame', /larger than socket.request.max.bytes/],
    ['a frame of the largest size', () => sized(2 ** 31 - 1), 'invalid_frame', /larger than socket.request.max.bytes/],
    ['an empty frame', () => sized(0), 'invalid_frame', /shorter than a request header/],
    ['an unknown API key', () => withSize(header(999, 0)), 'connection_refused_request', /unknown API key 999/],
    ['an API that is not served', () => withSize(header(50, 0)), 'connection_refused_request', /not served/],
    ['an unknown version', () => withSize(header(3, 99)), 'connection_refused_request', /version 99 of API key 3/],
    ['a body that is cut off', () => withSize(header(3, 9)), 'connection_refused_request', /malformed/],
    [
      'an array that claims two billion elements',
      () => withSize(Buffer.concat([header(3, 1), Buffer.from('7fffffff', 'hex')])),
      'connection_refused_request',
      /malformed/,
    ],
    [
      'a string of a negative length',
      () => withSize(Buffer.concat([header(3, 1), Buffer.from('00000001fff0', 'hex')])),
      'connection_refused_request',
      /malformed/,
    ],
  ])('%s', async (_, bytes, event, reason) => {
    await expectClosed(bytes(), event, reason);
  });

  it('a frame that is cut off by the end of the connection, without a line', async () => {
    const client = await RawClient.connect(broker);
    await client.send(frame(ApiKey.Metadata, 8, { topics: [] }).subarray(0, 9));
    client.end();
    await client.closed;
    await expectWell();
    expect(complaints().length).toBeLessThanOrEqual(1);
  });

  it('requests changed at random, whatever becomes of them', async () => {
    const random = seededRandom(7);
    const samples = [
      frame(ApiKey.Produce, 9, produceRequest(topic, batchOf(['x']), { acks: 5 })),
      frame(ApiKey.Fetch, 12, fetchRequest(topic)),
      frame(ApiKey.Metadata, 12, { topics: [{ name: 'kept' }], allowAutoTopicCreation: false }),
      frame(ApiKey.ListOffsets, 8, {
        replicaId: -1,
        topics: [{ name: 'kept', partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
      }),
    ];
    for (let round = 0; round < 400; round++) {
      const bytes = Buffer.from(samples[round % samples.length]!);
      // Not the size, key and version: those are the cases above.
      for (let change = 0; change <= round % 3; change++) {
        bytes[8 + Math.floor(random.next() * (bytes.length - 8))] = Math.floor(random.next() * 256);
      }
      const client = await RawClient.connect(broker);
      await client.send(bytes);
      client.end();
      await client.closed;
    }
    expect(complaints().filter(({ level }) => level === 'error')).toEqual([]);
    await expectWell();
  });
});

describe('a Produce with acks=0', () => {
  it('that is refused closes the connection with one line, and one that is not appends', async () => {
    const client = await TcpClient.connect(broker);
    const value = `record ${expected.length}`;
    await client.send(ApiKey.Produce, 9, produceRequest(topic, batchOf([value]), { acks: 0 }));
    // An answer to the next request shows that the first one was handled, and not answered.
    await client.ask(ApiKey.ApiVersions, 0, {});
    expected.push(value);
    await client.send(ApiKey.Produce, 9, produceRequest(topic, Buffer.alloc(100), { acks: 0 }));
    expect(await client.raw.closed).toBe('end');
    await until(() => complaints().length > 0, 'a line in the log');
    expect(complaints()).toMatchObject([
      { event: 'connection_refused_request', reason: expect.stringContaining('acks=0 failed') },
    ]);
    await expectWell();
  });
});

describe('what can be parsed is answered', () => {
  it('with CORRUPT_MESSAGE for a wrong CRC, and the connection stays', async () => {
    const batch = batchOf(['x']);
    batch.writeUInt32BE(1, 17);
    expect((await produce(good, topic, batch)).errorCode).toBe(2);
    await expectWell();
    expect(complaints()).toEqual([]);
  });

  it('with a closed connection for a million topics, at once', async () => {
    const topics = Array.from({ length: 1_000_000 }, (_, index) => ({ name: `t${index}` }));
    const start = performance.now();
    await expectClosed(frame(ApiKey.Metadata, 4, { topics }), 'connection_refused_request', /topics|elements/);
    expect(performance.now() - start).toBeLessThan(scaled(10_000));
  });

  it('for many topics that are not there, each with its error', async () => {
    const topics = Array.from({ length: 50_000 }, (_, index) => ({ name: `t${index}` }));
    const answer = await good.ask(ApiKey.Metadata, 8, { topics, allowAutoTopicCreation: false });
    expect(answer.topics).toHaveLength(50_000);
    expect(new Set(answer.topics.map(({ errorCode }) => errorCode))).toEqual(new Set([3]));
    await expectWell();
  });

  it('for a fetch of a hundred thousand partitions that are not there', async () => {
    const request = fetchRequest(
      topic,
      { maxWaitMs: 0 },
      Array.from({ length: 100_000 }, () => 0),
    );
    const { responses } = await good.ask(ApiKey.Fetch, 12, request);
    expect(responses[0]!.partitions.filter(({ errorCode }) => errorCode === 3)).toHaveLength(99_999);
    await expectWell();
  });
});

describe('slow readers', () => {
  it('hold no more than their bound, and the good client is served', async () => {
    const large = await createTopic(good, 'large');
    const incompressible = seededRandom(3).bytes(220_000).toString('hex');
    for (let count = 0; count < 20; count++) {
      expect((await produce(good, large, batchOf([incompressible]))).errorCode).toBe(0);
    }
    const slow = await Promise.all(Array.from({ length: 12 }, () => RawClient.connect(broker)));
    const ask = frame(ApiKey.Fetch, 12, fetchRequest(large, { partitionMaxBytes: 50 * MIB }));
    for (const client of slow) {
      client.stopReading();
      // Twenty answers of 18 MB each would be 4 GB in all.
      for (let count = 0; count < 20; count++) await client.send(ask);
    }
    // Some of the answers are ready and do not leave; the memory for them is full, or nobody asks for more.
    await expect
      .poll(() => metricOf(broker, 'tidelog_answer_memory_bytes'), { timeout: scaled(20_000) })
      .toBeGreaterThan(18 * MIB);
    await expectWell();
    expect(broker.residentBytes() - before).toBeLessThan(GROWTH_BYTES_MAX);
    for (const client of slow) client.reset();
    await expectWell();
  });

  it('and half-sent requests hold no more than what they sent', async () => {
    const half = await Promise.all(Array.from({ length: 50 }, () => RawClient.connect(broker)));
    for (const client of half) await client.send(sized(19 * MIB, Buffer.alloc(100_000)));
    const received = () => metricOf(broker, 'tidelog_request_memory_bytes');
    await expect.poll(received, { timeout: scaled(20_000) }).toBeGreaterThanOrEqual(50 * 100_000);
    await expectWell();
    expect(broker.residentBytes() - before).toBeLessThan(GROWTH_BYTES_MAX);
    for (const client of half) client.reset();
    await expectWell();
  });
});

describe('in the end', () => {
  it('nothing is lost, and no handler failed', async () => {
    await expectWell();
    expect(broker.log.filter(({ level }) => level === 'error')).toEqual([]);
    expect(expected.length).toBeGreaterThan(15);
  });
});
