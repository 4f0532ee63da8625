import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allRoutes } from '../../../lib/rest/routes.ts';
import { denyAll } from '../../support/authorizer.ts';
import { type RestServer, startRestServer, V3 } from '../../support/rest-server.ts';

const LIMIT_BYTES = 64 * 1024;

let rest: RestServer;

beforeAll(async () => {
  rest = await startRestServer({
    limits: { requestBytesMax: LIMIT_BYTES },
    settings: { 'auto.create.topics.enable': 'false' },
  });
  await rest.send('POST', `${V3}/topics`, { topic_name: 't', partitions_count: 2 });
});

afterAll(() => rest.close());

const BINARY = { 'Content-Type': 'application/vnd.kafka.binary.v2+json' };
const JSON_V2 = { 'Content-Type': 'application/vnd.kafka.json.v2+json' };
const DEEP = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
const RECORDS = `${V3}/topics/t/records`;

type Case = readonly [
  what: string,
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string>,
  status: number,
  code: number,
];

/** What is wrong, the request, and Confluent's status and error_code. */
const REFUSED: readonly Case[] = [
  ['an unknown path', 'GET', '/v4/clusters', undefined, {}, 404, 404],
  ['an unknown method', 'PUT', `${V3}/topics`, {}, {}, 405, 405],
  ['another cluster', 'GET', '/v3/clusters/other/topics', undefined, {}, 404, 404],
  ['an unknown media type', 'POST', `${V3}/topics`, '<a/>', { 'Content-Type': 'text/xml' }, 415, 415],
  ['v2 in a type without a format', 'POST', '/topics/t', { records: [{ value: 'x' }] }, {}, 415, 415],
  ['a compressed body', 'POST', `${V3}/topics`, '{}', { 'Content-Encoding': 'gzip' }, 415, 415],
  ['an answer that nobody gives', 'GET', `${V3}/topics`, undefined, { Accept: 'text/xml' }, 406, 406],
  ['broken JSON', 'POST', `${V3}/topics`, '{"topic_name":', {}, 400, 400],
  ['deep JSON', 'POST', '/topics/t', `{"records":[{"value":${DEEP}}]}`, JSON_V2, 400, 400],
  ['huge JSON', 'POST', '/topics/t', { records: [{ value: 'x'.repeat(LIMIT_BYTES) }] }, JSON_V2, 413, 413],
  ['a huge record', 'POST', RECORDS, { value: { type: 'STRING', data: 'x'.repeat(LIMIT_BYTES) } }, {}, 413, 413],
  ['no body', 'POST', RECORDS, undefined, {}, 422, 42206],
  ['no topic name', 'POST', `${V3}/topics`, {}, {}, 400, 400],
  ['an invalid topic name', 'POST', `${V3}/topics`, { topic_name: 'a/b' }, {}, 422, 42206],
  ['a topic that is there', 'POST', `${V3}/topics`, { topic_name: 't' }, {}, 400, 40002],
  [
    'an invalid config',
    'POST',
    `${V3}/topics`,
    { topic_name: 'n', configs: [{ name: 'no.such', value: '1' }] },
    {},
    400,
    40002,
  ],
  ['no records', 'POST', '/topics/t', { records: [] }, JSON_V2, 422, 422],
  ['bad base64', 'POST', '/topics/t', { records: [{ value: 'AA*A' }] }, BINARY, 400, 400],
  ['a number for base64', 'POST', '/topics/t', { records: [{ value: 5 }] }, BINARY, 400, 400],
  [
    'a format with schemas',
    'POST',
    '/topics/t',
    { records: [{ value: {} }] },
    { 'Content-Type': 'application/vnd.kafka.avro.v2+json' },
    422,
    42206,
  ],
  ['an empty batch', 'POST', `${RECORDS}:batch`, { entries: [] }, {}, 422, 42208],
  ['a batch with one id twice', 'POST', `${RECORDS}:batch`, { entries: [{ id: '1' }, { id: '1' }] }, {}, 422, 42208],
  ['an unknown topic of v3', 'GET', `${V3}/topics/none`, undefined, {}, 404, 40403],
  ['an unknown topic of v2', 'GET', '/topics/none', undefined, {}, 404, 40403],
  ['an unknown partition of v2', 'GET', '/topics/t/partitions/9', undefined, {}, 404, 40402],
  ['an unknown consumer', 'GET', '/consumers/g/instances/none/records', undefined, {}, 404, 40403],
  ['a query that is no number', 'GET', '/consumers/g/instances/none/records?timeout=soon', undefined, {}, 404, 404],
];

describe('a request that is refused', () => {
  it.each(REFUSED)('for %s', async (_what, method, path, body, headers, status, code) => {
    const answer = await rest.send(method, path, body, headers);
    expect([answer.status, answer.json], answer.text).toEqual([
      status,
      { error_code: code, message: expect.any(String) },
    ]);
  });

  it('has written nothing', async () => {
    for (const partition of [0, 1]) {
      const { json } = await rest.send('GET', `/topics/t/partitions/${partition}/offsets`);
      expect(json).toEqual({ beginning_offset: 0, end_offset: 0 });
    }
    const { json } = await rest.send('GET', '/topics');
    expect(json).toEqual(['t']);
  });
});

