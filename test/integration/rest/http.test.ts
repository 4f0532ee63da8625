import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allRoutes } from '../../../lib/rest/routes.ts';
import { type RestServer, startRestServer, V3 } from '../../support/rest-server.ts';

let rest: RestServer;

beforeAll(async () => {
  rest = await startRestServer({ settings: { 'access.control.allow.origin': 'https://shop.example' } });
  await rest.send('POST', `${V3}/topics`, { topic_name: 't' });
});

afterAll(() => rest.close());

describe('the document', () => {
  it('has every route, with schemas that an answer meets', async () => {
    const { json } = await rest.send('GET', '/openapi.json');
    expect(json.openapi).toBe('3.1.0');
    const named = Object.entries(json.paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(named.sort()).toEqual(allRoutes.map(({ method, path }) => `${method} ${path}`).sort());
    const create = json.paths['/v3/clusters/{cluster_id}/topics'].post;
    expect(create.requestBody.content['application/json'].schema).toMatchObject({
      type: 'object',
      required: ['topic_name'],
    });
    expect(create.parameters).toEqual([{ name: 'cluster_id', in: 'path', required: true, schema: { type: 'string' } }]);
  });

  it('is shown by a page that needs nothing from elsewhere', async () => {
    const page = await rest.send('GET', '/', undefined, { Accept: 'text/html,*/*;q=0.8' });
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    for (const { path } of allRoutes) expect(page.text).toContain(`<code>${path}</code>`);
    expect(page.text).not.toMatch(/src=|<script|https?:\/\//);
    const root = await rest.send('GET', '/', undefined, { Accept: 'application/vnd.kafka.v2+json' });
    expect(root.json).toEqual({});
  });
});

describe('an answer', () => {
  it('is not sent again while it is the same', async () => {
    const first = await rest.send('GET', `${V3}/topics`);
    const again = { 'If-None-Match': first.headers.get('etag')! };
    expect((await rest.send('GET', `${V3}/topics`, undefined, again)).status).toBe(304);
    await rest.send('POST', `${V3}/topics`, { topic_name: 'another' });
    expect((await rest.send('GET', `${V3}/topics`, undefined, again)).status).toBe(200);
  });

  it('is compressed if it is large and the client takes that', async () => {
    const path = `${rest.cluster}/topics/t/configs`;
    const packed = await fetch(path, { headers: { 'Accept-Encoding': 'gzip' } });
    expect(packed.headers.get('content-encoding')).toBe('gzip');
    const plain = await fetch(path, { headers: { 'Accept-Encoding': 'identity, gzip;q=0' } });
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(await packed.json()).toEqual(await plain.json());
  });

  it('may be read by pages of the allowed origins alone', async () => {
    const allowed = async (origin: string) => {
      const { headers } = await rest.send('GET', `${V3}/topics`, undefined, { Origin: origin });
      return headers.get('access-control-allow-origin');
    };
    expect(await allowed('https://shop.example')).toBe('https://shop.example');
    expect(await allowed('https://other.example')).toBeNull();
    const preflight = await fetch(`${rest.cluster}/topics/t/records`, {
      method: 'OPTIONS',
      headers: { Origin: 'https://shop.example', 'Access-Control-Request-Method': 'POST' },
    });
    expect(preflight.headers.get('access-control-allow-methods')).toContain('POST');
  });

  it('tells which methods a path has', async () => {
    const { status, headers } = await rest.send('PUT', `${V3}/topics`);
    expect([status, headers.get('allow')]).toEqual([405, 'GET, POST']);
  });
});

it('a body of a GET is read, as Confluent has it', async () => {
  const { request } = await import('node:http');
  await rest.send('POST', '/consumers/g', { name: 'one' });
  const answer = await new Promise<string>((resolve, reject) => {
    const body = JSON.stringify({ partitions: [{ topic: 't', partition: 0 }] });
    const headers = { 'Content-Type': 'application/vnd.kafka.v2+json', 'Content-Length': Buffer.byteLength(body) };
    const sent = request(`${rest.url}/consumers/g/instances/one/offsets`, { method: 'GET', headers }, (response) => {
      response.setEncoding('utf8').on('data', resolve).on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
  expect(JSON.parse(answer)).toEqual({ offsets: [] });
});

it('says what a request has wrong with 4xx, where Confluent says 5xx', async () => {
  const codes = async (method: string, path: string, body: unknown) => {
    const { status, json } = await rest.send(method, path, body);
    return [status, json.error_code];
  };
  const record = { value: { type: 'STRING', data: 'a' } };
  expect((await rest.send('POST', `${V3}/topics/not%20a%20name/records`, record)).json.error_code).toBe(40002);
  const nowhere = [{ partition_id: 0, broker_ids: [] }];
  expect((await codes('POST', `${V3}/topics`, { topic_name: 'a', replicas_assignments: nowhere }))[0]).toBe(400);
  expect(await codes('POST', `/consumers/${'g'.repeat(501)}`, {})).toEqual([400, 40002]);
  // A member that subscribes, and an instance beside it that commits for the same group.
  for (const name of ['member', 'other']) await rest.send('POST', '/consumers/both', { name });
  const instances = '/consumers/both/instances';
  await rest.send('POST', `${instances}/member/subscription`, { topics: ['t'] });
  await rest.send('POST', `${instances}/other/assignments`, { partitions: [{ topic: 't', partition: 0 }] });
  const commit = { offsets: [{ topic: 't', partition: 0, offset: 0 }] };
  expect(await codes('POST', `${instances}/other/offsets`, commit)).toEqual([409, 40903]);
});

it('refuses a Host header that is none', async () => {
  const socket = connect(Number(new URL(rest.url).port), '127.0.0.1');
  socket.end('GET /topics HTTP/1.1\r\nHost: lo.1\r\nConnection: close\r\n\r\n');
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
});
