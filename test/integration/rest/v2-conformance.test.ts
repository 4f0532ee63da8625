import { request } from 'node:http';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnyRoute } from '../../../lib/rest/route.ts';
import { allRoutes } from '../../../lib/rest/routes.ts';
import { type RestServer, startRestServer, V3 } from '../../support/rest-server.ts';
import { documentedRoutes, routeRows, type ShownExample } from '../../support/route-table.ts';

/**
 * Every route of Confluent's reference of v2, in the order of a consumer's life, with the reference's
 * example of its request: the status, the media type, and an answer of the form that the route's
 * schema states. docs/REST.md has the same as a table.
 */

let rest: RestServer;

beforeAll(async () => {
  rest = await startRestServer();
  for (const topic_name of ['test', 'test1', 'test2']) {
    await rest.send('POST', `${V3}/topics`, { topic_name, partitions_count: 3 });
  }
});

afterAll(() => rest.close());

const BINARY = 'application/vnd.kafka.binary.v2+json';
const JSON_RECORDS = 'application/vnd.kafka.json.v2+json';
const AVRO = 'application/vnd.kafka.avro.v2+json';
const V2 = 'application/vnd.kafka.v2+json';
const ME = '/consumers/testgroup/instances/my_consumer';
const NOBODY = '/consumers/testgroup/instances/nobody';
const PARTITIONS = {
  partitions: [
    { topic: 'test', partition: 0 },
    { topic: 'test', partition: 1 },
  ],
};

interface Example {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly errorCode?: number;
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
}

const get = (path: string, status = 200, more: Partial<Example> = {}): Example => ({
  method: 'GET',
  path,
  status,
  ...more,
});
const post = (path: string, body: unknown, status: number, more: Partial<Example> = {}): Example => {
  return { method: 'POST', path, body, status, ...more };
};
const remove = (path: string, status: number, more: Partial<Example> = {}): Example => {
  return { method: 'DELETE', path, status, ...more };
};
const gone = { errorCode: 40403 };

const EXAMPLES: readonly Example[] = [
  get('/', 200, { accept: V2 }),
  get('/brokers'),
  get('/topics'),
  get('/topics/test'),
  get('/topics/none', 404, gone),
  get('/topics/test/partitions'),
  get('/topics/none/partitions', 404, gone),
  get('/topics/test/partitions/1'),
  get('/topics/test/partitions/7', 404, { errorCode: 40402 }),
  get('/topics/test/partitions/1/offsets'),
  get('/topics/test/partitions/7/offsets', 404, { errorCode: 40402 }),
  post(
    '/topics/test',
    {
      records: [{ key: 'a2V5', value: 'Y29uZmx1ZW50' }, { value: 'a2Fma2E=', partition: 1 }, { value: 'bG9ncw==' }],
    },
    200,
    { type: BINARY },
  ),
  post(
    '/topics/test',
    { records: [{ key: 'somekey', value: { foo: 'bar' } }, { value: ['foo', 'bar'], partition: 1 }, { value: 53.5 }] },
    200,
    { type: JSON_RECORDS },
  ),
  post(
    '/topics/test',
    { value_schema: '{"name":"int","type": "int"}', records: [{ value: 12 }, { value: 24, partition: 1 }] },
    422,
    { type: AVRO, errorCode: 42206 },
  ),
  post('/topics/test', { records: [{ value: 'no base64' }] }, 400, { type: BINARY }),
  post('/topics/test', { records: [{ value: 1 }] }, 415, { type: 'text/plain' }),
  post('/topics/test/partitions/1', { records: [{ key: 'a2V5', value: 'Y29uZmx1ZW50' }, { value: 'a2Fma2E=' }] }, 200, {
    type: BINARY,
  }),
  post(
    '/topics/test/partitions/1',
    { records: [{ key: 'somekey', value: { foo: 'bar' } }, { value: ['foo', 'bar'] }, { value: 53.5 }] },
    200,
    { type: JSON_RECORDS },
  ),
  post('/consumers/testgroup/', { name: 'my_consumer', format: 'binary', 'auto.offset.reset': 'earliest' }, 200),
  post('/consumers/testgroup', { name: 'my_consumer' }, 409, { errorCode: 40902 }),
  post('/consumers/testgroup', { format: 'avro' }, 422, { errorCode: 42204 }),
  post(`${ME}/subscription`, { topics: ['test1', 'test2'] }, 204),
  get(`${ME}/subscription`),
  get(`${NOBODY}/subscription`, 404, gone),
  post(`${ME}/subscription`, { topic_pattern: 'test.*' }, 409, { errorCode: 40903 }),
  post(`${NOBODY}/subscription`, { topics: ['test1'] }, 404, gone),
  remove(`${ME}/subscription`, 204),
  remove(`${NOBODY}/subscription`, 404, gone),
  post(`${ME}/assignments`, PARTITIONS, 204),
  post(`${NOBODY}/assignments`, PARTITIONS, 404, gone),
  post(`${ME}/subscription`, { topics: ['test1', 'test2'] }, 409, { errorCode: 40903 }),
  get(`${ME}/assignments`),
  get(`${NOBODY}/assignments`, 404, gone),
  get(`${ME}/records?timeout=3000&max_bytes=300000`, 200, { accept: BINARY }),
  get(`${ME}/records`, 406, { accept: JSON_RECORDS, errorCode: 40601 }),
  get(`${NOBODY}/records`, 404, gone),
  post(
    `${ME}/offsets`,
    {
      offsets: [
        { topic: 'test', partition: 0, offset: 20 },
        { topic: 'test', partition: 1, offset: 30 },
      ],
    },
    200,
  ),
  post(`${NOBODY}/offsets`, undefined, 404, gone),
  get(`${ME}/offsets`, 200, { body: PARTITIONS }),
  get(`${NOBODY}/offsets`, 404, gone),
  post(
    `${ME}/positions`,
    {
      offsets: [
        { topic: 'test', partition: 0, offset: 20 },
        { topic: 'test', partition: 1, offset: 30 },
      ],
    },
    204,
  ),
  post(`${ME}/positions`, { offsets: [{ topic: 'test', partition: 2, offset: 20 }] }, 409, { errorCode: 40903 }),
  post(`${NOBODY}/positions`, { offsets: [] }, 404, gone),
  post(`${ME}/positions/beginning`, PARTITIONS, 204),
  post(`${NOBODY}/positions/beginning`, PARTITIONS, 404, gone),
  post(`${ME}/positions/end`, PARTITIONS, 204),
  post(`${NOBODY}/positions/end`, PARTITIONS, 404, gone),
  remove(ME, 204),
  remove(ME, 404, gone),
];

