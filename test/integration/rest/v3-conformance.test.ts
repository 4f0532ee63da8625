import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { v3Routes } from '../../../lib/rest/v3/routes.ts';
import { ConsumerMember } from '../../support/consumer-member.ts';
import { commitOffsets } from '../../support/offset-requests.ts';
import { type RestServer, startRestServer, V3 } from '../../support/rest-server.ts';

/**
 * Every route of Confluent's OpenAPI document of v3 (kafka-rest, api/v3/openapi.yaml), with the
 * document's example of its request where it has one: the status, and an answer of the form that
 * the route's schema states.
 */

let rest: RestServer;
let memberId = '';

beforeAll(async () => {
  rest = await startRestServer();
  await rest.send('POST', `${V3}/topics`, { topic_name: 'topic-1', partitions_count: 3 });
  await rest.send('POST', `${V3}/topics`, { topic_name: 'doomed' });
  for (const data of ['one', 'two']) {
    await rest.send('POST', `${V3}/topics/topic-1/records`, { partition_id: 0, value: { type: 'STRING', data } });
  }
  const topic = await rest.engine.broker.admin.topics.get('topic-1');
  await commitOffsets(rest.engine.client, 'consumer-group-1', { name: 'topic-1', id: topic!.record.id }, { 0: 1 });
  const member = new ConsumerMember(rest.engine.client, 'consumer-group-1', 'consumer-1', ['topic-1']);
  await member.heartbeat();
  memberId = member.memberId;
});

afterAll(() => rest.close());

/** Method, path under the cluster, status, and the document's example of the body. */
const EXAMPLES: readonly [method: string, path: string, status: number, body?: unknown][] = [
  ['GET', '', 200],
  ['GET', '/acls', 400],
  ['POST', '/acls', 400, aclExample('CLUSTER', 'DESCRIBE', 'DENY')],
  [
    'POST',
    '/acls:batch',
    400,
    { data: [aclExample('CLUSTER', 'DESCRIBE', 'DENY'), aclExample('TOPIC', 'READ', 'ALLOW')] },
  ],
  ['DELETE', '/acls?resource_type=TOPIC&pattern_type=LITERAL&operation=READ&permission=ALLOW', 400],
  ['GET', '/broker-configs', 200],
  ['POST', '/broker-configs:alter', 400, alterExample('max.connections', 'compression.type')],
  ['GET', '/broker-configs/compression.type', 404],
  ['PUT', '/broker-configs/compression.type', 400, { value: 'gzip' }],
  ['DELETE', '/broker-configs/compression.type', 204],
  ['GET', '/brokers', 200],
  ['GET', '/brokers/0', 200],
  ['GET', '/brokers/1', 404],
  ['GET', '/brokers/-/configs', 200],
  ['GET', '/brokers/0/configs', 200],
  ['POST', '/brokers/0/configs:alter', 400, alterExample('max.connections', 'compression.type')],
  ['GET', '/brokers/0/configs/compression.type', 200],
  ['PUT', '/brokers/0/configs/compression.type', 400, { value: 'gzip' }],
  ['DELETE', '/brokers/0/configs/compression.type', 204],
  ['GET', '/brokers/0/partition-replicas', 200],
  ['GET', '/consumer-groups', 200],
  ['GET', '/consumer-groups/consumer-group-1', 200],
  ['GET', '/consumer-groups/none', 404],
  ['GET', '/consumer-groups/consumer-group-1/consumers', 200],
  ['GET', '/consumer-groups/consumer-group-1/lag-summary', 200],
  ['GET', '/consumer-groups/consumer-group-1/lags', 200],
  ['GET', '/consumer-groups/consumer-group-1/lags/topic-1/partitions/0', 200],
  ['GET', '/consumer-groups/consumer-group-1/lags/topic-1/partitions/1', 404],
  ['GET', '/consumer-groups/consumer-group-1/consumers/MEMBER', 200],
  ['GET', '/consumer-groups/consumer-group-1/consumers/none', 404],
  ['GET', '/consumer-groups/consumer-group-1/consumers/MEMBER/assignments', 200],
  ['GET', '/consumer-groups/consumer-group-1/consumers/MEMBER/assignments/topic-1/partitions/1', 200],
  ['GET', '/topics', 200],
  [
    'POST',
    '/topics',
    201,
    {
      topic_name: 'topic-X',
      partitions_count: 64,
      replication_factor: 3,
      configs: [
        { name: 'cleanup.policy', value: 'compact' },
        { name: 'compression.type', value: 'gzip' },
      ],
    },
  ],
  ['POST', '/topics', 200, { topic_name: 'topic-Y', partitions_count: 64, replication_factor: 3, validate_only: true }],
  ['GET', '/topics/topic-1', 200],
  ['GET', '/topics/topic-Y', 404],
  ['PATCH', '/topics/doomed', 200, { partitions_count: 10 }],
  ['PATCH', '/topics/doomed', 400, { partitions_count: 10 }],
  ['DELETE', '/topics/doomed', 204],
  ['DELETE', '/topics/doomed', 404],
  ['GET', '/topics/topic-1/configs', 200],
  [
    'POST',
    '/topics/topic-1/configs:alter',
    204,
    {
      data: [
        { name: 'cleanup.policy', operation: 'DELETE' },
        { name: 'compression.type', value: 'gzip' },
      ],
    },
  ],
  [
    'POST',
    '/topics/topic-1/configs:alter',
    204,
    {
      data: [
        { name: 'cleanup.policy', operation: 'DELETE' },
        { name: 'compression.type', value: 'gzip' },
      ],
      validate_only: true,
    },
  ],
  ['GET', '/topics/topic-1/configs/compression.type', 200],
  ['GET', '/topics/topic-1/configs/no.such', 404],
  ['PUT', '/topics/topic-1/configs/compression.type', 204, { value: 'gzip' }],
  ['PUT', '/topics/topic-1/configs/compression.type', 400, { value: 'zip' }],
  ['DELETE', '/topics/topic-1/configs/compression.type', 204],
  ['GET', '/topics/topic-1/partitions/0/offset', 200],
  ['GET', '/topics/topic-1/partitions/3/offset', 404],
  ['GET', '/topics/topic-1/partitions', 200],
  ['GET', '/topics/topic-1/partitions/0', 200],
  ['GET', '/topics/topic-1/partitions/3', 404],
  ['GET', '/topics/-/partitions/-/reassignment', 200],
  ['GET', '/topics/topic-1/partitions/-/reassignment', 200],
  ['GET', '/topics/topic-1/partitions/0/reassignment', 404],
  ['GET', '/topics/topic-1/partitions/0/replicas', 200],
  ['GET', '/topics/topic-1/partitions/0/replicas/0', 200],
  ['GET', '/topics/topic-1/partitions/0/replicas/1', 404],
  ['GET', '/topics/-/configs', 200],
  [
    'POST',
    '/topics/topic-1/records',
    200,
    {
      partition_id: 1,
      headers: [
        { name: 'Header-1', value: 'SGVhZGVyLTE=' },
        { name: 'Header-2', value: 'SGVhZGVyLTI=' },
      ],
      key: { type: 'BINARY', data: 'Zm9vYmFy' },
      value: { type: 'JSON', data: { foo: 'bar' } },
      timestamp: '2021-02-05T19:14:42Z',
    },
  ],
  ['POST', '/topics/topic-1/records', 200, { value: { type: 'STRING', data: 'My message' } }],
  [
    'POST',
    '/topics/topic-1/records:batch',
    207,
    {
      entries: [
        { id: '1', value: { type: 'STRING', data: 'My first message' } },
        { id: '2', value: { type: 'STRING', data: 'My second message' } },
      ],
    },
  ],
];

