import { describe, expect, it } from 'vitest';
import type { EnvelopeAnswer } from '../../../../lib/doors/tunnel/envelope.ts';
import { WAITING_PACES } from '../../../../lib/doors/tunnel/pace.ts';
import { ApiKey } from '../../../../lib/wire/apis.ts';
import { frameOf, tunnelRig } from '../../../support/fake-transport.ts';

const SESSION_MS = 45_000;
/** For how long the tunnel answers heartbeats in the default profile. */
const QUIET_MS = SESSION_MS / 2;

const heartbeat = (id: number, memberId = 'm', generationId = 1) =>
  frameOf(ApiKey.Heartbeat, 4, id, { groupId: 'g', generationId, memberId });
const commit = (id: number, committedOffset: number, memberId = 'm') =>
  frameOf(ApiKey.OffsetCommit, 8, id, {
    groupId: 'g',
    memberId,
    generationIdOrMemberEpoch: 1,
    topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset, committedMetadata: '' }] }],
  });
const leave = (id: number) => frameOf(ApiKey.LeaveGroup, 3, id, { groupId: 'g', members: [] });

const clean = (sessionMs: number | undefined = SESSION_MS): EnvelopeAnswer => ({
  kind: 'answer',
  chunks: [Buffer.from('....clean')],
  advice: { about: ['g'], hasChanged: false, ...(sessionMs !== undefined && { sessionMs }) },
});

function rigOf(profile = 'default') {
  const rig = tunnelRig({}, { waiting: WAITING_PACES[profile]! });
  rig.transport.automatic = (call) => call.answer(call.envelope.frames.map(() => clean()));
  return {
    ...rig,
    sent: () => rig.transport.calls.map(({ ids }) => ids),
    later: async (ms: number) => {
      await rig.clock.advance(ms);
      await rig.turn();
    },
  };
}

describe('heartbeats', () => {
  it('that repeat the last one are answered by the tunnel for half of the session', async () => {
    const { connect, turn, later, sent } = rigOf();
    const connection = connect();
    connection.send(heartbeat(1));
    await turn();
    for (const id of [2, 3]) {
      await later(3_000);
      connection.send(heartbeat(id));
      await turn();
    }
    expect(sent()).toEqual([[1]]);
    const [, second] = connection.outcomes;
    expect(second?.kind === 'answer' && Buffer.concat(second.chunks).toString('latin1')).toBe(
      '\0\0\0\x09\0\0\0\x02clean',
    );
  });

  it('are passed on when that half is over, once, in one call for all members', async () => {
    const { connect, turn, later, sent } = rigOf();
    const members = ['a', 'b', 'c'].map((memberId) => ({ connection: connect(), memberId }));
    for (const [index, { connection, memberId }] of members.entries()) {
      connection.send(heartbeat(index, memberId));
      await turn();
      await later(1_000);
    }
    for (let id = 10; id < 40; id++) {
      for (const { connection, memberId } of members) connection.send(heartbeat(id, memberId));
      await later(3_000);
    }
    // 93 s: the first three, then all together every 22.5 s.
    expect(
      sent()
        .slice(0, 3)
        .map(({ length }) => length),
    ).toEqual([1, 1, 1]);
    expect(
      sent()
        .slice(3)
        .map(({ length }) => length),
    ).toEqual([3, 3, 3, 3]);
  });

  it('are not passed on for a client that has gone, or was silent for a third of that half', async () => {
    const { connect, turn, later, sent } = rigOf();
    const [gone, silent] = [connect(), connect()];
    for (const connection of [gone, silent]) {
      connection.send(heartbeat(1));
      await turn();
      await later(3_000);
      connection.send(heartbeat(2));
      await turn();
    }
    gone.abort();
    await later(60_000);
    expect(sent()).toEqual([[1], [1]]);
    silent.send(heartbeat(3));
    await turn();
    expect(sent()).toEqual([[1], [1], [3]]);
  });

  it('that differ are sent', async () => {
    const { connect, turn, sent } = rigOf();
    const connection = connect();
    for (const [id, generation] of [
      [1, 1],
      [2, 2],
      [3, 1],
    ] as const) {
      connection.send(heartbeat(id, 'm', generation));
      await turn();
    }
    expect(sent()).toEqual([[1], [2], [3]]);
  });

  it('are sent after an answer that was not clean, also one to a heartbeat that the tunnel passed on', async () => {
    const { connect, turn, later, sent, transport } = rigOf();
    const connection = connect();
    transport.automatic = (call) => call.answer(call.envelope.frames.map(() => clean(0)));
    connection.send(heartbeat(1));
    await turn();
    transport.automatic = (call) => call.answer(call.envelope.frames.map(() => clean()));
    connection.send(heartbeat(2));
    await turn();
    await later(20_000);
    connection.send(heartbeat(3));
    await turn();
    expect(sent()).toEqual([[1], [2]]);
    transport.automatic = (call) => call.answer(call.envelope.frames.map(() => clean(0)));
    await later(3_000);
    connection.send(heartbeat(4));
    await turn();
    // What was passed on is the first of the same requests, which the client sent as number 2.
    expect(sent()).toEqual([[1], [2], [2], [4]]);
  });

  it('are sent when something has changed in the group through this tunnel, also during the call', async () => {
    const { connect, turn, sent, transport } = rigOf();
    const [member, other] = [connect(), connect()];
    transport.automatic = undefined;
    const changed: EnvelopeAnswer = { kind: 'answer', chunks: [], advice: { about: ['g'], hasChanged: true } };
    member.send(heartbeat(1));
    other.send(leave(2));
    await turn();
    transport.calls.find(({ ids }) => ids[0] === 2)!.answer([changed]);
    await turn();
    transport.calls.find(({ ids }) => ids[0] === 1)!.answer([clean()]);
    await turn();
    member.send(heartbeat(3));
    await turn();
    transport.calls.find(({ ids }) => ids[0] === 3)!.answer([clean()]);
    await turn();
    other.send(leave(4));
    await turn();
    transport.calls.find(({ ids }) => ids[0] === 4)!.answer([changed]);
    await turn();
    member.send(heartbeat(5));
    await turn();
    expect(sent().flat().sort()).toEqual([1, 2, 3, 4, 5]);
  });

  it('are all sent to functions that are older than the tunnel', async () => {
    const { connect, turn, sent, transport } = rigOf();
    transport.automatic = (call) => call.answer();
    const connection = connect();
    for (const id of [1, 2, 3]) {
      connection.send(heartbeat(id));
      await turn();
    }
    expect(sent()).toEqual([[1], [2], [3]]);
  });

  it('are answered for a fifth of the session in the profile latency', async () => {
    const { connect, turn, later, sent } = rigOf('latency');
    const [one, two] = [connect(), connect()];
    for (let beat = 0; beat < 4; beat++) {
      one.send(heartbeat(10 + beat, 'm1'));
      two.send(heartbeat(20 + beat, 'm2'));
      await turn();
      await later(3_000);
    }
    // After 9 s those of both are passed on in one call.
    expect(sent()).toEqual([
      [10, 20],
      [10, 20],
    ]);
  });

  it('that come together go in one call; with a lost answer they are sent again', async () => {
    const { connect, turn, later, sent, transport } = rigOf();
    transport.automatic = (call) => call.end({ kind: 'unknown', message: 'lost' });
    for (const id of [1, 2]) connect().send(heartbeat(id, `m${id}`));
    await turn();
    transport.automatic = (call) => call.answer(call.envelope.frames.map(() => clean()));
    await later(100);
    expect(sent()).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });
});

