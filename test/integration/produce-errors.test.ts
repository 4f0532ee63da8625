import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ErrorName, errorCode } from '../../lib/core/errors.ts';
import { BATCH_OVERHEAD_BYTES, BatchField, computeCrc, readBatchHeader } from '../../lib/records/batch.ts';
import { Codec } from '../../lib/records/compression/codec.ts';
import { encodeControlBatch } from '../../lib/records/control.ts';
import { encodeBatch } from '../../lib/records/encode.ts';
import { withPayload } from '../../lib/records/recompress.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import {
  batchOf,
  createTopic,
  fetch,
  NOWHERE,
  type ProduceOptions,
  produce,
  produceRequest,
  type TopicName,
  valuesIn,
} from '../support/requests.ts';

const HOUR_MS = 3_600_000;

let engine: Engine;
let topic: TopicName;
let topics = 0;

beforeAll(async () => {
  engine = await startEngine();
});

beforeEach(async () => {
  topic = await createTopic(engine.client, `produced-${topics++}`, { partitions: 2 });
});

/** The batch with a change to its header and, unless it is the CRC that is to be wrong, the CRC that goes with it. */
function changed(batch: Buffer, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(batch);
  change(bytes);
  bytes.writeUInt32BE(computeCrc(bytes), BatchField.crc);
  return bytes;
}

/** With these Kafka tells where the log starts. */
const TOLD_WITH_LOG_START: ReadonlySet<ErrorName> = new Set([
  'INVALID_TIMESTAMP',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'INVALID_PRODUCER_EPOCH',
]);

async function expectRefused(error: ErrorName, records: Buffer | null, options: ProduceOptions = {}, to = topic) {
  const answer = await produce(engine.client, to, records, options);
  const logStartOffset = TOLD_WITH_LOG_START.has(error) ? 0 : -1;
  expect(answer).toMatchObject({ errorCode: errorCode(error), baseOffset: -1, logStartOffset });
  return answer;
}

async function expectEmpty(): Promise<void> {
  expect(await fetch(engine.client, topic)).toMatchObject({ errorCode: 0, highWatermark: 0 });
}

describe('where to', () => {
  it('refuses topics and partitions that are not there', async () => {
    const batch = batchOf(['x']);
    await expectRefused('UNKNOWN_TOPIC_OR_PARTITION', batch, {}, NOWHERE);
    await expectRefused('UNKNOWN_TOPIC_OR_PARTITION', batch, { partition: 2 });
    await expectRefused('UNKNOWN_TOPIC_OR_PARTITION', batch, { partition: -1 });
    await expectRefused('UNKNOWN_TOPIC_ID', batch, { version: 13 }, NOWHERE);
    await expectRefused('UNKNOWN_TOPIC_OR_PARTITION', batch, { version: 13, partition: 2 });
  });

  it.each([
    ['an empty name', ''],
    ['a name that no topic can have', 'a/b c\u0000'],
    ['a name of 30,000 bytes', 'n'.repeat(30_000)],
  ])('refuses %s', async (_, name) => {
    await expectRefused('UNKNOWN_TOPIC_OR_PARTITION', batchOf(['x']), {}, { ...NOWHERE, name });
  });

  it('creates no topic', async () => {
    await expectRefused('UNKNOWN_TOPIC_OR_PARTITION', batchOf(['x']), {}, NOWHERE);
    const { topics: all } = await engine.client.ask(ApiKey.Metadata, 12, { topics: null });
    expect(all.map(({ name }) => name)).not.toContain(NOWHERE.name);
  });

  it('appends to the partitions that can be, and refuses the others', async () => {
    const request = produceRequest(topic, batchOf(['good']));
    const wanted = request.topicData[0]!;
    const parts = [
      { index: 9, records: [batchOf(['x'])] },
      ...wanted.partitionData,
      { index: 1, records: [Buffer.alloc(80)] },
    ];
    const { responses } = await engine.client.ask(ApiKey.Produce, 9, {
      ...request,
      topicData: [{ ...wanted, partitionData: parts }],
    });
    expect(responses[0]!.partitionResponses.map(({ index, errorCode: code }) => [index, code])).toEqual([
      [9, errorCode('UNKNOWN_TOPIC_OR_PARTITION')],
      [0, 0],
      [1, errorCode('INVALID_RECORD')],
    ]);
    expect(valuesIn((await fetch(engine.client, topic)).records)).toEqual(['good']);
  });
});

