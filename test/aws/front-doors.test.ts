import { describe, expect, inject, it } from 'vitest';
import { deployTo, openGateway } from '../../localstack/index.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { batchOf, createTopic, fetch, produce, valuesIn } from '../support/requests.ts';
import { restClient } from '../support/rest-client.ts';

const endpoint = inject('endpoint');
const BINARY = { 'content-type': 'application/vnd.kafka.binary.v2+json' };

/** The HTTP API is what all other files of this folder go through. */
describe.skipIf(endpoint === undefined)('another front door', () => {
  it.each(['rest', 'url'] as const)('%s: records go in and out through the tunnel, and by REST', async (api) => {
    // A deployment of its own, beside the one of the other files: nothing is shared but the endpoint.
    const deployed = await deployTo(endpoint!, { prefix: `By-${api}`, api });
    const gateway = await openGateway(deployed);
    try {
      const [host, port] = gateway.bootstrapServers.split(':');
      const client = await TcpClient.connect({ host: host!, port: Number(port) });
      const topic = await createTopic(client, 'doors');
      const values = ['every byte: \0\x7f\u00ff\ufffd', 'another'];
      expect(await produce(client, topic, batchOf(values))).toMatchObject({ errorCode: 0, baseOffset: 0 });
      expect(valuesIn((await fetch(client, topic)).records)).toEqual(values);
      client.close();
      const {
        AWS_REGION: region = '',
        AWS_ACCESS_KEY_ID: id = '',
        AWS_SECRET_ACCESS_KEY: secret = '',
      } = deployed.environment;
      const keys = { accessKeyId: id, secretAccessKey: secret };
      const service = api === 'url' ? 'lambda' : 'execute-api';
      const send = restClient(deployed.restUrl, { service, region, keys });
      const topics = await send('POST', '/topics/doors', { records: [{ value: 'AP//gA==' }] }, BINARY);
      expect(topics).toMatchObject({ status: 200, json: { offsets: [{ offset: 2 }] } });
      await send('POST', '/consumers/doors', { name: 'me', 'auto.offset.reset': 'earliest' });
      await send('POST', '/consumers/doors/instances/me/subscription', { topics: ['doors'] });
      const read: string[] = [];
      while (read.length < 3) {
        const { status, json } = await send('GET', '/consumers/doors/instances/me/records');
        expect(status).toBe(200);
        read.push(...json.map(({ value }: { value: string }) => value));
      }
      expect(read).toEqual([...values.map((value) => Buffer.from(value).toString('base64')), 'AP//gA==']);
    } finally {
      await gateway.close();
    }
  });
});
