import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../lib/core/logger.ts';
import { readVia } from '../../../lib/doors/tunnel/via.ts';
import { startTunnel, type Tunnel } from '../../../lib/run/start-tunnel.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { decodeResponse, encodeRequest } from '../../../lib/wire/client-frame.ts';
import { type FunctionStandIn, STAND_IN_ENVIRONMENT, startFunctionStandIn } from '../../support/function-stand-in.ts';
import { TcpClient } from '../../support/kafka-client.ts';
import { scaled } from '../../support/machine.ts';
import { RawClient } from '../../support/raw-client.ts';
import { batchOf, createTopic, fetch, produce, produceRequest, valuesIn } from '../../support/requests.ts';
import { settingsOf } from '../../support/settings.ts';
import { settled } from '../../support/settled.ts';

describe('a tunnel', () => {
  let standIn: FunctionStandIn;
  let tunnel: Tunnel;
  let client: TcpClient;
  let address: { host: string; port: number };

  beforeAll(async () => {
    Object.assign(process.env, STAND_IN_ENVIRONMENT);
    standIn = await startFunctionStandIn();
    tunnel = await open(standIn);
    const [host, port] = tunnel.bootstrapServers.split(':');
    address = { host: host!, port: Number(port) };
    client = await TcpClient.connect(address);
  });

  afterAll(async () => {
    client.close();
    await tunnel.close();
    await standIn.stop();
  });

  it('names itself as the only node', async () => {
    await createTopic(client, 'named');
    const { brokers, topics } = await client.ask(ApiKey.Metadata, 12, { topics: [{ name: 'named' }] });
    expect(brokers.map(({ host, port }) => `${host}:${port}`)).toEqual([tunnel.bootstrapServers]);
    expect(topics[0]!.partitions[0]!.leaderId).toBe(brokers[0]!.nodeId);
    const { coordinators } = await client.ask(ApiKey.FindCoordinator, 4, { keyType: 0, coordinatorKeys: ['g'] });
    expect(coordinators.map(({ host, port }) => `${host}:${port}`)).toEqual([tunnel.bootstrapServers]);
    const cluster = await client.ask(ApiKey.DescribeCluster, 0, { includeClusterAuthorizedOperations: false });
    expect(cluster.brokers.map(({ host, port }) => `${host}:${port}`)).toEqual([tunnel.bootstrapServers]);
    expect(standIn.refusals).toEqual([]);
  });

  it('merges what connections send at once, and keeps the order of each', async () => {
    const topic = await createTopic(client, 'merged');
    const raws = await Promise.all(Array.from({ length: 10 }, () => RawClient.connect(address)));
    standIn.calls.length = 0;
    const perConnection = 20;
    const offsets = await Promise.all(
      raws.map(async (raw, index) => {
        for (let sequence = 0; sequence < perConnection; sequence++) {
          const producer = { producerId: 5_000 + index, producerEpoch: 0, baseSequence: sequence };
          const request = produceRequest(topic, batchOf([`${index}/${sequence}`], producer));
          await raw.sendFrame(Buffer.concat(encodeRequest(ApiKey.Produce, 9, sequence, 'raw', request)).subarray(4));
        }
        const own: number[] = [];
        for (let sequence = 0; sequence < perConnection; sequence++) {
          const decoded = decodeResponse(ApiKey.Produce, 9, (await raw.receive())!);
          if (decoded.kind !== 'response') throw new Error(decoded.reason);
          expect(decoded.correlationId).toBe(sequence);
          const partition = decoded.body.responses[0]!.partitionResponses[0]!;
          expect(partition.errorCode).toBe(0);
          own.push(partition.baseOffset);
        }
        raw.end();
        return own;
      }),
    );
    for (const own of offsets) expect(own).toEqual([...own].sort((a, b) => a - b));
    expect(offsets.flat().sort((a, b) => a - b)).toEqual(
      Array.from({ length: 10 * perConnection }, (_, offset) => offset),
    );
    const produces = standIn.calls.filter(({ name }) => name === 'produce');
    expect(produces.reduce((sum, { frames }) => sum + frames, 0)).toBe(10 * perConnection);
    expect(produces.length).toBeLessThan((10 * perConnection) / 4);
  });

  it('refuses a batch that no function takes, and serves on', async () => {
    const topic = await createTopic(client, 'large', { configs: { 'max.message.bytes': '20000000' } });
    const answer = await produce(client, topic, batchOf(['x'.repeat(2_250_000)]));
    expect(answer).toMatchObject({ errorCode: 10, errorMessage: expect.stringContaining('4400000') });
    expect(await produce(client, topic, batchOf(['x'.repeat(2_100_000)]))).toMatchObject({
      errorCode: 0,
      baseOffset: 0,
    });
    // The key is as long as the value.
    const read = await fetch(client, topic, { maxBytes: 10_000_000 });
    expect(valuesIn(read.records)).toEqual(['x'.repeat(2_100_000)]);
  });

  it('stops at once though a fetch waits', async () => {
    const other = await open(standIn);
    const [host, port] = other.bootstrapServers.split(':');
    const waiting = await TcpClient.connect({ host: host!, port: Number(port) });
    const before = standIn.calls.length;
    const fetched = fetch(waiting, { name: 'named', id: '' }, { maxWaitMs: 15_000 }).catch(
      (error: Error) => error.message,
    );
    // The function has the fetch: it waits there, or would have answered by now.
    await expect.poll(() => standIn.calls.slice(before).some(({ name }) => name === 'fetch')).toBe(true);
    await settled();
    const startedAt = performance.now();
    await other.close();
    expect(performance.now() - startedAt).toBeLessThan(Math.min(scaled(5_000), 14_000));
    expect(await fetched).toContain('no answer');
  });
});

function open(standIn: FunctionStandIn): Promise<Tunnel> {
  const read = readVia(standIn.url, false);
  if (read.kind !== 'via') throw new Error(read.problem);
  return startTunnel({
    settings: settingsOf({ listeners: 'PLAINTEXT://127.0.0.1:0' }),
    via: read.via,
    region: STAND_IN_ENVIRONMENT.AWS_REGION,
    logger: silentLogger,
  });
}
