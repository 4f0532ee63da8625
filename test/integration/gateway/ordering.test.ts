import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { RawClient, rawRequest, withSize } from '../../support/raw-client.ts';
import { settled } from '../../support/settled.ts';
import { type Rig, startRig } from './fake-engine.ts';

const PRODUCE = 0;
const FETCH = 1;
const METADATA = 3;

let rig: Rig;
afterEach(() => rig.gateway.close());

describe('the order of requests on a connection', () => {
  it('hands pipelined Produce requests on in order and answers them in order, whichever is done first', async () => {
    rig = await startRig();
    const client = await RawClient.connect(rig.address);
    for (const correlationId of [1, 2, 3, 4]) await client.sendRequest({ apiKey: PRODUCE, correlationId });
    const calls = await rig.engine.arrived(4);
    expect(rig.engine.ids()).toEqual([1, 2, 3, 4]);
    calls[3]!.answer();
    calls[1]!.finish({ kind: 'none' });
    calls[2]!.answer();
    await settled();
    calls[0]!.answer();
    expect(await client.receiveIds(3)).toEqual([1, 3, 4]);
  });

  it('starts other requests only when all before them are answered, and nothing beside them', async () => {
    rig = await startRig();
    const client = await RawClient.connect(rig.address);
    const kinds = [PRODUCE, PRODUCE, FETCH, METADATA, PRODUCE, PRODUCE];
    const frames = kinds.map((apiKey, index) => withSize(rawRequest({ apiKey, correlationId: index })));
    await client.send(Buffer.concat(frames));
    const { engine } = rig;
    await engine.arrived(2);
    await settled();
    expect(engine.ids()).toEqual([0, 1]);
    engine.calls[1]!.answer();
    await settled();
    expect(engine.ids()).toEqual([0, 1]);
    engine.calls[0]!.answer();
    await engine.arrived(3);
    await settled();
    expect(engine.ids()).toEqual([0, 1, 2]);
    engine.calls[2]!.answer();
    (await engine.arrived(4))[3]!.answer();
    await engine.arrived(6);
    engine.calls[5]!.answer();
    engine.calls[4]!.answer();
    expect(await client.receiveIds(6)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('keeps the order for any mix, cut anywhere, finished in any order', async () => {
    rig = await startRig({ inFlightRequestsMax: 4 });
    let active = { produce: 0, other: 0 };
    rig.engine.automatic = (call) => {
      const kind = call.apiKey === PRODUCE ? 'produce' : 'other';
      active[kind]++;
      expect(active.other === 0 || active.produce + active.other === 1).toBe(true);
      expect(active.produce).toBeLessThanOrEqual(4);
      setTimeout(() => {
        active[kind]--;
        call.answer(4 + (call.correlationId % 7) * 3000);
      }, call.frame.readUInt8(12) % 4);
    };
    const requests = fc.array(fc.tuple(fc.constantFrom(PRODUCE, PRODUCE, FETCH, METADATA), fc.nat(255)), {
      minLength: 1,
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(requests, fc.integer({ min: 1, max: 200 }), async (kinds, cut) => {
        active = { produce: 0, other: 0 };
        const client = await RawClient.connect(rig.address);
        const frames = kinds.map(([apiKey, delay], correlationId) =>
          withSize(rawRequest({ apiKey, correlationId, clientId: 'raw', body: Buffer.from([delay]) })),
        );
        const stream = Buffer.concat(frames);
        for (let at = 0; at < stream.length; at += cut) await client.send(stream.subarray(at, at + cut));
        expect(await client.receiveIds(kinds.length)).toEqual(kinds.map((_, index) => index));
        client.end();
        expect(await client.closed).toBe('end');
      }),
      { numRuns: 25 },
    );
  });

  it('reads a request that comes byte by byte', async () => {
    rig = await startRig();
    const client = await RawClient.connect(rig.address);
    for (const byte of withSize(rawRequest({ apiKey: METADATA, correlationId: 77, clientId: 'slow' }))) {
      await client.send(Buffer.from([byte]));
    }
    const [call] = await rig.engine.arrived(1);
    expect(call!.context).toMatchObject({
      clientId: 'slow',
      host: '127.0.0.1',
      listener: 'PLAINTEXT',
      principal: 'User:ANONYMOUS',
      deadline: Number.POSITIVE_INFINITY,
    });
    call!.answer();
    expect(await client.receiveIds(1)).toEqual([77]);
  });

  it('tells the client id of each request', async () => {
    rig = await startRig();
    rig.engine.automatic = (call) => call.answer();
    const client = await RawClient.connect(rig.address);
    for (const clientId of ['a', null, 'ü', 'ü'])
      await client.sendRequest({ apiKey: METADATA, correlationId: 0, clientId });
    await client.receiveIds(4);
    expect(rig.engine.calls.map(({ context }) => context.clientId)).toEqual(['a', '', 'ü', 'ü']);
    const cutOff = rawRequest({ apiKey: METADATA, correlationId: 4 });
    cutOff.writeInt16BE(500, 8);
    await client.sendFrame(cutOff);
    await client.receiveIds(1);
    expect(rig.engine.calls.at(-1)!.context.clientId).toBe('');
  });

  it('lets a request wait for many things at once without a warning', async () => {
    rig = await startRig();
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    const client = await RawClient.connect(rig.address);
    await client.sendRequest({ apiKey: FETCH, correlationId: 1 });
    const [call] = await rig.engine.arrived(1);
    for (let journal = 0; journal < 50; journal++) call!.context.signal.addEventListener('abort', () => {});
    await settled();
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  it('limits what one connection has in progress, by number and by bytes', async () => {
    rig = await startRig({ inFlightRequestsMax: 3, inFlightBytesMax: 10_000 });
    const small = await RawClient.connect(rig.address);
    for (let correlationId = 0; correlationId < 8; correlationId++) {
      await small.sendRequest({ apiKey: PRODUCE, correlationId });
    }
    await rig.engine.arrived(3);
    await settled();
    expect(rig.engine.ids()).toEqual([0, 1, 2]);
    rig.engine.automatic = (call) => call.answer();
    for (const call of rig.engine.calls) call.answer();
    expect(await small.receiveIds(8)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);

    rig.engine.automatic = undefined;
    rig.engine.calls.length = 0;
    const large = await RawClient.connect(rig.address);
    const body = Buffer.alloc(20_000);
    for (const correlationId of [0, 1]) await large.sendRequest({ apiKey: PRODUCE, correlationId, body });
    await rig.engine.arrived(1);
    await settled();
    expect(rig.engine.ids()).toEqual([0]);
    rig.engine.calls[0]!.answer();
    (await rig.engine.arrived(2))[1]!.answer();
    expect(await large.receiveIds(2)).toEqual([0, 1]);
  });
});
