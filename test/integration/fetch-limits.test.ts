import { beforeAll, describe, expect, it } from 'vitest';
import { Codec } from '../../lib/records/compression/codec.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import {
  batchesIn,
  batchOf,
  createTopic,
  fetch,
  fetchRequest,
  produce,
  type TopicName,
  valuesIn,
} from '../support/requests.ts';

const PARTITIONS = 3;
const BATCHES = 5;
const RECORDS = 4;

/** Long enough that a batch is more than the smallest `fetch.max.bytes` holds five of. */
function textOf(partition: number, batch: number, record: number): string {
  return `${partition}-${batch}-${record}`.padEnd(60, '.');
}

let engine: Engine;
let topic: TopicName;
let batchBytes: number;

beforeAll(async () => {
  engine = await startEngine();
  topic = await createTopic(engine.client, 'limits', { partitions: PARTITIONS });
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (let batch = 0; batch < BATCHES; batch++) {
      const values = Array.from({ length: RECORDS }, (_, record) => textOf(partition, batch, record));
      const bytes = batchOf(values, { timestamp: 1_000 });
      batchBytes = bytes.length;
      await produce(engine.client, topic, bytes, { partition });
    }
  }
});

async function batchesRead(options: Parameters<typeof fetchRequest>[1], offsets: number[]): Promise<number[]> {
  const { responses } = await engine.client.ask(ApiKey.Fetch, 12, fetchRequest(topic, options, offsets));
  return responses[0]!.partitions.map(({ records }) => batchesIn(records).length);
}

describe('the bytes of an answer', () => {
  it('stay within the bound of each partition', async () => {
    expect(await batchesRead({ partitionMaxBytes: batchBytes * 2 }, [0, 0, 0])).toEqual([2, 2, 2]);
    expect(await batchesRead({ partitionMaxBytes: batchBytes * 3 - 1 }, [0, 0, 0])).toEqual([2, 2, 2]);
  });

  it('stay within the bound of the request, in the order of its partitions', async () => {
    expect(await batchesRead({ maxBytes: batchBytes * 7 }, [0, 0, 0])).toEqual([5, 2, 0]);
    expect(await batchesRead({ maxBytes: batchBytes * 7, partitionMaxBytes: batchBytes * 3 }, [0, 0, 0])).toEqual([
      3, 3, 1,
    ]);
  });

  it('hold the first batch whole, however large it is', async () => {
    expect(await batchesRead({ maxBytes: 1 }, [0, 0, 0])).toEqual([1, 0, 0]);
    expect(await batchesRead({ partitionMaxBytes: 1 }, [0, 0, 0])).toEqual([1, 0, 0]);
    expect(await batchesRead({ maxBytes: 0, partitionMaxBytes: 0 }, [0, 0, 0])).toEqual([1, 0, 0]);
    const end = BATCHES * RECORDS;
    expect(await batchesRead({ partitionMaxBytes: 1 }, [end, 0, 0])).toEqual([0, 1, 0]);
  });

  it('stay within what the broker answers with at most', async () => {
    const small = await startEngine({
      stores: engine.broker.admin.journals.env.stores,
      settings: { 'fetch.max.bytes': '1024' },
    });
    const { records } = await fetch(small.client, topic);
    expect(Math.floor(1024 / batchBytes)).toBeLessThan(BATCHES);
    expect(batchesIn(records)).toHaveLength(Math.floor(1024 / batchBytes));
  });
});

describe('an offset in the middle of a batch', () => {
  it.each([Codec.none, Codec.gzip, Codec.lz4])('gets the whole batch (codec %i)', async (codec) => {
    const own = await createTopic(engine.client, `middle-${codec}`);
    await produce(engine.client, own, batchOf(['a', 'b', 'c'], { codec }));
    await produce(engine.client, own, batchOf(['d', 'e', 'f'], { codec }));
    for (const offset of [3, 4, 5]) {
      expect(valuesIn((await fetch(engine.client, own, { offset })).records)).toEqual(['d', 'e', 'f']);
    }
    for (const offset of [0, 1, 2]) {
      expect(valuesIn((await fetch(engine.client, own, { offset })).records)).toHaveLength(6);
    }
  });
});

describe('every offset', () => {
  it('leads to its record, from memory and from the store', async () => {
    const cold = await startEngine({
      stores: engine.broker.admin.journals.env.stores,
      settings: { 'tidelog.cache.bytes': '0' },
    });
    for (const { client } of [engine, cold]) {
      for (let offset = 0; offset < BATCHES * RECORDS; offset++) {
        const { records } = await fetch(client, topic, { offset, partition: 1, partitionMaxBytes: 1 });
        const batch = Math.floor(offset / RECORDS);
        expect(valuesIn(records)).toEqual(Array.from({ length: RECORDS }, (_, record) => textOf(1, batch, record)));
      }
    }
  });
});

describe('a limit below 0', () => {
  const read = async (options: Parameters<typeof fetchRequest>[1], limits: number[], offset = 0) => {
    const request = fetchRequest(topic, options, [offset, offset]);
    for (const [at, one] of request.topics[0]!.partitions.entries()) one.partitionMaxBytes = limits[at]!;
    const { errorCode, responses } = await engine.client.ask(ApiKey.Fetch, 12, request);
    expect(errorCode).toBe(0);
    return responses[0]!.partitions.map((one) => [one.errorCode, one.highWatermark, batchesIn(one.records).length]);
  };
  const failed = [-1, -1, 0];
  const end = BATCHES * RECORDS;

  it('of a partition is an error of that one, as in Kafka', async () => {
    expect(await read({}, [-1, batchBytes])).toEqual([failed, [0, end, 1]]);
    expect(await read({}, [batchBytes, -1])).toEqual([[0, end, 1], failed]);
  });

  it('of the request is an error of the first partition, and none of the others, as in Kafka', async () => {
    expect(await read({ maxBytes: -5 }, [batchBytes, batchBytes])).toEqual([failed, [0, end, 1]]);
    expect(await read({ maxBytes: -(2 ** 31) }, [batchBytes, batchBytes])).toEqual([failed, [0, end, 1]]);
  });

  it('is none where there is nothing to read, as in Kafka', async () => {
    expect(await read({ maxBytes: -1 }, [-1, -1], end)).toEqual([
      [0, end, 0],
      [0, end, 0],
    ]);
  });
});