describe('acks', () => {
  it.each([-2, 2, 100])('of %i are refused', async (acks) => {
    await expectRefused('INVALID_REQUIRED_ACKS', batchOf(['x']), { acks });
    await expectEmpty();
  });

  it.each([-1, 1])('of %i are answered with the offset', async (acks) => {
    expect(await produce(engine.client, topic, batchOf(['x']), { acks })).toMatchObject({
      errorCode: 0,
      baseOffset: 0,
    });
  });

  it('of 0 are not answered, and an error closes the connection', async () => {
    const good = produceRequest(topic, batchOf(['x']), { acks: 0 });
    expect(await engine.client.tell(ApiKey.Produce, 9, good)).toEqual({ kind: 'none' });
    expect((await fetch(engine.client, topic)).highWatermark).toBe(1);
    const bad = produceRequest(NOWHERE, batchOf(['x']), { acks: 0 });
    const reason = expect.stringContaining('acks=0 failed with error 3');
    expect(await engine.client.tell(ApiKey.Produce, 9, bad)).toEqual({ kind: 'closed', reason });
  });
});

describe('batches', () => {
  const good = batchOf(['a', 'b', 'c']);

  const wrong: [string, ErrorName, Buffer | null][] = [
    ['none at all', 'INVALID_RECORD', null],
    ['no bytes', 'INVALID_RECORD', Buffer.alloc(0)],
    ['a wrong CRC', 'CORRUPT_MESSAGE', Buffer.concat([good.subarray(0, -1), Buffer.from('?')])],
    ['magic 0', 'INVALID_RECORD', changed(good, (bytes) => bytes.writeInt8(0, BatchField.magic))],
    ['magic 1', 'INVALID_RECORD', changed(good, (bytes) => bytes.writeInt8(1, BatchField.magic))],
    ['magic 3', 'CORRUPT_MESSAGE', changed(good, (bytes) => bytes.writeInt8(3, BatchField.magic))],
    ['two batches', 'INVALID_RECORD', Buffer.concat([good, good])],
    ['a batch that is cut off', 'INVALID_RECORD', good.subarray(0, -3)],
    ['a header that is cut off', 'INVALID_RECORD', good.subarray(0, 40)],
    ['a length that cannot be', 'CORRUPT_MESSAGE', changed(good, (bytes) => bytes.writeInt32BE(3, BatchField.length))],
    ['a base offset', 'INVALID_RECORD', changed(good, (bytes) => bytes.writeInt32BE(1, BatchField.baseOffset + 4))],
    ['no records', 'INVALID_RECORD', encodeBatch([])],
    ['a count too high', 'INVALID_RECORD', changed(good, (bytes) => bytes.writeInt32BE(4, BatchField.recordCount))],
    ['a delta too high', 'INVALID_RECORD', changed(good, (bytes) => bytes.writeInt32BE(7, BatchField.lastOffsetDelta))],
    [
      'a control batch',
      'INVALID_RECORD',
      encodeControlBatch({ type: 'abort', producerId: 1, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 0 }),
    ],
    ['a codec that means nothing', 'UNSUPPORTED_COMPRESSION_TYPE', changed(good, (bytes) => bytes.writeInt16BE(6, 21))],
    ['LogAppendTime', 'INVALID_TIMESTAMP', batchOf(['x'], { logAppendTime: 5 })],
    ['a delete horizon', 'INVALID_RECORD', batchOf(['x'], { deleteHorizon: 5 })],
    ['a producer id without a sequence', 'INVALID_RECORD', batchOf(['x'], { producerId: 5, producerEpoch: 0 })],
    ['a transaction without a producer id', 'INVALID_RECORD', batchOf(['x'], { isTransactional: true })],
    ['a time too far ahead', 'INVALID_TIMESTAMP', batchOf(['x'], { timestamp: Date.now() + 2 * HOUR_MS })],
    [
      'a time too far ahead, compressed',
      'INVALID_TIMESTAMP',
      batchOf(['x'], { timestamp: Date.now() + 2 * HOUR_MS, codec: Codec.gzip }),
    ],
  ];

  it.each(wrong)('of %s are refused with %s', async (_, error, records) => {
    await expectRefused(error, records, { transactionalId: 'tx' });
    await expectEmpty();
    expect(await produce(engine.client, topic, batchOf(['after']))).toMatchObject({ errorCode: 0, baseOffset: 0 });
  });

  it('names the records that are at fault', async () => {
    const at = Date.now();
    const records = [0, 3, 0, 5].map((hours) => ({ timestamp: at + hours * HOUR_MS, value: Buffer.from('x') }));
    const answer = await expectRefused('INVALID_TIMESTAMP', encodeBatch(records));
    expect(answer.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([1, 3]);
    expect(answer.errorMessage).toContain('rejected');
  });

  it('keeps to max.message.bytes, to the byte', async () => {
    const batch = batchOf(['x'.repeat(500)]);
    const tight = { configs: { 'max.message.bytes': String(batch.length - 1) } };
    const fitting = { configs: { 'max.message.bytes': String(batch.length) } };
    await expectRefused('MESSAGE_TOO_LARGE', batch, {}, await createTopic(engine.client, 'tight', tight));
    const fits = await produce(engine.client, await createTopic(engine.client, 'fitting', fitting), batch);
    expect(fits).toMatchObject({ errorCode: 0 });
    await expectRefused('MESSAGE_TOO_LARGE', batchOf(['x'.repeat(1_048_588)]));
  });

  it('takes zstd from version 7 on', async () => {
    // A frame of one block that is stored as it is.
    const payload = good.subarray(BATCH_OVERHEAD_BYTES);
    const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38, 0, 0, 0]);
    frame.writeUIntLE((payload.length << 3) | 1, 6, 3);
    const batch = withPayload(good, Buffer.concat([frame, payload]), Codec.zstd, readBatchHeader(good).maxTimestamp);
    await expectRefused('UNSUPPORTED_COMPRESSION_TYPE', batch, { version: 6 });
    expect(await produce(engine.client, topic, batch, { version: 7 })).toMatchObject({ errorCode: 0 });
  });

  it('stores everything as it came but for offset and epoch', async () => {
    await produce(engine.client, topic, batchOf(['0']));
    await produce(engine.client, topic, good);
    const { records } = await fetch(engine.client, topic, { offset: 1 });
    const expected = Buffer.from(good);
    expected.writeBigInt64BE(1n, BatchField.baseOffset);
    expected.writeInt32BE(0, BatchField.partitionLeaderEpoch);
    expect(records).toEqual(expected);
  });
});

