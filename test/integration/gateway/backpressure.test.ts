import { afterEach, describe, expect, it } from 'vitest';
import { RawClient, rawRequest, withSize } from '../../support/raw-client.ts';
import { unchanged } from '../../support/settled.ts';
import { until } from '../../support/waiting.ts';
import { pause, type Rig, response, startRig } from './fake-engine.ts';

const PRODUCE = 0;
const FETCH = 1;
const HEARTBEAT = 12;
const MIB = 1024 * 1024;

let rig: Rig;
afterEach(() => rig.gateway.close());

describe('memory for requests', () => {
  it('stops reading when it is full and goes on when requests are answered', async () => {
    const limits = { requestMemoryBytesMax: 4 * MIB };
    rig = await startRig(limits);
    const body = Buffer.alloc(1 * MIB);
    const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.connect(rig.address)));
    for (const [correlationId, client] of clients.entries()) {
      void client.sendRequest({ apiKey: PRODUCE, correlationId, body });
    }
    await rig.engine.arrived(1);
    await unchanged(() => rig.gateway.stats.requestBytes);
    // Above the bound by what the sockets had at hand, and one elected request.
    expect(rig.gateway.stats.requestBytes).toBeLessThan(4 * MIB + 20 * 128 * 1024 + 2 * MIB);
    expect(rig.engine.calls.length).toBeLessThan(10);
    rig.engine.automatic = (call) => call.answer();
    for (const call of [...rig.engine.calls]) call.answer();
    const ids = await Promise.all(clients.map((client) => client.receiveIds(1)));
    expect(ids.flat()).toEqual(clients.map((_, index) => index));
    expect(rig.gateway.stats.requestBytes).toBe(0);
  });

  it('lets a request pass that is larger than all of it', async () => {
    rig = await startRig({ requestMemoryBytesMax: 1 * MIB });
    rig.engine.automatic = (call) => call.answer();
    const client = await RawClient.connect(rig.address);
    await client.sendRequest({ apiKey: PRODUCE, correlationId: 3, body: Buffer.alloc(20 * MIB) });
    expect(await client.receiveIds(1)).toEqual([3]);
    expect(rig.engine.calls[0]!.frame.length).toBeGreaterThan(20 * MIB);
  });

  it('brings many half-received requests to their end one after the other', async () => {
    rig = await startRig({ requestMemoryBytesMax: 1 * MIB });
    rig.engine.automatic = (call) => call.answer();
    const body = Buffer.alloc(3 * MIB);
    const clients = await Promise.all(Array.from({ length: 8 }, () => RawClient.connect(rig.address)));
    for (const client of clients) {
      void client.send(withSize(rawRequest({ apiKey: PRODUCE, correlationId: 1, body })));
    }
    const ids = await Promise.all(clients.map((client) => client.receiveIds(1)));
    expect(ids.flat()).toEqual(clients.map(() => 1));
  });

  it('closes those who hold it with half a request and send nothing', async () => {
    rig = await startRig({ requestMemoryBytesMax: 1 * MIB, stallMsMax: 150 });
    rig.engine.automatic = (call) => call.answer();
    const half = withSize(rawRequest({ apiKey: PRODUCE, correlationId: 1, body: Buffer.alloc(1 * MIB) })).subarray(
      0,
      700_000,
    );
    const stallers = await Promise.all([RawClient.connect(rig.address), RawClient.connect(rig.address)]);
    for (const staller of stallers) await staller.send(half);
    await until(() => rig.gateway.stats.requestBytes === 2 * half.length, 'both halves to fill the memory');
    const honest = await RawClient.connect(rig.address);
    void honest.sendRequest({ apiKey: PRODUCE, correlationId: 2, body: Buffer.alloc(2 * MIB) });
    expect(await honest.receiveIds(1)).toEqual([2]);
    expect(rig.notable()[0]).toMatchObject({ level: 'warn', event: 'connection_stalled' });
  });
});

/** Correlation ids below it are answered with much. */
const LARGE_UNTIL = 1_000;

describe('a client that is let through first', () => {
  it('is closed when its request only trickles in', async () => {
    rig = await startRig({ requestMemoryBytesMax: 1 * MIB, stallMsMax: 150 });
    const request = withSize(rawRequest({ apiKey: PRODUCE, correlationId: 1, body: Buffer.alloc(4 * MIB) }));
    const trickling = await RawClient.connect(rig.address);
    await trickling.send(request.subarray(0, 2 * MIB));
    let isClosed = false;
    void trickling.closed.then(() => {
      isClosed = true;
    });
    for (let at = 2 * MIB; at < 2 * MIB + 200 && !isClosed; at++) {
      void trickling.send(request.subarray(at, at + 1));
      await pause(10);
    }
    expect(isClosed).toBe(true);
    expect(rig.notable()).toEqual([expect.objectContaining({ event: 'connection_stalled' })]);
    expect(rig.gateway.stats.requestBytes).toBe(0);
  });
});