/** Records of v3 whose report has an error: the status is 200, as in Confluent's. */
const FAILED: readonly [what: string, record: unknown, code: number][] = [
  ['an unknown type', { value: { type: 'XML', data: '' } }, 400],
  ['bad base64', { value: { type: 'BINARY', data: 'A' } }, 400],
  ['bad base64 of a header', { headers: [{ name: 'h', value: '*' }] }, 400],
  ['a time that is none', { timestamp: 'yesterday' }, 400],
  ['a schema', { value: { type: 'AVRO', schema: '{}', data: 1 } }, 42206],
  ['no type', { value: { data: 'x' } }, 42206],
  ['a partition below 0', { partition_id: -1 }, 40402],
  ['a partition that is not there', { partition_id: 7 }, 40402],
];

describe('a record of v3', () => {
  it.each(FAILED)('with %s is reported', async (_what, record, code) => {
    const answer = await rest.send('POST', RECORDS, record);
    expect([answer.status, answer.json.error_code]).toEqual([200, code]);
  });

  it('for a topic that does not exist is reported, if none may be created', async () => {
    const answer = await rest.send('POST', `${V3}/topics/none/records`, { value: { type: 'STRING', data: 'x' } });
    expect(answer.json).toEqual({ error_code: 40403, message: 'This server does not host this topic-partition.' });
    const old = await rest.send('POST', '/topics/none', { records: [{ value: 'AA==' }] }, BINARY);
    expect([old.status, old.json.offsets[0].error_code]).toEqual([200, 50003]);
  });
});

describe('a client without rights', () => {
  it('gets 403 from every route that touches something, and changes nothing', async () => {
    const closed = await startRestServer({ authorize: denyAll });
    try {
      const answers = new Map<string, number>();
      for (const route of allRoutes) {
        const path = route.path.replace('{cluster_id}', V3.split('/').at(-1)!).replaceAll(/\{\w+\}/g, '0');
        const body =
          BODIES[`${route.method} ${route.path}`] ??
          (route.body === undefined || route.method === 'GET' ? undefined : {});
        const headers = route.consumes.length === 0 ? {} : { 'Content-Type': route.consumes[0]! };
        const query = path.endsWith('/acls') ? `?${new URLSearchParams(ACL)}` : '';
        const { status, json, text } = await closed.send(
          route.method,
          path + query,
          body,
          body === undefined ? {} : headers,
        );
        const reported = json?.failures?.[0]?.error_code ?? json?.error_code;
        const inner = reported === 40301 ? 403 : status;
        answers.set(`${route.method} ${route.path}`, text === '' ? status : inner);
      }
      const open = [...answers].filter(([, status]) => status !== 403).map(([route]) => route);
      expect(open.sort()).toEqual(OPEN.sort());
      expect(await closed.engine.broker.admin.topics.list()).toEqual([]);
    } finally {
      await closed.close();
    }
  });
});

const ACL = {
  resource_type: 'TOPIC',
  resource_name: 't',
  pattern_type: 'LITERAL',
  principal: 'User:a',
  host: '*',
  operation: 'READ',
  permission: 'ALLOW',
};

const BODIES: Readonly<Record<string, unknown>> = {
  'POST /v3/clusters/{cluster_id}/acls': ACL,
  'POST /v3/clusters/{cluster_id}/acls:batch': { data: [ACL] },
  'POST /v3/clusters/{cluster_id}/topics': { topic_name: 'x' },
  'PATCH /v3/clusters/{cluster_id}/topics/{topic_name}': { partitions_count: 2 },
  'PUT /v3/clusters/{cluster_id}/broker-configs/{name}': { value: '1' },
  'POST /v3/clusters/{cluster_id}/broker-configs:alter': { data: [{ name: 'compression.type', value: 'gzip' }] },
  'PUT /v3/clusters/{cluster_id}/topics/{topic_name}/configs/{name}': { value: '1' },
  'POST /v3/clusters/{cluster_id}/topics/{topic_name}/configs:alter': { data: [] },
  'POST /v3/clusters/{cluster_id}/brokers/{broker_id}/configs:alter': { data: [] },
  'POST /v3/clusters/{cluster_id}/topics/{topic_name}/records': { value: { type: 'STRING', data: 'x' } },
  'POST /v3/clusters/{cluster_id}/topics/{topic_name}/records:batch': { entries: [{ id: '1' }] },
  'POST /topics/{topic_name}': { records: [{ value: 'AA==' }] },
  'POST /topics/{topic_name}/partitions/{partition_id}': { records: [{ value: 'AA==' }] },
  'POST /consumers/{group_name}/instances/{instance}/assignments': { partitions: [] },
  'POST /consumers/{group_name}/instances/{instance}/positions/beginning': { partitions: [] },
  'POST /consumers/{group_name}/instances/{instance}/positions/end': { partitions: [] },
};

/** What needs no right, as in Kafka; lists leave out what the client may not see. */
const OPEN = [
  'GET /',
  'GET /openapi.json',
  'GET /healthz',
  'GET /v3/clusters',
  'GET /v3/clusters/{cluster_id}',
  'GET /v3/clusters/{cluster_id}/brokers',
  'GET /v3/clusters/{cluster_id}/brokers/{broker_id}',
  'GET /v3/clusters/{cluster_id}/consumer-groups',
  'GET /v3/clusters/{cluster_id}/topics',
  'GET /v3/clusters/{cluster_id}/topics/-/configs',
  'GET /v3/clusters/{cluster_id}/topics/-/partitions/-/reassignment',
  'GET /brokers',
  'GET /topics',
];
