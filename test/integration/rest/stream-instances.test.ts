import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/core/clock.ts';
import { systemRandom } from '../../../lib/core/random.ts';
import type { RestHandler } from '../../../lib/rest/app.ts';
import { allRoutes } from '../../../lib/rest/routes.ts';
import { END_BEFORE_MS } from '../../../lib/rest/stream/follow.ts';
import { composeRest } from '../../../lib/run/compose-rest.ts';
import { emptyStores } from '../../support/engine.ts';
import { connectStream, EventParser, type StreamConnection } from '../../support/event-stream.ts';
import { RawTransactor } from '../../support/raw-transactor.ts';
import { type RestServer, startRestServer, V3 } from '../../support/rest-server.ts';
import { settingsOf } from '../../support/settings.ts';
import { until } from '../../support/waiting.ts';

/** Streams that several processes serve, one after the other, and streams of a group. */

let servers: RestServer[];
let handlers: RestHandler[];
let open: StreamConnection[];

beforeEach(async () => {
  const stores = emptyStores();
  open = [];
  servers = [await startRestServer({ stores }), await startRestServer({ stores })];
  const settings = settingsOf({ 'tidelog.store': 'memory' });
  handlers = servers.map(({ engine }) => {
    return composeRest({ stores, random: systemRandom, settings }, engine.broker, allRoutes);
  });
  await servers[0]!.send('POST', `${V3}/topics`, { topic_name: 'orders', partitions_count: 2 });
});

afterEach(async () => {
  for (const one of open) one.cut();
  for (const one of servers) await one.close();
});

async function produce(partition: number, ...values: readonly string[]) {
  const bodies = values.map((data) => JSON.stringify({ partition_id: partition, value: { type: 'STRING', data } }));
  await servers[0]!.send('POST', `${V3}/topics/orders/records`, bodies.join(''));
}

/** One request as a function serves it: until `limitMs`. Resolves when the stream has ended. */
async function readUntil(handle: RestHandler, query: string, parser: EventParser, limitMs: number) {
  const headers = new Headers({ Accept: 'text/event-stream' });
  if (parser.lastId !== undefined) headers.set('Last-Event-ID', parser.lastId);
  const response = await handle(new Request(`http://rest${V3}/topics/orders/records:stream${query}`, { headers }), {
    principal: 'User:ANONYMOUS',
    host: '127.0.0.1',
    deadline: systemClock.monotonic() + limitMs,
    signal: new AbortController().signal,
  });
  const decoder = new TextDecoder();
  for await (const chunk of response.body!) parser.push(decoder.decode(chunk, { stream: true }));
}

async function connect(server: number, query: string, parser?: EventParser) {
  const connection = await connectStream(`${servers[server]!.cluster}/topics/orders/records:stream${query}`, parser);
  open.push(connection);
  return connection;
}

const placesOf = ({ events }: { readonly events: EventParser['events'] }) => {
  return events.map(({ data }) => `${data.partition_id}:${data.offset}`).sort();
};
const expected = (count: number) => [0, 1].flatMap((p) => Array.from({ length: count }, (_, n) => `${p}:${n}`)).sort();

describe('a stream that two processes serve in turn', () => {
  it('ends before the deadline of the request, and the next process goes on without a gap or a double', async () => {
    const parser = new EventParser();
    let produced = 0;
    const producing = (async () => {
      for (; produced < 120; produced += 4) {
        for (const partition of [0, 1]) await produce(partition, ...['a', 'b', 'c', 'd'].map((one) => one + produced));
      }
    })();
    for (let turn = 0; turn < 10; turn++) {
      const began = systemClock.monotonic();
      await readUntil(handlers[turn % 2]!, '?from=earliest', parser, END_BEFORE_MS + 200);
      expect(systemClock.monotonic() - began).toBeLessThan(END_BEFORE_MS + 200);
    }
    await producing;
    await readUntil(handlers[0]!, '?from=earliest', parser, END_BEFORE_MS + 2_000);
    expect(placesOf(parser)).toEqual(expected(120));
  });

  it('ends at once when there is no time left', async () => {
    await produce(0, 'a');
    const parser = new EventParser();
    await readUntil(handlers[0]!, '?from=earliest', parser, END_BEFORE_MS - 1);
    // The place is told all the same.
    expect([parser.events.length, parser.lastId?.endsWith('/0=0,1=0')]).toEqual([0, true]);
  });
});

