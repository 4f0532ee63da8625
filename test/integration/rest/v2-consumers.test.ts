import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RestServer, startRestServer, V3 } from '../../support/rest-server.ts';

let rest: RestServer;

beforeEach(async () => {
  rest = await startRestServer();
  await rest.send('POST', `${V3}/topics`, { topic_name: 'orders', partitions_count: 2 });
});

afterEach(() => rest.close());

const JSON_RECORDS = { Accept: 'application/vnd.kafka.json.v2+json' };
const JSON_BODY = { 'Content-Type': 'application/vnd.kafka.json.v2+json' };

async function produce(...values: unknown[]) {
  const records = values.map((value) => ({ value, partition: 0 }));
  const { json } = await rest.send('POST', '/topics/orders', { records }, JSON_BODY);
  return json.offsets;
}

async function consumer(group: string, name: string, config: Record<string, unknown> = {}) {
  const body = { name, format: 'json', 'auto.offset.reset': 'earliest', ...config };
  const created = await rest.send('POST', `/consumers/${group}`, body);
  expect(created.status, created.text).toBe(200);
  expect(created.json).toEqual({ instance_id: name, base_uri: `${rest.url}/consumers/${group}/instances/${name}` });
  return instanceOf(group, name);
}

function instanceOf(group: string, name: string, server = rest) {
  const path = `/consumers/${group}/instances/${name}`;
  return {
    path,
    subscribe: (...topics: string[]) => server.send('POST', `${path}/subscription`, { topics }),
    assignments: async () => (await server.send('GET', `${path}/assignments`)).json.partitions,
    async read(query = '?timeout=1000') {
      const answer = await server.send('GET', `${path}/records${query}`, undefined, JSON_RECORDS);
      return answer.status === 200 ? answer.json.map(({ value }: { value: unknown }) => value) : answer.json;
    },
    remove: () => server.send('DELETE', path),
  };
}

