import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/core/clock.ts';
import { silentLogger } from '../../../lib/core/logger.ts';
import { ListenError, startGateway } from '../../../lib/doors/tcp/server.ts';
import { RawClient, rawRequest, withSize } from '../../support/raw-client.ts';
import { settled } from '../../support/settled.ts';
import { until } from '../../support/waiting.ts';
import { pause, type Rig, startRig } from './fake-engine.ts';

const PRODUCE = 0;
const FETCH = 1;
const METADATA = 3;
const MIB = 1024 * 1024;

let rig: Rig;
afterEach(() => rig.gateway.close());

describe('idle connections', () => {
  it('are closed, also with half a request, but not while a request is in progress', async () => {
    rig = await startRig({ idleMsMax: 200 });
    const silent = await RawClient.connect(rig.address);
    const half = await RawClient.connect(rig.address);
    await half.send(withSize(rawRequest({ apiKey: PRODUCE, correlationId: 1 })).subarray(0, 9));
    const working = await RawClient.connect(rig.address);
    await working.sendRequest({ apiKey: FETCH, correlationId: 2 });
    await Promise.all([silent.closed, half.closed]);
    // A connection that was opened later has been idle for the whole time by now.
    await (await RawClient.connect(rig.address)).closed;
    await settled();
    expect(rig.gateway.stats.connections).toBe(1);
    rig.engine.calls[0]!.answer();
    expect(await working.receiveIds(1)).toEqual([2]);
    await working.closed;
    expect(rig.notable()).toEqual([]);
  });

  it('include those who read nothing of their answers', async () => {
    rig = await startRig({ idleMsMax: 200 });
    rig.engine.automatic = (call) => call.answer(16 * MIB);
    const client = await RawClient.connect(rig.address);
    client.stopReading();
    await client.sendRequest({ apiKey: FETCH, correlationId: 1 });
    await client.sendRequest({ apiKey: FETCH, correlationId: 2 });
    await until(() => rig.gateway.stats.connections === 0, 'the connection to be closed');
    expect(rig.gateway.stats).toMatchObject({ requestBytes: 0, answerBytes: 0 });
  });

  it('are those without traffic only', async () => {
    rig = await startRig({ idleMsMax: 500 });
    rig.engine.automatic = (call) => call.answer();
    const client = await RawClient.connect(rig.address);
    const silent = await RawClient.connect(rig.address);
    let isSilentClosed = false;
    void silent.closed.then(() => {
      isSilentClosed = true;
    });
    let sent = 0;
    for (; !isSilentClosed; sent++) {
      await client.sendRequest({ apiKey: METADATA, correlationId: sent });
      expect(await client.receiveIds(1)).toEqual([sent]);
      await pause(10);
    }
    await client.sendRequest({ apiKey: METADATA, correlationId: sent });
    expect(await client.receiveIds(1)).toEqual([sent]);
  });
});

describe('drain', () => {
  it('answers what is in progress, ends what waits, reads nothing new, and closes', async () => {
    rig = await startRig();
    const idle = await RawClient.connect(rig.address);
    const producing = await RawClient.connect(rig.address);
    const fetching = await RawClient.connect(rig.address);
    await producing.sendRequest({ apiKey: PRODUCE, correlationId: 1 });
    await producing.sendRequest({ apiKey: PRODUCE, correlationId: 2 });
    await rig.engine.arrived(2);
    await fetching.sendRequest({ apiKey: FETCH, correlationId: 3 });
    await fetching.sendRequest({ apiKey: METADATA, correlationId: 4 });
    const calls = await rig.engine.arrived(3);
    const fetch = calls[2]!;
    fetch.context.signal.addEventListener('abort', () => fetch.answer());

    const drained = rig.gateway.drain(5000);
    expect(fetch.context.deadline).toBeLessThan(systemClock.monotonic() + 5001);
    expect(await idle.closed).toBe('end');
    expect(await fetching.receiveIds(2)).toEqual([3]);
    await producing.sendRequest({ apiKey: PRODUCE, correlationId: 5 });
    await expect(RawClient.connect(rig.address)).rejects.toThrow();
    await settled();
    calls[0]!.answer();
    calls[1]!.answer();
    expect(await producing.receiveIds(3)).toEqual([1, 2]);
    await drained;
    expect(rig.engine.ids()).toEqual([1, 2, 3]);
    expect(rig.gateway.stats).toMatchObject({ connections: 0, requestBytes: 0, answerBytes: 0 });
  });

  it('sends large answers to their end', async () => {
    rig = await startRig();
    rig.engine.automatic = (call) => call.answer(32 * MIB);
    const client = await RawClient.connect(rig.address);
    client.stopReading();
    await client.sendRequest({ apiKey: FETCH, correlationId: 1 });
    await rig.engine.arrived(1);
    await settled();
    const drained = rig.gateway.drain(5000);
    client.startReading();
    expect((await client.receive())!.length).toBe(32 * MIB);
    expect(await client.closed).toBe('end');
    await drained;
  });

  it('cuts off what is not done in time', async () => {
    rig = await startRig();
    const client = await RawClient.connect(rig.address);
    await client.sendRequest({ apiKey: PRODUCE, correlationId: 1 });
    const [call] = await rig.engine.arrived(1);
    await rig.gateway.drain(50);
    await client.closed;
    expect(rig.notable()).toEqual([expect.objectContaining({ level: 'warn', event: 'drain_timeout', connections: 1 })]);
    call!.answer();
    await settled();
    expect(rig.gateway.stats).toMatchObject({ connections: 0, requestBytes: 0, answerBytes: 0 });
  });
});

describe('listeners', () => {
  it('opens several, and tells requests which one they came by', async () => {
    const listeners: string[] = [];
    const gateway = await startGateway({
      listeners: [
        { name: 'INSIDE', host: '127.0.0.1', port: 0 },
        { name: 'OUTSIDE', host: '127.0.0.1', port: 0 },
      ],
      handleFrame: (_, context) => {
        listeners.push(context.listener);
        return Promise.resolve({ kind: 'close', reason: 'enough' });
      },
      clock: systemClock,
      logger: silentLogger,
    });
    for (const name of ['OUTSIDE', 'INSIDE']) {
      const client = await RawClient.connect(gateway.addresses.get(name)!);
      await client.sendRequest({ apiKey: METADATA, correlationId: 1 });
      await client.closed;
    }
    expect(listeners).toEqual(['OUTSIDE', 'INSIDE']);
    await gateway.close();
  });

  it('opens none when one cannot be opened', async () => {
    rig = await startRig();
    const free = await startRig();
    const { port } = free.address;
    await free.gateway.close();
    const started = startGateway({
      listeners: [
        { name: 'FREE', host: '127.0.0.1', port },
        { name: 'TAKEN', ...rig.address },
      ],
      handleFrame: rig.engine.handleFrame,
      clock: systemClock,
      logger: silentLogger,
    });
    await expect(started).rejects.toMatchObject({
      name: 'ListenError',
      code: 'EADDRINUSE',
      listener: { name: 'TAKEN' },
    });
    await expect(started).rejects.toBeInstanceOf(ListenError);
    const refused = await new Promise<string | undefined>((resolve) => {
      connect(port, '127.0.0.1', () => resolve(undefined)).on('error', (error: NodeJS.ErrnoException) =>
        resolve(error.code),
      );
    });
    expect(refused).toBe('ECONNREFUSED');
  });
});