describe('read_committed', () => {
  it('waits for the end of transactions and leaves out what was aborted', async () => {
    const { engine } = servers[0]!;
    const topic = await engine.broker.admin.topics.get('orders');
    const name = { name: 'orders', id: topic!.record.id };
    const producer = new RawTransactor(engine.client, 'tx');
    await producer.init();
    const all = await connect(0, '?partition=0');
    const committed = await connect(1, '?partition=0&isolation_level=read_committed');
    await until(() => all.parser.lastId !== undefined && committed.parser.lastId !== undefined);
    await producer.send(name, ['aborted']);
    await all.until(1);
    await producer.end(false);
    await producer.send(name, ['committed']);
    await all.until(2);
    expect(committed.events).toEqual([]);
    await producer.end(true);
    await committed.until(1);
    expect(committed.events.map(({ data }) => data.value.data)).toEqual(['committed']);
    expect(all.events.map(({ data }) => data.value.data)).toEqual(['aborted', 'committed']);
    // The markers are no records, but the place is behind them.
    await until(
      () => committed.parser.lastId?.endsWith('/0=4') === true && all.parser.lastId?.endsWith('/0=4') === true,
    );
  });
});

describe('streams of a group', () => {
  const committedOffsets = async () => {
    const { json } = await servers[0]!.send('GET', `${V3}/consumer-groups/billing/lags`);
    return json.data?.map((one: { current_offset: number }) => one.current_offset) ?? [];
  };

  it('share the partitions, and commit what was sent', { timeout: 90_000 }, async () => {
    await produce(0, 'a', 'b');
    await produce(1, 'c', 'd');
    const first = await connect(0, '?group=billing&from=earliest');
    await first.until(4);
    await expect.poll(committedOffsets, { timeout: 20_000 }).toEqual([2, 2]);
    const second = await connect(1, '?group=billing&from=earliest');
    // The first one gives one partition up with its next heartbeat.
    await until(() => second.parser.lastId?.includes('=') === true, 'a partition', { withinMs: 30_000 });
    await produce(0, 'e');
    await produce(1, 'f');
    await until(() => first.events.length + second.events.length >= 6);
    expect([first.events.length, second.events.length]).toEqual([5, 1]);
    expect(placesOf({ events: [...first.events, ...second.events] })).toEqual(expected(3));
    await expect.poll(committedOffsets, { timeout: 20_000 }).toEqual([3, 3]);
  });

  it('go on as the same member in another process, with nothing missed or twice', { timeout: 90_000 }, async () => {
    const parser = new EventParser();
    const produceSome = async () => {
      for (let some = 0; some < 6; some++) for (const partition of [0, 1]) await produce(partition, 'x', 'y');
    };
    let stream = await connect(0, '?group=billing&from=earliest', parser);
    for (let cuts = 0; cuts < 10; cuts++) {
      const before = parser.events.length;
      const producing = produceSome();
      await until(() => parser.events.length > before);
      stream.cut();
      await until(() => stream.ended !== undefined);
      stream = await connect((cuts + 1) % 2, '?group=billing&from=earliest', parser);
      expect(stream.status).toBe(200);
      await producing;
    }
    await stream.until(240);
    expect(placesOf(parser)).toEqual(expected(120));
    const { json } = await servers[0]!.send('GET', `${V3}/consumer-groups/billing/consumers`);
    expect(json.data).toHaveLength(1);
    // Another member would go on behind what was sent.
    await expect.poll(committedOffsets, { timeout: 20_000 }).toEqual([120, 120]);
  });

  it('end in order with everything committed', { timeout: 60_000 }, async () => {
    await produce(0, 'a');
    const parser = new EventParser();
    await readUntil(handlers[0]!, '?group=billing&from=earliest', parser, END_BEFORE_MS + 700);
    expect(parser.events).toHaveLength(1);
    expect(await committedOffsets()).toEqual([1, 0]);
  });

  it('refuse what the group decides', async () => {
    const statusOf = async (query: string, headers = {}) => {
      return (await servers[0]!.send('GET', `${V3}/topics/orders/records:stream${query}`, undefined, headers)).status;
    };
    expect(await statusOf('?group=billing&partition=0')).toBe(400);
    expect(await statusOf('?group=billing&from=0:0')).toBe(400);
    expect(await statusOf('?group=billing&from=latest-3')).toBe(400);
    const parser = new EventParser();
    await readUntil(handlers[0]!, '', parser, END_BEFORE_MS + 100);
    expect(await statusOf('?group=billing', { 'Last-Event-ID': parser.lastId })).toBe(400);
    const member = new EventParser();
    await readUntil(handlers[0]!, '?group=billing', member, END_BEFORE_MS + 100);
    expect(await statusOf('', { 'Last-Event-ID': member.lastId })).toBe(400);
  });
});