describe('clients that do not read', () => {
  it('get no further request started until they have read', async () => {
    rig = await startRig();
    rig.engine.automatic = (call) => call.answer(8 * MIB);
    const client = await RawClient.connect(rig.address);
    client.stopReading();
    for (let correlationId = 0; correlationId < 5; correlationId++) {
      void client.sendRequest({ apiKey: FETCH, correlationId });
    }
    await rig.engine.arrived(1);
    await unchanged(() => rig.gateway.stats.answerBytes);
    expect(rig.engine.ids()).toEqual([0]);
    expect(rig.gateway.stats.answerBytes).toBeGreaterThan(1 * MIB);
    client.startReading();
    expect(await client.receiveIds(5)).toEqual([0, 1, 2, 3, 4]);
    await until(() => rig.gateway.stats.answerBytes === 0, 'the answers to leave');
  });

  it('take no more than the bound together, and hold up no heartbeat', async () => {
    const answerBytes = 4 * MIB;
    const answerMemoryBytesMax = 16 * MIB;
    rig = await startRig({ answerMemoryBytesMax });
    const shared = Buffer.alloc(answerBytes - 4);
    let most = 0;
    rig.engine.automatic = ({ finish, apiKey, correlationId }) => {
      const head = response(correlationId, answerBytes)[0]!;
      const chunks = apiKey === FETCH ? [head, shared] : response(correlationId);
      finish({ kind: 'answer', chunks, errorCode: 0 });
      setImmediate(() => {
        most = Math.max(most, rig.gateway.stats.answerBytes);
      });
    };
    const clients = await Promise.all(Array.from({ length: 60 }, () => RawClient.connect(rig.address)));
    for (const client of clients) {
      client.stopReading();
      // Turn by turn, as independent clients come.
      await client.sendRequest({ apiKey: FETCH, correlationId: 1 });
      await pause(1);
    }
    await unchanged(() => rig.gateway.stats.answerBytes);
    expect(rig.engine.calls.length).toBeLessThan(30);
    expect(most).toBeLessThan(answerMemoryBytesMax + 2 * answerBytes);

    const member = await RawClient.connect(rig.address);
    await member.sendRequest({ apiKey: HEARTBEAT, correlationId: 7 });
    expect(await member.receiveIds(1)).toEqual([7]);

    for (const client of clients) client.startReading();
    const ids = await Promise.all(clients.map((client) => client.receiveIds(1)));
    expect(ids.flat()).toEqual(clients.map(() => 1));
    expect(most).toBeLessThan(answerMemoryBytesMax + 4 * answerBytes);
  });

  it('let fetches pass of clients that ask for little and read it', async () => {
    const large = 8 * MIB;
    // Nobody is closed for being slow while this test runs.
    rig = await startRig({ answerMemoryBytesMax: 4 * MIB, stallMsMax: 600_000 });
    rig.engine.automatic = (call) => call.answer(call.correlationId < LARGE_UNTIL ? large : 100);
    const small = await RawClient.connect(rig.address);
    await small.sendRequest({ apiKey: FETCH, correlationId: LARGE_UNTIL });
    expect(await small.receiveIds(1)).toEqual([LARGE_UNTIL]);
    const greedy = await Promise.all(Array.from({ length: 14 }, () => RawClient.connect(rig.address)));
    for (const [correlationId, client] of greedy.entries()) {
      client.stopReading();
      await client.sendRequest({ apiKey: FETCH, correlationId });
    }
    await rig.engine.arrived(2);
    await unchanged(() => rig.gateway.stats.answerBytes);
    expect(rig.gateway.stats.answerBytes).toBeGreaterThan(4 * MIB);
    const handled = rig.engine.calls.length;
    for (let round = 1; round <= 20; round++) {
      await small.sendRequest({ apiKey: FETCH, correlationId: LARGE_UNTIL + round });
      expect(await small.receiveIds(1)).toEqual([LARGE_UNTIL + round]);
    }
    // None of those who do not read was let through meanwhile.
    expect(rig.engine.calls.length).toBe(handled + 20);
    expect(rig.gateway.stats.answerBytes).toBeGreaterThan(4 * MIB);
  });

  it('are closed when they keep others waiting', async () => {
    rig = await startRig({ answerMemoryBytesMax: 4 * MIB, stallMsMax: 150 });
    rig.engine.automatic = (call) => call.answer(call.correlationId === 1 ? 32 * MIB : 100);
    const stuck = await RawClient.connect(rig.address);
    stuck.stopReading();
    await stuck.sendRequest({ apiKey: FETCH, correlationId: 1 });
    await rig.engine.arrived(1);
    const other = await RawClient.connect(rig.address);
    await other.sendRequest({ apiKey: FETCH, correlationId: 2 });
    expect(await other.receiveIds(1)).toEqual([2]);
    expect(rig.notable()).toEqual([expect.objectContaining({ level: 'warn', event: 'connection_stalled' })]);
    expect(rig.gateway.stats.connections).toBe(1);
  });
});