const v2Routes = allRoutes.filter(({ path }) => /^\/(?:$|brokers|topics|consumers)/.test(path));

describe('v2, as the reference of Confluent has it', () => {
  it.each(EXAMPLES)('$method $path answers $status', async (example) => {
    const { status, contentType, text } = await send(example);
    expect(status, text).toBe(example.status);
    const { success } = routeOf(example);
    if (status >= 400) {
      expect(JSON.parse(text)).toEqual({ error_code: example.errorCode ?? status, message: expect.any(String) });
      expect(contentType).toBe(V2);
    } else if (status === 204) {
      expect(text).toBe('');
    } else {
      if (success.schema !== undefined) expect(v.safeParse(success.schema, JSON.parse(text)).issues ?? []).toEqual([]);
      expect(contentType).toBe(example.accept ?? V2);
    }
  });

  it('has an example of each route, with the codes that docs/REST.md shows', () => {
    const shown = EXAMPLES.map((one): ShownExample => ({ ...one, path: routeOf(one).path }));
    const rows = routeRows(shown);
    expect([...rows.keys()].sort()).toEqual(v2Routes.map(({ method, path }) => `${method} ${path}`).sort());
    const documented = new Map([...rows.keys()].map((route) => [route, documentedRoutes.get(route)]));
    expect(documented).toEqual(rows);
  });
});

/** By Node's own client: that of fetch sends no body with GET. */
function send({ method, path, body, type = V2, accept = V2 }: Example) {
  return new Promise<{ status: number; contentType: string | undefined; text: string }>((resolve, reject) => {
    const sent = body === undefined ? '' : JSON.stringify(body);
    const typed = sent === '' ? {} : { 'Content-Type': type, 'Content-Length': Buffer.byteLength(sent) };
    const outgoing = request(rest.url + path, { method, headers: { Accept: accept, ...typed } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        resolve({ status: response.statusCode!, contentType: response.headers['content-type'], text });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(sent);
  });
}

function routeOf({ method, path }: Example): AnyRoute {
  const bare = path.replace(/\?.*/, '').replace(/(.)\/$/, '$1');
  const route = v2Routes.find((one) => {
    return one.method === method && new RegExp(`^${one.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(bare);
  });
  if (route === undefined) throw new Error(`no route for ${method} ${path}`);
  return route;
}