describe('commits', () => {
  it('that repeat the last one are answered by the tunnel; one that goes back is sent', async () => {
    const { connect, turn, sent } = rigOf();
    const connection = connect();
    for (const [id, offset] of [
      [1, 10],
      [2, 10],
      [3, 20],
      [4, 10],
    ] as const) {
      connection.send(commit(id, offset));
      await turn();
    }
    expect(sent()).toEqual([[1], [3], [4]]);
  });

  it('are answered as long as heartbeats are clean, and sent at the latest after five minutes', async () => {
    const { connect, turn, later, transport } = rigOf();
    const connection = connect();
    connection.send(heartbeat(1));
    connection.send(commit(2, 10));
    await turn();
    const commits = () => transport.calls.flatMap(({ ids }) => ids).filter((id) => id % 2 === 0).length;
    for (let id = 3; id < 43; id += 2) {
      await later(3_000);
      connection.send(heartbeat(id));
      connection.send(commit(id + 1, 10));
      await turn();
    }
    expect(commits()).toBe(1);
    for (let id = 43; id < 255; id += 2) {
      await later(3_000);
      connection.send(heartbeat(id));
      connection.send(commit(id + 1, 10));
      await turn();
    }
    expect(commits()).toBeGreaterThan(1);
    expect(commits()).toBeLessThanOrEqual(4);
  });

  it('are sent once heartbeats are not clean any more', async () => {
    const { connect, turn, later, sent, transport } = rigOf();
    const connection = connect();
    connection.send(commit(1, 10));
    await turn();
    transport.automatic = (call) => call.answer(call.envelope.frames.map(() => clean(0)));
    await later(QUIET_MS * 1.2);
    connection.send(commit(2, 10));
    await turn();
    expect(sent()).toEqual([[1], [2]]);
  });

  it('that overlap are not taken for the last one', async () => {
    const { connect, turn, sent, transport } = rigOf();
    transport.automatic = undefined;
    const connection = connect();
    connection.send(commit(1, 10));
    await turn();
    connection.send(commit(2, 20));
    await turn();
    for (const call of [...transport.calls].reverse()) call.answer([clean()]);
    await turn();
    connection.send(commit(3, 20));
    await turn();
    expect(sent()).toEqual([[1], [2], [3]]);
  });
});
