import { describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../lib/core/clock.ts';
import { errorCode } from '../../lib/core/errors.ts';
import { BATCH_OVERHEAD_BYTES, readBatchHeader } from '../../lib/records/batch.ts';
import { Codec, type CodecId, compress } from '../../lib/records/compression/codec.ts';
import { encodeBatch } from '../../lib/records/encode.ts';
import { withPayload } from '../../lib/records/recompress.ts';
import { sizeOfVarint, writeVarint } from '../../lib/records/varint.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { startEngine } from '../support/engine.ts';
import {
  batchesIn,
  batchOf,
  createTopic,
  fetch,
  listOffset,
  produce,
  recordsIn,
  valuesIn,
} from '../support/requests.ts';

const NOW = Date.now();
const MIB = 1024 * 1024;
const MAX_TIMESTAMP = -3;

/** The batch with its records packed, under a header that says `maxTimestamp`. */
function packed(batch: Buffer, codec: CodecId, maxTimestamp: number): Buffer {
  return withPayload(batch, compress(codec, batch.subarray(BATCH_OVERHEAD_BYTES)), codec, maxTimestamp);
}

/** One record of `bytes` zeros, which pack to next to nothing. */
function zeros(codec: CodecId, bytes: number): Buffer {
  return packed(encodeBatch([{ timestamp: NOW, value: Buffer.alloc(bytes) }]), codec, NOW);
}

/** A zstd frame: the head of a record, then its value of zeros in blocks of one repeated byte, 128 KiB each. */
function zstdBomb(blocks: number): Buffer {
  const bytes = blocks * 128 * 1024;
  const size = 4 + sizeOfVarint(bytes) + bytes + 1;
  const head = Buffer.alloc(sizeOfVarint(size) + 4 + sizeOfVarint(bytes));
  const fields = writeVarint(head, size, 0);
  // No attributes, no deltas, no key; behind the value there is the count of headers, a zero like the rest.
  writeVarint(head, bytes, writeVarint(head, -1, fields + 3));
  const block = (last: boolean, type: number, size: number, content: Buffer) => {
    const header = Buffer.alloc(3);
    header.writeUIntLE((size << 3) | (type << 1) | Number(last), 0, 3);
    return Buffer.concat([header, content]);
  };
  const zero = Buffer.alloc(1);
  const parts = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38]), block(false, 0, head.length, head)];
  for (let i = 0; i < blocks; i++) parts.push(block(false, 1, 128 * 1024, zero));
  parts.push(block(true, 1, 1, zero));
  const one = encodeBatch([{ timestamp: NOW }]);
  return withPayload(one, Buffer.concat(parts), Codec.zstd, NOW);
}

describe.each([
  ['gzip', Codec.gzip],
  ['snappy', Codec.snappy],
  ['lz4', Codec.lz4],
] as const)('a producer that sends %s and leaves out the maximum timestamp', (name, codec) => {
  it('has its records found by time, as in Kafka', async () => {
    const { client } = await startEngine();
    const topic = await createTopic(client, `times-${name}`);
    const records = [0, 1_000, 2_000].map((at) => ({ timestamp: NOW - 5_000 + at, value: Buffer.from('v') }));
    expect(await produce(client, topic, packed(encodeBatch(records), codec, -1))).toMatchObject({ errorCode: 0 });
    expect(await listOffset(client, topic, NOW - 4_500)).toMatchObject({ offset: 1, timestamp: NOW - 4_000 });
    expect(await listOffset(client, topic, MAX_TIMESTAMP)).toMatchObject({ offset: 2, timestamp: NOW - 3_000 });
    const [stored] = batchesIn((await fetch(client, topic)).records);
    expect(stored?.header.maxTimestamp).toBe(NOW - 3_000);
  });
});

describe('offset deltas that are all 0', () => {
  it('become offsets of their own, each of which a consumer gets', async () => {
    const { client } = await startEngine();
    const topic = await createTopic(client, 'deltas');
    const wrong = batchOf(['a', 'b', 'c']);
    // Behind the header: size, attributes, timestamp delta and offset delta of each record, one byte each.
    let at = BATCH_OVERHEAD_BYTES;
    for (let i = 0; i < 3; i++) {
      wrong[at + 3] = 0;
      at += 1 + wrong[at]! / 2;
    }
    for (const batch of [withPayload(wrong, wrong.subarray(BATCH_OVERHEAD_BYTES), Codec.none, NOW), batchOf(['d'])]) {
      expect(await produce(client, topic, batch)).toMatchObject({ errorCode: 0 });
    }
    const { records } = await fetch(client, topic);
    expect(recordsIn(records).map(({ offset, value }) => [offset, String(value)])).toEqual([
      [0, 'a'],
      [1, 'b'],
      [2, 'c'],
      [3, 'd'],
    ]);
  });
});

