import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { partitionForKey } from '../../../lib/records/murmur2.ts';
import { fetch as fetchRecords, recordsIn } from '../../support/requests.ts';
import { type RestServer, startRestServer, V3 } from '../../support/rest-server.ts';
import { seededRandom } from '../../support/seeded-random.ts';

let rest: RestServer;

beforeAll(async () => {
  rest = await startRestServer();
});

afterAll(() => rest.close());

async function topic(name: string, partitions_count = 1, configs: { name: string; value: string }[] = []) {
  const { status } = await rest.send('POST', `${V3}/topics`, { topic_name: name, partitions_count, configs });
  expect(status).toBe(201);
  const found = await rest.engine.broker.admin.topics.get(name);
  return { name, id: found!.record.id };
}

async function stored(of: { name: string; id: string }, partition = 0) {
  const fetched = await fetchRecords(rest.engine.client, of, { partition });
  return recordsIn(fetched.records);
}

describe('records of v3', () => {
  it('are stored as any producer of Kafka would store them', async () => {
    const orders = await topic('orders', 3);
    const key = Buffer.from('customer-7');
    const { json } = await rest.send('POST', `${V3}/topics/orders/records`, {
      key: { type: 'STRING', data: 'customer-7' },
      value: { type: 'BINARY', data: 'AAECAw==' },
      headers: [{ name: 'trace', value: 'eA==' }, { name: 'empty' }],
      timestamp: '2021-02-05T19:14:42Z',
    });
    const partition = partitionForKey(key, 3);
    expect(json).toEqual({
      error_code: 200,
      cluster_id: expect.any(String),
      topic_name: 'orders',
      partition_id: partition,
      offset: 0,
      timestamp: '2021-02-05T19:14:42Z',
      key: { type: 'STRING', size: 10 },
      value: { type: 'BINARY', size: 4 },
    });
    expect(await stored(orders, partition)).toMatchObject([
      {
        key,
        value: Buffer.of(0, 1, 2, 3),
        timestamp: Date.parse('2021-02-05T19:14:42Z'),
        headers: [
          { key: 'trace', value: Buffer.from('x') },
          { key: 'empty', value: null },
        ],
      },
    ]);
  });

  it('of a stream are answered one by one, in their order, while the request still runs', async () => {
    await topic('stream');
    const url = new URL(`${rest.cluster}/topics/stream/records`);
    const request = httpRequest(url, { method: 'POST', headers: { 'Content-Type': 'application/json' } });
    const response = new Promise<AsyncIterator<Buffer>>((resolve, reject) => {
      request.on('error', reject);
      request.on('response', (one) => resolve(one[Symbol.asyncIterator]()));
    });
    const record = (data: string) => JSON.stringify({ value: { type: 'STRING', data } });
    request.write(record('a'));
    const answers = await response;
    const next = async () => JSON.parse(String((await answers.next()).value));
    expect(await next()).toMatchObject({ error_code: 200, offset: 0 });
    request.write(record('b').slice(0, 10));
    request.write(record('b').slice(10));
    expect(await next()).toMatchObject({ error_code: 200, offset: 1 });
    request.write('{"value":{"type":"BINARY","data":"?"}}');
    expect(await next()).toMatchObject({ error_code: 400 });
    request.end(record('c'));
    expect(await next()).toMatchObject({ error_code: 200, offset: 2 });
    expect((await answers.next()).done).toBe(true);
  });

  it('after a broken one are not read', async () => {
    const broken = await topic('broken');
    const one = '{"value":{"type":"STRING","data":"a"}}';
    const { status, text } = await rest.send('POST', `${V3}/topics/broken/records`, `${one}{"value":}${one}`);
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).error_code);
    expect([status, lines]).toEqual([200, [200, 400]]);
    expect(await stored(broken)).toHaveLength(1);
  });

  it('fill several batches where one would be too large, and keep their order', async () => {
    const small = await topic('small', 1, [{ name: 'max.message.bytes', value: '2000' }]);
    const entries = Array.from({ length: 20 }, (_, at) => ({
      id: String(at),
      partition_id: 0,
      value: { type: 'STRING', data: `${at} ${'x'.repeat(500)}` },
    }));
    entries[7] = { id: '7', partition_id: 0, value: { type: 'STRING', data: 'y'.repeat(3_000) } };
    const { json } = await rest.send('POST', `${V3}/topics/small/records:batch`, { entries });
    expect(json.failures).toEqual([{ id: '7', error_code: 50002, message: expect.stringMatching(/larger|max|bytes/) }]);
    expect(json.successes.map(({ offset }: { offset: number }) => offset)).toEqual([...Array(19).keys()]);
    const numbers = (await stored(small)).map(({ value }) => Number(value!.toString().split(' ')[0]));
    expect(numbers).toEqual([...Array(20).keys()].filter((at) => at !== 7));
  });
});