describe('idempotence', () => {
  const producer = { producerId: 77, producerEpoch: 3 };
  const batch = (baseSequence: number, count = 2, epoch = producer.producerEpoch, producerId = producer.producerId) =>
    batchOf(
      Array.from({ length: count }, (_, index) => `${epoch}:${baseSequence + index}`),
      { baseSequence, producerId, producerEpoch: epoch },
    );
  const append = (bytes: Buffer, options?: ProduceOptions) => produce(engine.client, topic, bytes, options);

  it('answers a repeated batch with its first offset, up to five batches back', async () => {
    const sent = Array.from({ length: 6 }, (_, index) => batch(index * 2));
    for (const bytes of sent) await append(bytes);
    for (const back of [5, 1, 3]) {
      expect(await append(sent[back]!)).toMatchObject({ errorCode: 0, baseOffset: back * 2 });
    }
    expect(await append(sent[0]!)).toMatchObject({ errorCode: errorCode('OUT_OF_ORDER_SEQUENCE_NUMBER') });
    expect((await fetch(engine.client, topic)).highWatermark).toBe(12);
  });

  it('refuses gaps, overlaps and other lengths', async () => {
    await append(batch(0, 3));
    for (const [sequence, count] of [
      [4, 1],
      [2, 2],
      [0, 2],
      [1, 2],
    ]) {
      await expectRefused('OUT_OF_ORDER_SEQUENCE_NUMBER', batch(sequence!, count));
    }
    expect(await append(batch(3, 1))).toMatchObject({ errorCode: 0, baseOffset: 3 });
  });

  it('fences an older epoch and starts a newer one at 0', async () => {
    await append(batch(0));
    await expectRefused('OUT_OF_ORDER_SEQUENCE_NUMBER', batch(2, 1, 4));
    expect(await append(batch(0, 1, 4))).toMatchObject({ errorCode: 0, baseOffset: 2 });
    await expectRefused('INVALID_PRODUCER_EPOCH', batch(2, 1, 3));
    await expectRefused('INVALID_PRODUCER_EPOCH', batch(0));
  });

  it('goes on at 0 after the largest sequence', async () => {
    const last = 2 ** 31 - 1;
    expect(await append(batch(last - 1, 3))).toMatchObject({ errorCode: 0, baseOffset: 0 });
    expect(await append(batch(1, 1))).toMatchObject({ errorCode: 0, baseOffset: 3 });
    expect(await append(batch(last - 1, 3))).toMatchObject({ errorCode: 0, baseOffset: 0 });
  });

  it('holds for each partition and producer by itself', async () => {
    await append(batch(0, 1));
    expect(await append(batch(0, 1), { partition: 1 })).toMatchObject({ errorCode: 0, baseOffset: 0 });
    expect(await append(batch(0, 1, 3, 78))).toMatchObject({ errorCode: 0, baseOffset: 1 });
    expect(await append(batch(5, 1, 3, 79))).toMatchObject({ errorCode: 0, baseOffset: 2 });
  });

  it('takes a repetition that comes while the first is on its way for what it is', async () => {
    const bytes = batch(0, 2);
    const answers = await Promise.all([append(bytes), append(bytes), append(bytes)]);
    for (const answer of answers) expect(answer).toMatchObject({ errorCode: 0, baseOffset: 0 });
    expect((await fetch(engine.client, topic)).highWatermark).toBe(2);
  });

  it('keeps pipelined batches in order', async () => {
    const all = Array.from({ length: 50 }, (_, index) => append(batch(index, 1)));
    expect((await Promise.all(all)).map(({ baseOffset }) => baseOffset)).toEqual(all.map((_, index) => index));
  });
});

describe('transactions', () => {
  it('of an unknown id are refused', async () => {
    const options = { producerId: 5, producerEpoch: 0, baseSequence: 0, isTransactional: true };
    await expectRefused('INVALID_PRODUCER_ID_MAPPING', batchOf(['x'], options), { transactionalId: 'tx' });
    await expectEmpty();
  });

  it('have a coordinator, and share groups have none', async () => {
    const one = await engine.client.ask(ApiKey.FindCoordinator, 3, { key: 'tx', keyType: 1 });
    expect(one).toMatchObject({ errorCode: 0, nodeId: 0, host: 'broker.example', port: 9092 });
    const many = await engine.client.ask(ApiKey.FindCoordinator, 6, { coordinatorKeys: ['a', 'b'], keyType: 2 });
    expect(many.coordinators.map((found) => found.errorCode)).toEqual([42, 42]);
  });
});
