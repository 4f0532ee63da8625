import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ENVELOPE_CONTENT_TYPE, FRAME_CONTENT_TYPE } from '../../lib/doors/tunnel/envelope.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { answerOf, requestFrame } from '../support/kafka-client.ts';
import { batchOf, createTopic, fetchRequest, produce } from '../support/requests.ts';
import { InvokeClient, invoke, lambdaClient } from './invoke-client.ts';

const deployed = inject('deployed');

const METADATA = requestFrame(ApiKey.Metadata, 12, 7, { topics: null });

describe.skipIf(deployed === undefined)('deployed functions, called without a gateway', () => {
  const { functionPrefix = '', via = '' } = deployed ?? {};
  let client: ReturnType<typeof lambdaClient>;

  beforeAll(() => {
    client = lambdaClient(deployed!);
  });

  afterAll(() => client?.destroy());

  it('take and give records by direct invokes', async () => {
    const direct = new InvokeClient(client, functionPrefix);
    const topic = await createTopic(direct, 'invoked');
    expect(await produce(direct, topic, batchOf(['a', 'b']))).toMatchObject({ errorCode: 0, baseOffset: 0 });
    expect(await produce(direct, topic, batchOf(['c']))).toMatchObject({ errorCode: 0, baseOffset: 2 });
    const { responses } = await direct.ask(ApiKey.Fetch, 12, fetchRequest(topic));
    const [partition] = responses[0]!.partitions;
    expect(partition).toMatchObject({ errorCode: 0, highWatermark: 3 });
  });

  it('answer a single frame over HTTP', async () => {
    const answer = await post('admin', METADATA);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe(FRAME_CONTENT_TYPE);
    const told = answerOf(ApiKey.Metadata, 12, 7, Buffer.from(await answer.arrayBuffer()));
    expect(told).toMatchObject({ kind: 'answer', body: { topics: expect.anything() } });
  });

  it.each([
    ['another content type', 'produce', FRAME_CONTENT_TYPE.replace('octet-stream', 'json'), 'x', 415],
    ['no envelope', 'produce', ENVELOPE_CONTENT_TYPE, 'x', 400],
    ['no frame', 'produce', FRAME_CONTENT_TYPE, 'x', 400],
    ['a function that is not there', 'transact', FRAME_CONTENT_TYPE, 'x', 404],
  ])('refuse %s', async (_, name, type, body, status) => {
    const answer = await post(name, body, type);
    expect(answer.status).toBe(status);
    expect(await answer.text()).toMatch(/message/);
  });

  it.each([
    ['nothing', {}, 400],
    ['another word', { tidelog: 'records', body: '' }, 400],
    ['no base64', { tidelog: 'frame', body: '%%%' }, 400],
    ['no frame', { tidelog: 'frame', body: 'eA==' }, 400],
    // Not by HTTP: Node's own fetch sends a request again that is answered with 421.
    ["another function's frame", { tidelog: 'frame', body: METADATA.toString('base64') }, 421],
  ])('answer a direct invoke with %s by an error', async (_, payload, status) => {
    const answer = await invoke(client, `${functionPrefix}-produce`, payload);
    expect(answer).toEqual({ error: { status, message: expect.any(String) } });
  });

  async function post(name: string, body: Buffer | string, type: string = FRAME_CONTENT_TYPE): Promise<Response> {
    // Signed or not is the same to what stands in for AWS; the stage `local` lets both in.
    return fetch(`${via}/kafka/${name}`, { method: 'POST', body, headers: { 'content-type': type } });
  }
});
