import { afterEach, describe, expect, it } from 'vitest';
import { RawClient, rawRequest, withSize } from '../../support/raw-client.ts';
import { settled } from '../../support/settled.ts';
import { until } from '../../support/waiting.ts';
import { type Rig, startRig } from './fake-engine.ts';

const PRODUCE = 0;
const FETCH = 1;
const METADATA = 3;

let rig: Rig;
afterEach(() => rig.gateway.close());

function sizeOnly(size: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(size);
  return bytes;
}

describe('what is not the Kafka protocol', () => {
  it.each([
    ['a negative size', sizeOnly(-1), 'announced -1 bytes'],
    ['a size below a header', sizeOnly(3), 'shorter than a request header'],
    ['a size above the limit', sizeOnly(1_000_001), 'larger than socket.request.max.bytes'],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'speaks HTTP'],
    ['TLS', Buffer.from('16030102000100', 'hex'), 'speaks TLS'],
    ['garbage', Buffer.alloc(200_000, 0xee), 'announced'],
  ])('closes on %s with one line', async (_, bytes, reason) => {
    rig = await startRig({ frameBytesMax: 1_000_000 });
    const client = await RawClient.connect(rig.address);
    await client.send(bytes);
    await client.closed;
    expect(rig.notable()).toEqual([
      {
        level: 'warn',
        event: 'invalid_frame',
        listener: 'PLAINTEXT',
        host: '127.0.0.1',
        reason: expect.stringContaining(reason),
      },
    ]);
    expect(rig.engine.calls).toEqual([]);
    await until(() => rig.gateway.stats.connections === 0, 'the connection to be gone');
    expect(rig.gateway.stats.requestBytes).toBe(0);
  });

  it('answers what came before the bad frame', async () => {
    rig = await startRig();
    const client = await RawClient.connect(rig.address);
    await client.send(Buffer.concat([withSize(rawRequest({ apiKey: METADATA, correlationId: 5 })), sizeOnly(-9)]));
    const [call] = await rig.engine.arrived(1);
    await settled();
    call!.answer();
    expect(await client.receiveIds(1)).toEqual([5]);
    expect(await client.closed).toBe('end');
  });
});

describe('requests that end the connection', () => {
  it('closes after the answers before it, and drops those behind it', async () => {
    rig = await startRig();
    const client = await RawClient.connect(rig.address);
    for (const correlationId of [1, 2, 3]) await client.sendRequest({ apiKey: PRODUCE, correlationId });
    const calls = await rig.engine.arrived(3);
    calls[2]!.answer();
    calls[1]!.finish({ kind: 'close', reason: 'cannot be parsed' });
    calls[0]!.answer();
    expect(await client.receiveIds(3)).toEqual([1]);
    expect(await client.closed).toBe('end');
    expect(rig.notable()).toEqual([
      {
        level: 'warn',
        event: 'connection_refused_request',
        listener: 'PLAINTEXT',
        host: '127.0.0.1',
        apiKey: PRODUCE,
        apiVersion: 0,
        reason: 'cannot be parsed',
      },
    ]);
  });

  it.each(['rejects', 'throws'])('survives a handler that %s', async (how) => {
    const failure = new Error('a bug');
    rig = await startRig({}, (frame) => {
      if (frame.head.apiKey !== METADATA) return rig.engine.handleFrame(frame, {} as never);
      if (how === 'throws') throw failure;
      return Promise.reject(failure);
    });
    const other = await RawClient.connect(rig.address);
    const client = await RawClient.connect(rig.address);
    await client.sendRequest({ apiKey: METADATA, correlationId: 1 });
    expect(await client.closed).toBe('end');
    expect(rig.notable()[0]).toMatchObject({ level: 'error', event: 'handler_failed', apiKey: METADATA });
    expect(rig.notable()[0]?.reason).toContain('a bug');
    await other.sendRequest({ apiKey: PRODUCE, correlationId: 2 });
    (await rig.engine.arrived(1))[0]!.answer();
    expect(await other.receiveIds(1)).toEqual([2]);
  });

  it('logs nothing above debug for requests that go well or clients that vanish', async () => {
    rig = await startRig();
    const client = await RawClient.connect(rig.address);
    await client.sendRequest({ apiKey: METADATA, correlationId: 1 });
    (await rig.engine.arrived(1))[0]!.answer();
    await client.receiveIds(1);
    expect(rig.lines).toEqual([
      {
        level: 'debug',
        event: 'request',
        listener: 'PLAINTEXT',
        host: '127.0.0.1',
        apiKey: METADATA,
        apiVersion: 0,
        errorCode: 0,
        durationMs: expect.any(Number),
      },
    ]);
    await client.sendRequest({ apiKey: FETCH, correlationId: 2 });
    const [, fetch] = await rig.engine.arrived(2);
    client.reset();
    await until(() => fetch!.context.signal.aborted, 'the signal');
    fetch!.answer(100_000);
    await until(() => rig.gateway.stats.connections === 0, 'the connection to be gone');
    await settled();
    expect(rig.notable()).toEqual([]);
    expect(rig.gateway.stats).toMatchObject({ requestBytes: 0, answerBytes: 0 });
  });
});