describe('records with an Idempotency-Key', () => {
  const send = (key: string, data: string, path = 'records') =>
    rest.send(
      'POST',
      `${V3}/topics/once/${path}`,
      path === 'records'
        ? { value: { type: 'STRING', data } }
        : { entries: [{ id: '1', value: { type: 'STRING', data } }] },
      { 'Idempotency-Key': key },
    );

  it('are stored once, and answered the same, however often they are sent', async () => {
    const once = await topic('once', 4);
    const first = await send('a', 'one');
    expect(first.json).toMatchObject({ error_code: 200, offset: 0 });
    expect((await send('a', 'one')).json).toEqual(first.json);
    expect((await send('a', 'two')).json).toEqual({
      error_code: 422,
      message: 'This Idempotency-Key was used for another body.',
    });
    const batch = await send('b', 'three', 'records:batch');
    expect((await send('b', 'three', 'records:batch')).json).toEqual(batch.json);
    const v2 = () =>
      rest.send(
        'POST',
        '/topics/once',
        { records: [{ value: 'x' }, { value: 'y' }] },
        {
          'Content-Type': 'application/vnd.kafka.json.v2+json',
          'Idempotency-Key': 'c',
        },
      );
    expect((await v2()).json).toEqual((await v2()).json);
    const all = await Promise.all([0, 1, 2, 3].map((partition) => stored(once, partition)));
    expect(all.flat()).toHaveLength(4);
  });

  it('go to the partitions of the first attempt after the topic has got more', async () => {
    await topic('grown', 2);
    const body = Array.from({ length: 20 }, (_, at) => `{"key":{"type":"STRING","data":"k${at}"}}`).join('');
    const post = () => rest.send('POST', `${V3}/topics/grown/records`, body, { 'Idempotency-Key': 'k' });
    const first = await post();
    expect((await rest.send('PATCH', `${V3}/topics/grown`, { partitions_count: 7 })).status).toBe(200);
    expect((await post()).text).toBe(first.text);
  });

  it('lose and double nothing in 1,000 requests, each sent one to five times over connections that are cut', async () => {
    const cut = await topic('cut', 3);
    const random = seededRandom(15);
    const chance = () => random.next();
    const attempt = (id: number, cutAfterMs: number | undefined) =>
      new Promise<boolean>((resolve) => {
        const request = httpRequest(new URL(`${rest.cluster}/topics/cut/records`), {
          method: 'POST',
          agent: false,
          headers: { 'Content-Type': 'application/json', 'Idempotency-Key': `order-${id}` },
        });
        request.on('error', () => resolve(false));
        request.on('response', (response) => {
          response.on('data', (chunk) => resolve(JSON.parse(String(chunk)).error_code === 200));
          response.on('error', () => resolve(false));
          response.on('close', () => resolve(false));
        });
        request.end(
          JSON.stringify({ key: { type: 'STRING', data: `k${id}` }, value: { type: 'STRING', data: `${id}` } }),
        );
        if (cutAfterMs !== undefined) setTimeout(() => request.destroy(), cutAfterMs);
      });
    const one = async (id: number) => {
      const times = 1 + Math.floor(chance() * 5);
      for (let sent = 1; sent < times; sent++) await attempt(id, chance() * 6);
      expect(await attempt(id, undefined)).toBe(true);
    };
    const ids = [...Array(1_000).keys()];
    await Promise.all(
      Array.from({ length: 20 }, async (_, worker) => {
        for (const id of ids.filter((each) => each % 20 === worker)) await one(id);
      }),
    );
    const all = await Promise.all([0, 1, 2].map((partition) => stored(cut, partition)));
    const numbers = all.flat().map(({ value }) => Number(value!.toString()));
    expect(numbers.sort((a, b) => a - b)).toEqual(ids);
  }, 120_000);
});

describe('the cost of a produce request', () => {
  it('of a batch is that of the same records by a producer of Kafka: one put', async () => {
    await topic('counted');
    const entries = Array.from({ length: 100 }, (_, at) => ({
      id: String(at),
      value: { type: 'STRING', data: 'x'.repeat(500) },
    }));
    const post = (headers?: Record<string, string>) =>
      rest.send('POST', `${V3}/topics/counted/records:batch`, { entries }, headers);
    await post();
    const before = rest.engine.meter.counts();
    await post();
    const after = rest.engine.meter.counts();
    expect(difference(after, before)).toEqual({ 'journal.put': 1 });
  });
});

type Counts = Readonly<Partial<Record<string, number>>>;

function difference(after: Counts, before: Counts) {
  const entries = Object.entries(after).map(([kind, count]) => [kind, (count ?? 0) - (before[kind] ?? 0)] as const);
  return Object.fromEntries(entries.filter(([, count]) => count > 0));
}
