import { afterAll, beforeAll, expect, it } from 'vitest';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { scaled } from '../support/machine.ts';
import { RawClient } from '../support/raw-client.ts';

const MIB = 1024 * 1024;
const FRAME_BYTES = 16 * MIB;
/** What a request may cost beside its own bytes: no request that a client means takes as much. */
const GROWTH_BYTES_MAX = 200 * MIB;
/** While a request is decoded nobody else is served. */
const OTHERS_WAIT_MS_MAX = scaled(1_000);

const folder = temporaryFolder();
let broker: BrokerProcess;

beforeAll(async () => {
  broker = await startBrokerProcess(folder.path);
});

afterAll(async () => {
  await broker.kill();
  folder.remove();
});

/** A Metadata request, version 1, of eight million empty names: each takes two bytes on the wire and dozens in memory. */
function manyNames(): Buffer {
  const frame = Buffer.alloc(FRAME_BYTES);
  const start = 4 + 10 + 4;
  frame.writeInt32BE(FRAME_BYTES - 4, 0);
  frame.writeInt16BE(ApiKey.Metadata, 4);
  frame.writeInt16BE(1, 6);
  frame.writeInt16BE(-1, 12);
  frame.writeInt32BE((FRAME_BYTES - start) / 2, 14);
  return frame;
}

it('of millions of array elements are refused before they are decoded', async () => {
  const good = await TcpClient.connect(broker);
  await good.ask(ApiKey.ApiVersions, 0, {});
  const before = broker.residentBytes();
  const bad = await RawClient.connect(broker);
  await bad.send(manyNames());
  const start = performance.now();
  await good.ask(ApiKey.ApiVersions, 0, {});
  const waited = performance.now() - start;
  await bad.closed;
  expect(waited).toBeLessThan(OTHERS_WAIT_MS_MAX);
  expect(broker.residentBytes() - before).toBeLessThan(GROWTH_BYTES_MAX);
  expect(broker.log.filter(({ level }) => level === 'warn')).toEqual([
    expect.objectContaining({ event: 'connection_refused_request', apiKey: ApiKey.Metadata }),
  ]);
  good.close();
});