describe('a consumer instance', () => {
  it('reads what was produced, commits it, and gives its partitions back', async () => {
    await produce({ id: 1 }, { id: 2 });
    const one = await consumer('billing', 'one');
    expect((await one.subscribe('orders')).status).toBe(204);
    expect(await one.assignments()).toEqual([
      { topic: 'orders', partition: 0 },
      { topic: 'orders', partition: 1 },
    ]);
    expect(await one.read()).toEqual([{ id: 1 }, { id: 2 }]);
    await produce({ id: 3 });
    expect(await one.read()).toEqual([{ id: 3 }]);
    expect((await one.remove()).status).toBe(204);
    expect((await one.remove()).json).toEqual({ error_code: 40403, message: 'Consumer instance not found.' });

    const two = await consumer('billing', 'two');
    await two.subscribe('orders');
    await produce({ id: 4 });
    expect(await two.read()).toEqual([{ id: 4 }]);
  });

  it('is served by any process, in turn, and loses nothing', async () => {
    const other = await startRestServer({ stores: rest.stores });
    try {
      const here = await consumer('billing', 'one');
      const there = instanceOf('billing', 'one', other);
      await there.subscribe('orders');
      const read: unknown[] = [];
      for (let id = 0; id < 6; id++) {
        await produce({ id });
        read.push(...(await (id % 2 === 0 ? here : there).read()));
      }
      expect(read).toEqual([0, 1, 2, 3, 4, 5].map((id) => ({ id })));
    } finally {
      await other.close();
    }
  });

  it('shares the partitions with other instances of its group', async () => {
    const one = await consumer('billing', 'one');
    await one.subscribe('orders');
    const two = await consumer('billing', 'two');
    await two.subscribe('orders');
    // The first gives one up at its next request; then the second has it.
    expect(await one.assignments()).toHaveLength(1);
    expect(await two.assignments()).toHaveLength(1);
    const { json } = await rest.send('GET', `${V3}/consumer-groups/billing/consumers`);
    expect(json.data.map(({ client_id }: { client_id: string }) => client_id)).toEqual(['one', 'two']);
    const group = await rest.send('GET', `${V3}/consumer-groups/billing`);
    expect(group.json).toMatchObject({ state: 'STABLE', type: 'CONSUMER', partition_assignor: 'range' });
  });

  it('tells the later of two requests at the same time', async () => {
    const one = await consumer('billing', 'one', { 'consumer.request.timeout.ms': 5_000 });
    await one.subscribe('orders');
    await one.read('?timeout=1');
    const both = [one.read('?timeout=5000'), one.read('?timeout=5000')];
    await produce({ id: 1 });
    const answers = await Promise.all(both);
    expect(answers).toContainEqual([{ id: 1 }]);
    expect(answers).toContainEqual({ error_code: 40903, message: expect.stringContaining('at the same time') });
  });

  it('seeks, and commits what it is told', async () => {
    await produce({ id: 0 }, { id: 1 }, { id: 2 });
    const one = await consumer('billing', 'one', { 'auto.commit.enable': 'false' });
    const assigned = { partitions: [{ topic: 'orders', partition: 0 }] };
    expect((await rest.send('POST', `${one.path}/assignments`, assigned)).status).toBe(204);
    expect((await rest.send('POST', `${one.path}/subscription`, { topics: ['orders'] })).json.error_code).toBe(40903);
    const seek = { offsets: [{ topic: 'orders', partition: 0, offset: 2 }] };
    expect((await rest.send('POST', `${one.path}/positions`, seek)).status).toBe(204);
    expect(await one.read()).toEqual([{ id: 2 }]);
    expect((await rest.send('POST', `${one.path}/positions/beginning`, assigned)).status).toBe(204);
    expect(await one.read()).toEqual([{ id: 0 }, { id: 1 }, { id: 2 }]);
    expect((await rest.send('POST', `${one.path}/positions/end`, assigned)).status).toBe(204);
    expect(await one.read('?timeout=1')).toEqual([]);

    const commit = { offsets: [{ topic: 'orders', partition: 0, offset: 1, metadata: 'here' }] };
    expect((await rest.send('POST', `${one.path}/offsets`, commit)).json).toEqual([]);
    // The posted offset is that of the last record that was processed.
    const committed = await rest.send('GET', `${one.path}/offsets?topic=orders&partition=0`);
    expect(committed.json).toEqual({ offsets: [{ topic: 'orders', partition: 0, offset: 2, metadata: 'here' }] });
    const unassigned = { offsets: [{ topic: 'orders', partition: 1, offset: 0 }] };
    const refused = await rest.send('POST', `${one.path}/positions`, unassigned);
    expect(refused.json).toEqual({
      error_code: 40903,
      message: 'Illegal state: No current assignment for partition orders-1',
    });
  });

  it('gives digits and the order of keys as they were sent', async () => {
    const one = await consumer('billing', 'one');
    await one.subscribe('orders');
    const exact = '{"z":12345678901234567890,"2":1.0,"1":[1e2,"a b"]}';
    await rest.send('POST', '/topics/orders', `{"records":[{"value":${exact}}]}`, JSON_BODY);
    const { text } = await rest.send('GET', `${one.path}/records`, undefined, JSON_RECORDS);
    expect(text).toContain(`"value":${exact}`);
  });

  it('is refused by name, format and settings', async () => {
    await consumer('billing', 'one');
    const codes = async (body: unknown) => {
      const { status, json } = await rest.send('POST', '/consumers/billing', body);
      return [status, json.error_code];
    };
    expect(await codes({ name: 'one' })).toEqual([409, 40902]);
    expect(await codes({ format: 'xml' })).toEqual([422, 422]);
    expect(await codes({ format: 'avro' })).toEqual([422, 42204]);
    expect(await codes({ 'auto.offset.reset': 'middle' })).toEqual([422, 40001]);
    expect(await codes({ 'fetch.min.bytes': -2 })).toEqual([422, 40001]);
    const { path } = instanceOf('billing', 'one');
    const binary = { Accept: 'application/vnd.kafka.binary.v2+json' };
    const mismatch = await rest.send('GET', `${path}/records`, undefined, binary);
    expect([mismatch.status, mismatch.json.error_code]).toEqual([406, 40601]);
  });

  it('is gone after consumer.instance.timeout.ms, without a timer', async () => {
    await rest.close();
    rest = await startRestServer({ settings: { 'consumer.instance.timeout.ms': '1000' } });
    await rest.send('POST', `${V3}/topics`, { topic_name: 'orders' });
    const one = await consumer('billing', 'one');
    await one.subscribe('orders');
    await expect
      .poll(async () => (await rest.send('GET', `${one.path}/subscription`)).status, {
        timeout: 10_000,
        interval: 1_500,
      })
      .toBe(404);
    // The name is free again.
    await consumer('billing', 'one');
  });
});
