import { describe, expect, inject, it } from 'vitest';
import { deployTo, openGateway } from '../../localstack/index.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { batchOf, createTopic, fetch, produce, valuesIn } from '../support/requests.ts';

const endpoint = inject('endpoint');

/** The HTTP API is what all other files of this folder go through. */
describe.skipIf(endpoint === undefined)('another front door', () => {
  it.each(['rest', 'url'] as const)('%s: records go in and out through the tunnel', async (api) => {
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
    } finally {
      await gateway.close();
    }
  });
});