describe('a client that ends its side', () => {
  it('still has everything handled that it sent, and waiting requests end early', async () => {
    rig = await startRig();
    const client = await RawClient.connect(rig.address);
    const kinds = [FETCH, PRODUCE, PRODUCE];
    await client.send(
      Buffer.concat(kinds.map((apiKey, correlationId) => withSize(rawRequest({ apiKey, correlationId })))),
    );
    await rig.engine.arrived(1);
    client.end();
    rig.engine.automatic = (call) => call.finish({ kind: 'none' });
    rig.engine.calls[0]!.answer();
    await rig.engine.arrived(3);
    expect(rig.engine.calls[0]!.context.signal.aborted).toBe(true);
    expect(await client.receiveIds(1)).toEqual([0]);
    expect(await client.closed).toBe('end');
  });
});

describe('a client that ends its side while a request waits', () => {
  it('ends the wait and still sends the answer', async () => {
    rig = await startRig();
    const client = await RawClient.connect(rig.address);
    await client.sendRequest({ apiKey: FETCH, correlationId: 6 });
    const [fetch] = await rig.engine.arrived(1);
    client.end();
    await until(() => fetch!.context.signal.aborted, 'the signal');
    await settled();
    fetch!.answer();
    expect(await client.receiveIds(1)).toEqual([6]);
    expect(await client.closed).toBe('end');
  });
});

describe('connection limits', () => {
  it('turns away what is above max.connections until one leaves', async () => {
    rig = await startRig({ connectionsMax: 2 });
    rig.engine.automatic = (call) => call.answer();
    const first = await RawClient.connect(rig.address);
    await RawClient.connect(rig.address);
    for (let i = 0; i < 3; i++) await (await RawClient.connect(rig.address)).closed;
    expect(rig.gateway.stats).toMatchObject({ connections: 2, refusedConnections: 3 });
    expect(rig.notable()).toEqual([
      expect.objectContaining({ level: 'warn', event: 'connection_refused', reason: 'max.connections, 2, is reached' }),
    ]);
    first.end();
    await until(() => rig.gateway.stats.connections === 1, 'one to leave');
    const next = await RawClient.connect(rig.address);
    await next.sendRequest({ apiKey: METADATA, correlationId: 9 });
    expect(await next.receiveIds(1)).toEqual([9]);
  });

  it('counts per address', async () => {
    rig = await startRig({ connectionsPerHostMax: 1 });
    await RawClient.connect(rig.address, '127.0.0.1');
    await (await RawClient.connect(rig.address, '127.0.0.1')).closed;
    await RawClient.connect(rig.address, '127.0.0.2');
    await until(() => rig.gateway.stats.connections === 2, 'both addresses to have theirs');
    expect(rig.gateway.stats.refusedConnections).toBe(1);
  });
});