describe('a batch that unpacks to much', () => {
  const LARGE: readonly (readonly [string, () => Buffer])[] = [
    ['gzip', () => zeros(Codec.gzip, 66 * MIB)],
    ['lz4', () => zeros(Codec.lz4, 66 * MIB)],
    ['snappy', () => zeros(Codec.snappy, 15 * MIB)],
    ['zstd', () => zstdBomb(2_000)],
  ];

  it.each(LARGE)('is taken and searched in %s, a little per turn of the event loop', async (name, make) => {
    const { client } = await startEngine();
    const topic = await createTopic(client, `large-${name}`);
    const batch = make();
    expect(batch.length).toBeLessThan(MIB);
    const unpacked = name === 'zstd' ? 250 * MIB : name === 'snappy' ? 15 * MIB : 66 * MIB;
    let turns = 0;
    let counting = true;
    const count = () => {
      turns++;
      if (counting) setImmediate(count);
    };
    setImmediate(count);
    expect(await produce(client, topic, batch, { timeoutMs: 60_000 })).toMatchObject({ errorCode: 0 });
    counting = false;
    expect(turns).toBeGreaterThan((unpacked - 2 * MIB) / MIB);
    expect(await listOffset(client, topic, NOW)).toMatchObject({ errorCode: 0, offset: 0, timestamp: NOW });
    expect(await listOffset(client, topic, MAX_TIMESTAMP)).toMatchObject({ errorCode: 0, offset: 0 });
  });

  it('takes no memory in proportion', async () => {
    const { client } = await startEngine();
    const topic = await createTopic(client, 'memory');
    const bomb = zstdBomb(2_000);
    const memory: number[] = [];
    const counting = new AbortController();
    const look = () => {
      memory.push(process.memoryUsage().arrayBuffers);
      if (!counting.signal.aborted) setImmediate(look);
    };
    look();
    expect(await produce(client, topic, bomb, { timeoutMs: 60_000 })).toMatchObject({ errorCode: 0 });
    counting.abort();
    expect(memory.length).toBeGreaterThan(100);
    expect(Math.max(...memory) - memory[0]!).toBeLessThan(50 * MIB);
  });

  it('takes no memory while it waits for larger ones', async () => {
    const { client } = await startEngine();
    const topic = await createTopic(client, 'waiting', { partitions: 400 });
    let partition = 0;
    const send = (batch: Buffer) => produce(client, topic, batch, { partition: partition++, timeoutMs: 60_000 });
    const answers = Array.from({ length: 4 }, () => send(zstdBomb(8_000)));
    const small = zeros(Codec.gzip, MIB - 100);
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    // Some in each turn, more than one turn has time for.
    while (partition < 400) {
      for (let i = 0; i < 3; i++) answers.push(send(small));
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    for (const { errorCode } of await Promise.all(answers)) expect(errorCode).toBe(0);
    expect(most).toBeLessThan(60 * MIB);
  });

  it('goes before what comes later for its partition, and lets other partitions go past', async () => {
    const { client } = await startEngine();
    const topic = await createTopic(client, 'order', { partitions: 2 });
    const finished: string[] = [];
    const send = (what: string, batch: Buffer, partition: number) =>
      produce(client, topic, batch, { partition, timeoutMs: 60_000 }).then((answer) => {
        finished.push(what);
        return answer;
      });
    const answers = await Promise.all([
      send('large', zeros(Codec.lz4, 30 * MIB), 0),
      send('behind', batchOf(['behind']), 0),
      send('beside', batchOf(['beside']), 1),
    ]);
    expect(answers.map(({ errorCode, baseOffset }) => [errorCode, baseOffset])).toEqual([
      [0, 0],
      [0, 1],
      [0, 0],
    ]);
    expect(finished[0]).toBe('beside');
    expect(valuesIn((await fetch(client, topic, { offset: 1 })).records)).toEqual(['behind']);
  });

  it('keeps the sequence of an idempotent producer', async () => {
    const { client } = await startEngine();
    const topic = await createTopic(client, 'sequence');
    const { producerId, producerEpoch } = await client.ask(ApiKey.InitProducerId, 4, {
      transactionalId: null,
      transactionTimeoutMs: 0,
    });
    const of = (baseSequence: number) => ({ producerId, producerEpoch, baseSequence });
    const large = encodeBatch([{ timestamp: NOW, value: Buffer.alloc(20 * MIB) }], of(0));
    const answers = await Promise.all(
      [packed(large, Codec.lz4, NOW), batchOf(['1'], of(1)), batchOf(['2'], of(2))].map((batch) =>
        produce(client, topic, batch, { timeoutMs: 60_000 }),
      ),
    );
    expect(answers.map(({ errorCode, baseOffset }) => [errorCode, baseOffset])).toEqual([
      [0, 0],
      [0, 1],
      [0, 2],
    ]);
  });

  it('is given up when the request can wait no longer, and what comes behind it is stored', async () => {
    // Each look at the clock takes 10 ms: it is looked at with each slice.
    let looks = 0;
    const monotonic = () => {
      looks += 1;
      return systemClock.monotonic() + looks * 10;
    };
    const clock: Clock = { ...systemClock, monotonic };
    const { client } = await startEngine({ clock });
    const topic = await createTopic(client, 'late');
    const [late, behind] = await Promise.all([
      produce(client, topic, zstdBomb(4_000), { timeoutMs: 1_000 }),
      produce(client, topic, batchOf(['behind']), { timeoutMs: 60_000 }),
    ]);
    expect(late).toMatchObject({ errorCode: errorCode('REQUEST_TIMED_OUT'), baseOffset: -1 });
    expect(behind).toMatchObject({ errorCode: 0, baseOffset: 0 });
  });

  it("is refused where the topic's own compression makes it larger than max.message.bytes", async () => {
    const { client } = await startEngine();
    const topic = await createTopic(client, 'unpacked', { configs: { 'compression.type': 'uncompressed' } });
    expect(await produce(client, topic, zeros(Codec.gzip, 5 * MIB))).toMatchObject({
      errorCode: errorCode('MESSAGE_TOO_LARGE'),
    });
    const other = await createTopic(client, 'repacked', { configs: { 'compression.type': 'lz4' } });
    expect(await produce(client, other, zeros(Codec.gzip, 5 * MIB))).toMatchObject({ errorCode: 0 });
    const [stored] = batchesIn((await fetch(client, other)).records);
    expect(stored!.header.attributes & 7).toBe(Codec.lz4);
  });
});

describe('with tidelog.produce.validation=header', () => {
  it('a stored batch that cannot be read is an error of its partition alone, and one line in the log', async () => {
    const engine = await startEngine({ settings: { 'tidelog.produce.validation': 'header' } });
    const { client } = engine;
    const topic = await createTopic(client, 'unread', { partitions: 2 });
    const garbage = withPayload(batchOf(['x']), Buffer.from('these bytes are no gzip'), Codec.gzip, NOW);
    expect(await produce(client, topic, garbage)).toMatchObject({ errorCode: 0 });
    expect(await produce(client, topic, batchOf(['y'], { timestamp: NOW }), { partition: 1 })).toMatchObject({
      errorCode: 0,
    });
    for (const timestamp of [NOW - 1, MAX_TIMESTAMP]) {
      engine.lines.length = 0;
      const { topics } = await client.ask(ApiKey.ListOffsets, 7, {
        replicaId: -1,
        isolationLevel: 0,
        topics: [{ name: topic.name, partitions: [0, 1].map((partitionIndex) => ({ partitionIndex, timestamp })) }],
      });
      expect(topics[0]!.partitions).toMatchObject([
        { errorCode: errorCode('UNKNOWN_SERVER_ERROR'), offset: -1 },
        { errorCode: 0, offset: 0, timestamp: NOW },
      ]);
      expect(engine.lines).toMatchObject([{ level: 'error', event: 'batch_unreadable', partition: 0, offset: 0 }]);
    }
    // Whoever reads the batch gets it as it came.
    const [stored] = batchesIn((await fetch(client, topic)).records);
    expect(stored!.bytes.subarray(BATCH_OVERHEAD_BYTES)).toEqual(garbage.subarray(BATCH_OVERHEAD_BYTES));
    expect(readBatchHeader(stored!.bytes).maxTimestamp).toBe(NOW);
  });
});
