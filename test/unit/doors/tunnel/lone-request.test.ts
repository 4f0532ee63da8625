import { describe, expect, it } from 'vitest';
import { PATIENCE_MS } from '../../../../lib/doors/tunnel/retry.ts';
import type { CallOutcome } from '../../../../lib/doors/tunnel/transport.ts';
import { ApiKey } from '../../../../lib/wire/apis.ts';
import { decodeResponse } from '../../../../lib/wire/client-frame.ts';
import { frameOf, tunnelRig } from '../../../support/fake-transport.ts';
import { rawRequest } from '../../../support/raw-client.ts';

const UNKNOWN: CallOutcome = { kind: 'unknown', message: 'lost' };
const UNREACHABLE: CallOutcome = { kind: 'refused', reason: 'unreachable', message: 'nobody there' };

const fetchFrame = (id: number) =>
  frameOf(ApiKey.Fetch, 11, id, { replicaId: -1, maxWaitMs: 500, minBytes: 1, topics: [], forgottenTopicsData: [] });
const heartbeat = (id: number) => frameOf(ApiKey.Heartbeat, 4, id, { groupId: 'g', generationId: 1, memberId: 'm' });
const createTopics = (id: number) => frameOf(ApiKey.CreateTopics, 7, id, { topics: [], timeoutMs: 1_000 });
const listGroups = (id: number) => frameOf(ApiKey.ListGroups, 4, id, { statesFilter: [] });

describe('requests other than Produce', () => {
  it('go to the function of their API, each by itself', async () => {
    const rig = tunnelRig();
    for (const frame of [fetchFrame(1), heartbeat(2), createTopics(3), fetchFrame(4)]) rig.connect().send(frame);
    await rig.turn();
    expect(rig.transport.calls.map(({ name, ids }) => `${name} ${ids}`).sort()).toEqual([
      'admin 3',
      'coordinate 2',
      'fetch 1',
      'fetch 4',
    ]);
  });

  it('get the answer with its size before it', async () => {
    const rig = tunnelRig();
    const connection = rig.connect();
    connection.send(heartbeat(2));
    await rig.turn();
    rig.transport.calls[0]!.answer([{ kind: 'answer', chunks: [Buffer.from('answer')] }]);
    await rig.turn();
    const [outcome] = connection.outcomes;
    expect(outcome?.kind === 'answer' && Buffer.concat(outcome.chunks).toString('latin1')).toBe('\0\0\0\x06answer');
  });

  it('that are told `again` are sent with the token until there is an answer', async () => {
    const rig = tunnelRig();
    const connection = rig.connect();
    connection.send(fetchFrame(1));
    await rig.turn();
    for (const token of ['t1', 't2']) {
      await rig.clock.advance(20_000);
      rig.transport.calls.at(-1)!.answer([{ kind: 'again', token }]);
      await rig.turn();
    }
    expect(rig.transport.calls.map(({ envelope }) => envelope.frames[0]!.token)).toEqual([undefined, 't1', 't2']);
    rig.transport.calls[2]!.answer();
    await rig.turn();
    expect(connection.outcomes[0]?.kind).toBe('answer');
  });

  it('are not sent again in a hurry when a function says `again` at once', async () => {
    const rig = tunnelRig();
    rig.transport.automatic = (call) => call.answer([{ kind: 'again', token: 't' }]);
    rig.connect().send(fetchFrame(1));
    await rig.turn();
    await rig.clock.advance(1_000);
    expect(rig.transport.calls).toHaveLength(6);
  });

  it('are not sent again for a client that is gone', async () => {
    const rig = tunnelRig();
    const connection = rig.connect();
    connection.send(fetchFrame(1));
    await rig.turn();
    connection.abort();
    rig.transport.calls[0]!.answer([{ kind: 'again', token: 't' }]);
    await rig.turn();
    await rig.clock.advance(10_000);
    expect(connection.outcomes[0]?.kind).toBe('close');
    expect(rig.transport.calls).toHaveLength(1);
  });

  it('that may wait long do not hold up a gateway that stops; the others have their time', async () => {
    const rig = tunnelRig();
    const [fetching, committing, leaving] = [rig.connect(), rig.connect(), rig.connect()];
    fetching.send(fetchFrame(1));
    committing.send(heartbeat(2));
    leaving.send(fetchFrame(3));
    await rig.turn();
    leaving.abort();
    fetching.drain();
    committing.drain();
    await rig.turn();
    expect(fetching.outcomes).toEqual([{ kind: 'close', reason: 'the gateway stops' }]);
    expect([committing.outcomes, leaving.outcomes]).toEqual([[undefined], [undefined]]);
    for (const call of rig.transport.calls) call.answer();
    await rig.turn();
    expect([committing.outcomes[0]?.kind, leaving.outcomes[0]?.kind]).toEqual(['answer', 'answer']);
  });

  it('of which nobody knows what became are sent again only where that does no harm', async () => {
    const rig = tunnelRig();
    const [reading, changing] = [rig.connect(), rig.connect()];
    reading.send(listGroups(1));
    changing.send(createTopics(2));
    await rig.turn();
    for (const call of [...rig.transport.calls]) call.end(UNKNOWN);
    await rig.turn();
    await rig.clock.advance(1_000);
    expect(rig.transport.calls.map(({ ids }) => ids)).toEqual([[1], [2], [1]]);
    expect(changing.outcomes[0]).toMatchObject({ kind: 'close', reason: expect.stringContaining('lost') });
  });

  it('that cannot be delivered are tried for a while, then the connection is closed', async () => {
    const rig = tunnelRig();
    rig.transport.automatic = (call) => call.end(UNREACHABLE);
    const connection = rig.connect();
    connection.send(createTopics(1));
    await rig.turn();
    await rig.clock.advance(PATIENCE_MS - 1_000);
    expect(connection.outcomes).toEqual([undefined]);
    expect(rig.transport.calls.length).toBeGreaterThan(5);
    await rig.clock.advance(4_000);
    expect(connection.outcomes[0]).toMatchObject({
      kind: 'close',
      reason: expect.stringContaining('cannot be reached'),
    });
    expect(rig.lines).toHaveLength(1);
  });

  it('wait for their turn when a function has too many', async () => {
    const rig = tunnelRig();
    for (let id = 0; id < 300; id++) rig.connect().send(fetchFrame(id));
    rig.connect().send(heartbeat(999));
    await rig.turn();
    expect(rig.transport.calls.filter(({ name }) => name === 'fetch')).toHaveLength(256);
    expect(rig.transport.calls.at(-1)!.name).toBe('coordinate');
    rig.transport.calls[0]!.answer();
    await rig.turn();
    expect(rig.transport.calls.at(-1)!.ids).toEqual([256]);
  });

  it('of more than a function takes close their connection', async () => {
    const rig = tunnelRig();
    const connection = rig.connect();
    const groups = Array.from({ length: 45 }, (_, index) => `${index}`.padEnd(32_000 * 3, 'x').slice(0, 32_000));
    const frame = frameOf(ApiKey.DescribeGroups, 5, 1, { groups: [...groups, ...groups, ...groups, ...groups] });
    connection.send(frame);
    await rig.turn();
    expect(rig.transport.calls).toEqual([]);
    expect(connection.outcomes[0]).toMatchObject({ kind: 'close', reason: expect.stringContaining('4400000') });
  });
});

