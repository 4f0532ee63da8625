import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectStream, EventParser, type StreamConnection } from '../../support/event-stream.ts';
import { type RestServer, startRestServer, V3 } from '../../support/rest-server.ts';
import { unchanged } from '../../support/settled.ts';
import { until } from '../../support/waiting.ts';

let rest: RestServer;
let open: StreamConnection[];

beforeEach(async () => {
  open = [];
  rest = await startRestServer();
  await rest.send('POST', `${V3}/topics`, { topic_name: 'orders', partitions_count: 3 });
});

afterEach(async () => {
  for (const one of open) one.cut();
  await rest.close();
});

async function connect(query = '', parser?: EventParser, topic = 'orders') {
  const connection = await connectStream(`${rest.cluster}/topics/${topic}/records:stream${query}`, parser);
  open.push(connection);
  return connection;
}

async function produce(partition: number, ...values: readonly unknown[]) {
  const bodies = values.map((data) => JSON.stringify({ partition_id: partition, value: { type: 'JSON', data } }));
  const { text } = await rest.send('POST', `${V3}/topics/orders/records`, bodies.join(''));
  expect(text.match(/"error_code":200/g)).toHaveLength(values.length);
}

const valuesOf = ({ events }: StreamConnection) => events.map(({ data }) => data.value?.data);
const path = (query: string, topic = 'orders') => `${V3}/topics/${topic}/records:stream${query}`;

