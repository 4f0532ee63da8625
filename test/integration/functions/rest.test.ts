import { gunzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/core/clock.ts';
import { systemRandom } from '../../../lib/core/random.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import type { Stores } from '../../../lib/storage/ports.ts';
import { type Functions, LAMBDA_CONTEXT, startFunctions } from '../../support/functions.ts';
import { scaled } from '../../support/machine.ts';
import { HOST, payload1, payload2, receivedOf, type SentRequest } from '../../support/rest-events.ts';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const V2 = { 'Content-Type': 'application/vnd.kafka.v2+json' };
const V2_JSON = 'application/vnd.kafka.json.v2+json';
const BODY_BYTES_MAX = 4_400_000;

let stores: Stores;
let functions: Functions;

beforeEach(() => {
  stores = memoryStores({ clock: systemClock, random: systemRandom });
  functions = startFunctions({ stores });
});

type Payload = (request: SentRequest) => object;

async function ask(
  request: SentRequest,
  { by = functions, payload = payload2 as Payload, context = LAMBDA_CONTEXT } = {},
) {
  return receivedOf(await by.rest(payload(request), context));
}

const post = (path: string, body: unknown, headers: Record<string, string> = V2): SentRequest => ({
  method: 'POST',
  path,
  headers,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const get = (path: string, headers: Record<string, string> = {}): SentRequest => ({ method: 'GET', path, headers });

const records = (...values: unknown[]) => ({ records: values.map((value) => ({ value })) });

describe.each([
  ['2.0, of HTTP APIs and function URLs', payload2 as Payload, `https://${HOST}`],
  ['1.0, of REST APIs', payload1 as Payload, `https://${HOST}/kafka`],
])('with events of payload %s', (_, payload, base) => {
  it('records go in by v3 and out by v2', async () => {
    const clusters = await ask(get('/v3/clusters'), { payload });
    const [{ cluster_id: id, metadata }] = clusters.json.data;
    expect(metadata.self).toBe(`${base}/v3/clusters/${id}`);
    const record = { key: { type: 'STRING', data: 'ä€' }, value: { type: 'BINARY', data: 'AP//gA==' } };
    const produced = await ask(post(`/v3/clusters/${id}/topics/t/records`, record, JSON_TYPE), { payload });
    expect(produced).toMatchObject({ status: 200, json: { error_code: 200, offset: 0, topic_name: 't' } });

    const created = await ask(post('/consumers/g', { name: 'me', 'auto.offset.reset': 'earliest' }), { payload });
    expect(created.json).toEqual({ instance_id: 'me', base_uri: `${base}/consumers/g/instances/me` });
    const me = '/consumers/g/instances/me';
    expect(await ask(post(`${me}/subscription`, { topics: ['t'] }), { payload })).toMatchObject({ status: 204 });
    expect((await ask(get(`${me}/records`), { payload })).json).toEqual([
      { topic: 't', key: Buffer.from('ä€').toString('base64'), value: 'AP//gA==', partition: 0, offset: 0 },
    ]);
    expect(await ask({ method: 'DELETE', path: me, headers: V2 }, { payload })).toMatchObject({ status: 204 });
  });

  it('a GET may have a body, as that of v2 for offsets', async () => {
    await ask(post('/topics/t', records('a'), { 'Content-Type': V2_JSON }), { payload });
    await ask(post('/consumers/g', { name: 'me' }), { payload });
    const partitions = { partitions: [{ topic: 't', partition: 0 }] };
    await ask(post('/consumers/g/instances/me/assignments', partitions), { payload });
    const offsets = { ...post('/consumers/g/instances/me/offsets', partitions), method: 'GET' };
    expect(await ask(offsets, { payload })).toMatchObject({ status: 200, json: { offsets: [] } });
  });

  it('queries, media types and compression are those of the client', async () => {
    const page = await ask(get('/', { Accept: 'text/html', 'Accept-Encoding': 'gzip' }), { payload });
    expect(page.headers).toMatchObject({ 'content-encoding': 'gzip', 'content-type': 'text/html; charset=utf-8' });
    expect(gunzipSync(page.bytes).toString()).toContain('<h1>Tidelog REST</h1>');
    await ask(post('/consumers/g', { name: 'me' }), { payload });
    const unknown = { ...get('/consumers/g/instances/me/records'), query: { timeout: 'soon' } };
    expect(await ask(unknown, { payload })).toMatchObject({ status: 404 });
  });
});

describe('records:stream', () => {
  it('answers with the first records at once, and goes on behind them', async () => {
    const [{ cluster_id: id }] = (await ask(get('/v3/clusters'))).json.data;
    const path = `/v3/clusters/${id}/topics/t/records:stream`;
    const valuesIn = (text: string) =>
      [...text.matchAll(/^data: (.*"offset".*)$/gm)].map(([, data]) => JSON.parse(data!).value.data);
    await ask(post('/topics/t', records('AAAA', 'BBBB'), { 'Content-Type': V2_JSON }));
    const startedAt = performance.now();
    const first = await ask({ ...get(path), query: { from: 'earliest' } });
    expect(performance.now() - startedAt).toBeLessThan(scaled(5_000));
    const text = first.bytes.toString();
    expect([first.status, valuesIn(text)]).toEqual([200, ['AAAA', 'BBBB']]);
    await ask(post('/topics/t', records('CCCC'), { 'Content-Type': V2_JSON }));
    const [last] = [...text.matchAll(/^id: (.*)$/gm)].map(([, eventId]) => eventId!).slice(-1);
    const next = await ask(get(path, { 'Last-Event-ID': last! }));
    expect(valuesIn(next.bytes.toString())).toEqual(['CCCC']);
  });
});

describe('a body of more than 4.4 MB', () => {
  it.each([
    ['records of v3', '/v3/clusters/c/topics/t/records', JSON_TYPE],
    ['records:batch', '/v3/clusters/c/topics/t/records:batch', JSON_TYPE],
    ['v2', '/topics/t', { 'Content-Type': V2_JSON }],
  ])('%s gets 413 before anything is read or written', async (__, path, headers) => {
    const small = JSON.stringify({ value: { type: 'STRING', data: 'x' } });
    const body = small + ' '.repeat(BODY_BYTES_MAX + 1 - small.length);
    expect(await ask(post(path, body, headers))).toMatchObject({ status: 413, json: { error_code: 413 } });
    expect(functions.meters.rest.counts()).toEqual({});
  });
});

describe('a call', () => {
  it('that waits ends before the time of the function does', async () => {
    await ask(post('/topics/t', records('a'), { 'Content-Type': V2_JSON }));
    await ask(post('/consumers/g', { name: 'me', 'consumer.request.timeout.ms': 300_000 }));
    await ask(post('/consumers/g/instances/me/subscription', { topics: ['t'] }));
    const context = { ...LAMBDA_CONTEXT, getRemainingTimeInMillis: () => 7_000 };
    const startedAt = performance.now();
    expect(await ask(get('/consumers/g/instances/me/records'), { context })).toMatchObject({ status: 200, json: [] });
    expect(performance.now() - startedAt).toBeLessThan(5_500);
  });

  it('without an identity gets 403, and reads nothing', async () => {
    const event = payload2(get('/topics'), {});
    expect(receivedOf(await functions.rest(event, LAMBDA_CONTEXT))).toMatchObject({
      status: 403,
      json: { error_code: 403 },
    });
    expect(functions.meters.rest.counts()).toEqual({});
    const open = startFunctions({ stores, environment: { TIDELOG_FUNCTIONS_ANONYMOUS: 'true' } });
    expect(receivedOf(await open.rest(event, LAMBDA_CONTEXT))).toMatchObject({ status: 200, json: [] });
  });

  it.each([
    [{}],
    [null],
    [{ tidelog: 'frames', body: '' }],
    [{ requestContext: {} }],
    [{ requestContext: { http: {} } }],
  ])('that is no request of HTTP is refused: %j', async (event) => {
    expect(await functions.rest(event, LAMBDA_CONTEXT)).toMatchObject({ error: { status: 400 } });
  });

  it('with a body that is not base64 gets 400', async () => {
    const event = { ...payload2(post('/topics/t', '')), body: '***', isBase64Encoded: true };
    expect(receivedOf(await functions.rest(event, LAMBDA_CONTEXT))).toMatchObject({ status: 400 });
  });

  it('leaves nothing running behind its answer', async () => {
    await ask(post('/topics/t', records('a'), { 'Content-Type': V2_JSON }));
    const { rest } = functions.meters;
    rest.reset();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(rest.counts()).toEqual({});
    expect(functions.lines.filter(({ event }) => event === 'work_left_running')).toEqual([]);
  });
});

describe('records for a consumer', () => {
  it('fit into an answer, however small they are, and the next answer goes on', async () => {
    // 100,000 records of a byte become more than 6 MB of JSON.
    const count = 100_000;
    const wave = records(...Array.from({ length: count }, (_, at) => at % 10));
    await ask(post('/topics/t', wave, { 'Content-Type': V2_JSON }));
    await ask(post('/consumers/g', { name: 'me', format: 'json', 'auto.offset.reset': 'earliest' }));
    await ask(post('/consumers/g/instances/me/subscription', { topics: ['t'] }));
    let next = 0;
    while (next < count) {
      const { status, bytes, json } = await ask(get('/consumers/g/instances/me/records', { Accept: V2_JSON }));
      expect(status).toBe(200);
      expect(bytes.length).toBeLessThanOrEqual(BODY_BYTES_MAX);
      expect(json[0].offset).toBe(next);
      next += json.length;
    }
    expect(next).toBe(count);
  });

  it('that are larger than an answer are refused, and can be passed over', async () => {
    const topic = { topic_name: 'wide', configs: [{ name: 'max.message.bytes', value: '4300000' }] };
    const [{ cluster_id: id }] = (await ask(get('/v3/clusters'))).json.data;
    expect((await ask(post(`/v3/clusters/${id}/topics`, topic, JSON_TYPE))).status).toBe(201);
    // As a string of JSON it is read as base64, which is a third longer.
    const wide = { value: { type: 'STRING', data: 'x'.repeat(4_000_000) } };
    const produced = await ask(post(`/v3/clusters/${id}/topics/wide/records`, wide, JSON_TYPE));
    expect(produced.json).toMatchObject({ error_code: 200, offset: 0 });
    await ask(post('/topics/wide', records('after'), { 'Content-Type': V2_JSON }));
    await ask(post('/consumers/g', { name: 'me', 'auto.offset.reset': 'earliest' }));
    await ask(post('/consumers/g/instances/me/subscription', { topics: ['wide'] }));
    const read = () => ask(get('/consumers/g/instances/me/records'));
    expect(await read()).toMatchObject({ status: 500, json: { message: expect.stringContaining('seek past it') } });
    await ask(post('/consumers/g/instances/me/positions', { offsets: [{ topic: 'wide', partition: 0, offset: 1 }] }));
    expect((await read()).json).toMatchObject([{ offset: 1 }]);
  });
});

describe('two instances of the function', () => {
  it('alternate on one consumer instance and lose nothing', async () => {
    const both = [functions, startFunctions({ stores })];
    await ask(post('/topics/t', records(0), { 'Content-Type': V2_JSON }));
    await ask(post('/consumers/g', { name: 'me', format: 'json', 'auto.offset.reset': 'earliest' }), { by: both[1]! });
    await ask(post('/consumers/g/instances/me/subscription', { topics: ['t'] }), { by: both[0]! });
    const got: number[] = [];
    const sent = [0];
    for (let turn = 0; got.length < sent.length || turn < 20; turn++) {
      const [reader, writer] = turn % 2 === 0 ? both : both.toReversed();
      if (turn < 20) {
        const values = [sent.length, sent.length + 1];
        sent.push(...values);
        await ask(post('/topics/t', records(...values), { 'Content-Type': V2_JSON }), { by: writer! });
      }
      const { status, json } = await ask(get('/consumers/g/instances/me/records', { Accept: V2_JSON }), {
        by: reader!,
      });
      expect(status).toBe(200);
      got.push(...json.map(({ value }: { value: number }) => value));
      expect(turn).toBeLessThan(60);
    }
    expect(got).toEqual(sent);
  });
});