describe('what the tunnel answers by itself', () => {
  it('ApiVersions, in any version', async () => {
    const rig = tunnelRig();
    const connection = rig.connect();
    const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1' };
    connection.send(frameOf(ApiKey.ApiVersions, 3, 1, software));
    connection.send(rawRequest({ apiKey: ApiKey.ApiVersions, apiVersion: 99, correlationId: 2 }));
    await rig.turn();
    const [known, unknown] = connection.outcomes.map((outcome, index) => {
      if (outcome?.kind !== 'answer') throw new Error(outcome?.kind);
      return decodeResponse(ApiKey.ApiVersions, index === 0 ? 3 : 0, Buffer.concat(outcome.chunks).subarray(4));
    });
    expect(known).toMatchObject({ kind: 'response', body: { errorCode: 0 } });
    expect(unknown).toMatchObject({ kind: 'response', correlationId: 2, body: { errorCode: 35 } });
    expect(rig.transport.calls).toEqual([]);
  });

  it.each([
    ['an API that nobody knows', rawRequest({ apiKey: 999, correlationId: 1 }), 'unknown API key 999'],
    ['a version that is not served', rawRequest({ apiKey: 1, apiVersion: 3, correlationId: 1 }), 'version 3'],
    ['a header that is cut off', Buffer.alloc(5), 'malformed'],
    ['a Produce request that is cut off', rawRequest({ apiKey: 0, apiVersion: 3, correlationId: 1 }), 'malformed'],
  ])('closes the connection for %s', async (_what, frame, reason) => {
    const rig = tunnelRig();
    const connection = rig.connect();
    connection.send(frame);
    await rig.turn();
    expect(connection.outcomes[0]).toMatchObject({ kind: 'close', reason: expect.stringContaining(reason) });
    expect(rig.transport.calls).toEqual([]);
  });
});
