import { PublishVersionCommand } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { restClient } from '../support/rest-client.ts';
import { payload2, receivedOf, type SentRequest } from '../support/rest-events.ts';
import { invoke, lambdaClient } from './invoke-client.ts';

const deployed = inject('deployed');
const V2 = { 'Content-Type': 'application/vnd.kafka.v2+json' };
const V2_JSON = 'application/vnd.kafka.json.v2+json';

describe.skipIf(deployed === undefined)('the deployed function rest', () => {
  it('takes and gives records through the front door', async () => {
    const send = restClient(deployed!.restUrl);
    const [{ cluster_id: id }] = (await send('GET', '/v3/clusters')).json.data;
    const record = { key: { type: 'STRING', data: 'k' }, value: { type: 'BINARY', data: 'AP//gA==' } };
    const produced = await send('POST', `/v3/clusters/${id}/topics/by-rest/records`, record);
    expect(produced).toMatchObject({ status: 200, json: { error_code: 200, offset: 0 } });
    const group = '/consumers/aws-rest';
    const config = { name: 'me', 'auto.offset.reset': 'earliest' };
    expect((await send('POST', group, config)).json).toMatchObject({ instance_id: 'me' });
    expect(await send('POST', `${group}/instances/me/subscription`, { topics: ['by-rest'] })).toMatchObject({
      status: 204,
    });
    expect((await send('GET', `${group}/instances/me/records`)).json).toEqual([
      { topic: 'by-rest', key: 'aw==', value: 'AP//gA==', partition: 0, offset: 0 },
    ]);
    expect(await send('DELETE', `${group}/instances/me`)).toMatchObject({ status: 204 });
    expect(await send('GET', '/openapi.json')).toMatchObject({ status: 200, json: { openapi: '3.1.0' } });
    expect(await send('GET', '/healthz')).toMatchObject({ status: 200, json: { status: 'ok' } });
  });
});

/** MiniStack runs one instance of each version of a function: two versions are two processes. */
describe.runIf(inject('isMinistack'))('two instances of the function rest', () => {
  let client: ReturnType<typeof lambdaClient>;
  const versions: string[] = [];
  const FunctionName = `${deployed?.functionPrefix}-rest`;

  beforeAll(async () => {
    client = lambdaClient(deployed!);
    for (let index = 0; index < 2; index++) {
      versions.push((await client.send(new PublishVersionCommand({ FunctionName }))).Version!);
    }
    expect(new Set(versions).size).toBe(2);
  });

  afterAll(() => client?.destroy());

  it('alternate on one consumer instance and lose nothing', async () => {
    const ask = async (turn: number, request: SentRequest) =>
      receivedOf(await invoke(client, FunctionName, payload2(request), versions[turn % 2]!));
    const post = (path: string, body: object, headers = V2 as Readonly<Record<string, string>>): SentRequest => {
      return { method: 'POST', path, headers, body: JSON.stringify(body) };
    };
    const me = '/consumers/alternating/instances/me';
    const sent: number[] = [];
    const produce = async (turn: number) => {
      const values = [sent.length, sent.length + 1];
      sent.push(...values);
      const body = { records: values.map((value) => ({ value })) };
      expect((await ask(turn, post('/topics/alternating', body, { 'Content-Type': V2_JSON }))).status).toBe(200);
    };
    await produce(0);
    const config = { name: 'me', format: 'json', 'auto.offset.reset': 'earliest' };
    await ask(1, post('/consumers/alternating', config));
    await ask(0, post(`${me}/subscription`, { topics: ['alternating'] }));
    const got: number[] = [];
    for (let turn = 0; turn < 10 || got.length < sent.length; turn++) {
      expect(turn).toBeLessThan(40);
      if (turn < 10) await produce(turn + 1);
      const { status, json } = await ask(turn, { method: 'GET', path: `${me}/records`, headers: { Accept: V2_JSON } });
      expect(status).toBe(200);
      got.push(...json.map(({ value }: { value: number }) => value));
    }
    expect(got).toEqual(sent);
  });
});