describe('a stream', () => {
  it('gives records as they come, in the form in which they are taken', async () => {
    const stream = await connect();
    expect(stream.status).toBe(200);
    expect(stream.headers['content-type']).toBe('text/event-stream');
    expect(stream.headers['cache-control']).toBe('no-store');
    const record = {
      partition_id: 1,
      timestamp: '2026-02-05T19:14:42Z',
      headers: [{ name: 'source', value: 'd2Vi' }],
      key: { type: 'STRING', data: 'customer\n7' },
      value: { type: 'JSON', data: { total: 12.5 } },
    };
    await rest.send('POST', `${V3}/topics/orders/records`, record);
    const [event] = await stream.until(1);
    expect(event).toMatchObject({ name: 'message', data: { ...record, offset: 0 } });
    expect(stream.parser.retryMs).toBe(1_000);
    // What was read can be produced as it is.
    await rest.send('POST', `${V3}/topics/orders/records`, { ...event!.data, offset: undefined });
    const [, copy] = await stream.until(2);
    expect(copy!.data).toEqual({ ...event!.data, offset: 1 });
  });

  it('tells JSON, text and other bytes apart, and keeps digits', async () => {
    const stream = await connect('?partition=0');
    const exact = '{"z":12345678901234567890,\r\n "a":[1.0, "x y"]}';
    const parts = [
      `{"type":"BINARY","data":"${Buffer.from(exact).toString('base64')}"}`,
      '{"type":"STRING","data":"two\\nlines"}',
      '{"type":"BINARY","data":"//79"}',
      'null',
    ];
    for (const value of parts) {
      await rest.send('POST', `${V3}/topics/orders/records`, `{"partition_id":0,"value":${value}}`);
    }
    await stream.until(4);
    expect(valuesOf(stream)).toEqual([expect.anything(), 'two\nlines', '//79', undefined]);
    expect(stream.events[0]!.text).toContain('"data":{"z":12345678901234567890,"a":[1.0,"x y"]}');
    const binary = await connect('?partition=0&from=earliest&format=BINARY');
    await binary.until(4);
    expect(Buffer.from(binary.events[0]!.data.value.data, 'base64').toString()).toBe(exact);
  });

  it('begins at the first record, at the end, before the end, at offsets, at a time', async () => {
    await produce(0, 'a', 'b', 'c');
    await produce(1, 'd', 'e');
    const from = async (query: string, count: number) => {
      const stream = await connect(query);
      await stream.until(count);
      const values = valuesOf(stream).sort();
      stream.cut();
      return values;
    };
    expect(await from('?from=earliest', 5)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(await from('?from=latest-1', 2)).toEqual(['c', 'e']);
    expect(await from('?from=0:1,1:2', 2)).toEqual(['b', 'c']);
    expect(await from('?from=earliest&partition=1', 2)).toEqual(['d', 'e']);
    expect(await from('?from=2020-01-01T00:00:00Z', 5)).toHaveLength(5);
    expect(await from(`?from=${Date.parse('2020-01-01')}&partition=0`, 3)).toEqual(['a', 'b', 'c']);
    const later = await connect('?from=2999-01-01T00:00:00Z');
    await until(() => later.parser.lastId !== undefined);
    await produce(0, 'f');
    await later.until(1);
    expect(valuesOf(later)).toEqual(['f']);
  });

  it('goes on behind the last event, however often it is cut, with nothing missed or twice', async () => {
    const parser = new EventParser();
    const total = 360;
    let sent = 0;
    const produceSome = async () => {
      for (const end = sent + 36; sent < end; sent += 6) {
        for (const partition of [0, 1, 2]) await produce(partition, `${partition}-${sent}`, `${partition}-${sent + 1}`);
      }
    };
    let stream = await connect('?from=earliest', parser);
    for (let cuts = 0; cuts < 10; cuts++) {
      const before = parser.events.length;
      const producing = produceSome();
      await until(() => parser.events.length > before);
      stream.cut();
      await until(() => stream.ended === 'cut');
      stream = await connect('?from=earliest', parser);
      await producing;
    }
    await stream.until(total);
    const seen = parser.events.map(({ data }) => `${data.partition_id}:${data.offset}`);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toHaveLength(total);
    for (const partition of [0, 1, 2]) {
      const offsets = parser.events
        .filter(({ data }) => data.partition_id === partition)
        .map(({ data }) => data.offset);
      expect(offsets).toEqual(offsets.map((_, at) => at));
    }
  });

  it('goes on although no event had come before it was cut', async () => {
    const parser = new EventParser();
    const stream = await connect('', parser);
    await until(() => parser.lastId !== undefined);
    stream.cut();
    await produce(2, 'between');
    const next = await connect('', parser);
    await next.until(1);
    expect(valuesOf(next)).toEqual(['between']);
    // A page cannot set the header for a new EventSource.
    const query = await connect(`?last_event_id=${encodeURIComponent(next.parser.lastId!)}`);
    await produce(2, 'after');
    await query.until(1);
    expect(valuesOf(query)).toEqual(['after']);
  });

  it('follows partitions that the topic gets, from their first record on', async () => {
    const parser = new EventParser();
    const stream = await connect('', parser);
    await until(() => parser.lastId !== undefined);
    stream.cut();
    await rest.send('PATCH', `${V3}/topics/orders`, { partitions_count: 4 });
    await produce(3, 'new');
    const next = await connect('', parser);
    await next.until(1);
    expect(valuesOf(next)).toEqual(['new']);
  });

  it('says which offsets retention took, and that a topic is gone', async () => {
    await produce(0, 'a', 'b');
    const parser = new EventParser();
    const stream = await connect('?from=0:0', parser);
    await stream.until(2);
    stream.cut();
    await produce(0, 'c', 'd');
    const deletion = { topic: { name: 'orders' }, partition: 0, before: 3 };
    const context = {
      principal: 'User:ANONYMOUS' as const,
      clientId: '',
      host: '',
      listener: '',
      deadline: Number.POSITIVE_INFINITY,
      signal: new AbortController().signal,
    };
    await rest.engine.broker.log.deleteRecords(context, [deletion], 10_000);
    const next = await connect('?from=0:0', parser);
    await next.until(4);
    expect(parser.events.slice(2).map(({ name, data }) => [name, data.offset ?? [data.from, data.to]])).toEqual([
      ['gap', [2, 3]],
      ['message', 3],
    ]);
    await rest.send('DELETE', `${V3}/topics/orders`);
    await next.until(5);
    expect(parser.events.at(-1)).toMatchObject({ name: 'failure', data: { error_code: 40403 } });
    await until(() => next.ended === 'end');
    expect((await rest.send('GET', path(''))).status).toBe(404);
    // A topic of the same name is another one: all of it is new to the client.
    await rest.send('POST', `${V3}/topics`, { topic_name: 'orders' });
    await produce(0, 'of the new topic');
    const other = await connect('', parser);
    await other.until(6);
    expect(valuesOf(other).at(-1)).toBe('of the new topic');
  });

  it('refuses what it cannot begin with', async () => {
    await produce(0, 'a');
    const refused = async (query: string, headers = {}) => {
      const { status, json } = await rest.send('GET', path(query), undefined, headers);
      return [status, json.error_code, json.message];
    };
    expect(await refused('?from=0:2')).toEqual([400, 400, 'Bad Request: from: partition 0 ends at offset 1, before 2']);
    for (const from of ['5', 'newest', '0:x', '2026-01-01', 'latest-', '0:99999999999999999999']) {
      expect((await refused(`?from=${from}`))[0], from).toBe(400);
    }
    expect((await refused('?partition=a'))[0]).toBe(400);
    expect(await refused('?partition=3')).toEqual([404, 40402, 'Partition not found.']);
    expect((await refused('?partition=0&from=0:0'))[0]).toBe(400);
    for (const id of ['x', '0=1', `${'A'.repeat(22)}/0=1,0=2`, `${'A'.repeat(22)}/0=99999999999999999`]) {
      expect((await refused('', { 'Last-Event-ID': id }))[0], id).toBe(400);
    }
    expect((await refused('?isolation_level=serializable'))[0]).toBe(404);
    expect((await refused('', { Accept: 'application/json' }))[0]).toBe(406);
    expect((await rest.send('GET', path('', 'none'))).json.error_code).toBe(40403);
  });
});

describe('a stream and its client', () => {
  /** Counts the reads of the log from now on. */
  function countReads() {
    let reads = 0;
    const { log } = rest.engine.broker;
    const { fetch } = log;
    Object.assign(log, {
      fetch: (...given: Parameters<typeof fetch>) => {
        reads++;
        return fetch(...given);
      },
    });
    return () => reads;
  }

  it('reads no more than a slow client takes', { timeout: 60_000 }, async () => {
    const reads = countReads();
    const stream = await connect();
    await until(() => stream.parser.lastId !== undefined);
    stream.pause();
    const value = 'x'.repeat(500_000);
    for (let n = 0; n < 40; n++) await produce(0, value);
    const stopped = await unchanged(reads);
    // 20 MB are there; what was read fits into the buffers of two sockets.
    expect(stopped).toBeLessThan(30);
    stream.resume();
    await stream.until(40);
    expect(stream.events.map(({ data }) => data.offset)).toEqual(Array.from({ length: 40 }, (_, n) => n));
  });

  it('stops when the client is gone', async () => {
    const reads = countReads();
    const stream = await connect();
    await produce(0, 'a');
    await stream.until(1);
    stream.cut();
    const journal = await rest.engine.journalOf('orders');
    await until(() => journal.tail.idle, 'the end of the wait');
    const stopped = reads();
    await produce(0, 'b', 'c');
    expect(reads()).toBe(stopped);
  });
});