describe('v3, as the document of Confluent has it', () => {
  it.each(EXAMPLES)('%s %s answers %i', async (method, path, status, body) => {
    const answer = await rest.send(method, V3 + path.replace('MEMBER', memberId), body);
    expect(answer.status, answer.text).toBe(status);
    const route = routeOf(method, path);
    if (status >= 400) {
      expect(answer.json).toEqual({ error_code: expect.any(Number), message: expect.any(String) });
      expect(Math.floor(answer.json.error_code / (answer.json.error_code >= 1000 ? 100 : 1))).toBe(status);
    } else if (route.success.schema === undefined) {
      expect(answer.text).toBe('');
    } else {
      expect(v.safeParse(route.success.schema, answer.json).issues ?? []).toEqual([]);
      expect(answer.headers.get('content-type')).toBe('application/json');
    }
  });

  it('has an example of each route under a cluster', () => {
    const shown = new Set(EXAMPLES.map(([method, path]) => routeOf(method, path)));
    const missing = v3Routes.filter((route) => route.path !== '/v3/clusters' && !shown.has(route));
    expect(missing.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });

  it('names the cluster, and the places of what belongs to it', async () => {
    const { json } = await rest.send('GET', '/v3/clusters');
    expect(json).toMatchObject({ kind: 'KafkaClusterList', metadata: { self: `${rest.url}/v3/clusters`, next: null } });
    const [cluster] = json.data;
    for (const name of ['controller', 'acls', 'brokers', 'broker_configs', 'consumer_groups', 'topics']) {
      expect((await fetch(cluster[name].related)).status, name).toBe(name === 'acls' ? 400 : 200);
    }
  });

  it('tells the lag of a group, and who is behind', async () => {
    const bounds = await rest.send('GET', `${V3}/topics/topic-1/partitions/0/offset`);
    const end = bounds.json.latest_offset;
    const { json } = await rest.send('GET', `${V3}/consumer-groups/consumer-group-1/lag-summary`);
    expect(json).toMatchObject({
      kind: 'KafkaConsumerGroupLagSummary',
      max_lag: end - 1,
      total_lag: end - 1,
      max_lag_topic_name: 'topic-1',
      max_lag_partition_id: 0,
      max_lag_consumer_id: memberId,
    });
    const lags = await rest.send('GET', `${V3}/consumer-groups/consumer-group-1/lags`);
    expect(lags.json.data).toMatchObject([
      { current_offset: 1, log_end_offset: end, lag: end - 1, consumer_id: memberId },
    ]);
  });
});

function aclExample(resource_type: string, operation: string, permission: string) {
  const pattern = { resource_name: 'kafka-cluster', pattern_type: 'LITERAL' };
  return { resource_type, ...pattern, principal: 'principalType:principalName', host: '*', operation, permission };
}

function alterExample(reset: string, set: string) {
  return {
    data: [
      { name: reset, operation: 'DELETE' },
      { name: set, value: 'gzip' },
    ],
  };
}

/** The first route that matches, as the application chooses it. */
function routeOf(method: string, path: string) {
  const [bare = ''] = path.split('?');
  const route = v3Routes.find((one) => {
    const pattern = one.path.replace('/v3/clusters/{cluster_id}', '').replaceAll(/\{\w+\}/g, '[^/]+');
    return one.method === method && new RegExp(`^${pattern}$`).test(bare) && one.path !== '/v3/clusters';
  });
  if (route === undefined) throw new Error(`no route for ${method} ${path}`);
  return route;
}
