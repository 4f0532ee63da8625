import { describe, expect, it } from 'vitest';
import type { EnvelopeAnswer } from '../../../../lib/doors/tunnel/envelope.ts';
import { TailWatch } from '../../../../lib/doors/tunnel/tail-watch.ts';
import { type Item, StoreUnavailableError } from '../../../../lib/storage/ports.ts';
import { ApiKey } from '../../../../lib/wire/apis.ts';
import { type FakeConnection, frameOf, produceFrame, tunnelRig } from '../../../support/fake-transport.ts';

interface FetchShape {
  readonly topic?: string;
  readonly partitions?: readonly number[];
  readonly maxWaitMs?: number;
}

function fetchFrame(id: number, { topic = 't', partitions = [0], maxWaitMs = 500 }: FetchShape = {}): Buffer {
  const asked = partitions.map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1_000 }));
  const topics = [{ topic, partitions: asked }];
  return frameOf(ApiKey.Fetch, 11, id, { replicaId: -1, maxWaitMs, minBytes: 1, topics, forgottenTopicsData: [] });
}

const joinFrame = (id: number) =>
  frameOf(ApiKey.JoinGroup, 5, id, {
    groupId: 'g',
    sessionTimeoutMs: 45_000,
    rebalanceTimeoutMs: 300_000,
    memberId: `m${id}`,
    groupInstanceId: null,
    protocolType: 'consumer',
    protocols: [],
  });

const TAIL = { journal: 'topic/0', seq: 4 };

/** Nothing is there; the last entry is old enough for the slowest pace. */
function nothingNew(afterMs = 1_000_000, about = ['t']): EnvelopeAnswer {
  return {
    kind: 'again',
    token: '0',
    chunks: [Buffer.from('....nothing')],
    advice: { afterMs, about, tails: [TAIL] },
  };
}

const waitOn: EnvelopeAnswer = { kind: 'again', token: 'joined', advice: { about: ['g'], hasChanged: false } };

function textOf(connection: FakeConnection, place: number): string {
  const outcome = connection.outcomes[place];
  return outcome?.kind === 'answer' ? Buffer.concat(outcome.chunks).subarray(4).toString('latin1') : `${outcome?.kind}`;
}

const idOf = (id: number) => `\0\0\0${String.fromCharCode(id)}`;

/** A rig whose functions say `again` to every frame; `ask` sends a fetch and lets it be asked for. */
function silentRig(answer: () => EnvelopeAnswer = nothingNew) {
  const rig = tunnelRig();
  rig.transport.automatic = (call) => {
    if (call.name === 'produce') call.answer();
    else call.answer(call.envelope.frames.map(() => answer()));
  };
  const asked = () => rig.transport.calls.filter(({ name }) => name !== 'produce').map(({ ids }) => ids);
  const later = async (ms: number) => {
    await rig.clock.advance(ms);
    await rig.turn();
  };
  return { ...rig, asked, later };
}

describe('a fetch that nothing is there for', () => {
  it('is answered when its time is over, by the tunnel, as the function would', async () => {
    const { connect, turn, asked, later } = silentRig();
    const connection = connect();
    connection.send(fetchFrame(1));
    await turn();
    await later(499);
    expect(connection.outcomes).toEqual([undefined]);
    await later(1);
    expect(textOf(connection, 0)).toBe(`${idOf(1)}nothing`);
    expect(asked()).toEqual([[1]]);
  });

  it('costs no call when its client asks again, until it is worth asking', async () => {
    const { connect, turn, asked, later } = silentRig();
    const connection = connect();
    for (let id = 1; id <= 29; id++) {
      connection.send(fetchFrame(id));
      await turn();
      await later(500);
      expect(textOf(connection, id - 1)).toBe(`${idOf(id)}nothing`);
    }
    expect(asked()).toEqual([[1]]);
    connection.send(fetchFrame(30));
    await later(501);
    expect(asked()).toEqual([[1], [30]]);
  });

  it('is the same fetch with its partitions in another order, and another one with other partitions', async () => {
    const { connect, turn, asked } = silentRig();
    const connection = connect();
    connection.send(fetchFrame(1, { partitions: [0, 1] }));
    await turn();
    connection.send(fetchFrame(2, { partitions: [1, 0] }));
    connection.send(fetchFrame(3, { partitions: [0, 2] }));
    await turn();
    expect(asked()).toEqual([[1], [3]]);
  });

  it('is asked for a twentieth of the silence later, within the bounds of the profile', async () => {
    const delays = [0, 2_000, 1_000_000].map(async (afterMs) => {
      const { connect, turn, asked, later, clock } = silentRig(() => nothingNew(afterMs));
      connect().send(fetchFrame(1, { maxWaitMs: 60_000 }));
      await turn();
      const since = clock.monotonic();
      while (asked().length < 2) await later(10);
      return clock.monotonic() - since;
    });
    expect(await Promise.all(delays)).toEqual([250, 2_000, 15_000]);
  });

  it('is asked for in one call with all that wait, whichever came first', async () => {
    const { connect, turn, asked, later } = silentRig();
    for (const id of [1, 2, 3]) {
      connect().send(fetchFrame(id, { topic: `t${id}`, maxWaitMs: 60_000 }));
      await turn();
      await later(2_000);
    }
    await later(30_000);
    expect(asked()).toEqual([[1], [2], [3], [1, 2, 3], [1, 2, 3]]);
  });

  it('is asked for at once after a Produce request to its topic, and to no other', async () => {
    const { connect, turn, asked, later } = silentRig();
    connect().send(fetchFrame(1, { topic: 't', maxWaitMs: 60_000 }));
    await turn();
    await later(1_000);
    connect().send(produceFrame(7));
    await later(1);
    expect(asked()).toEqual([[1], [1]]);
    const other = silentRig(() => nothingNew(1_000_000, ['other']));
    other.connect().send(fetchFrame(1, { topic: 'other', maxWaitMs: 60_000 }));
    await other.turn();
    other.connect().send(produceFrame(7));
    await other.later(1_000);
    expect(other.asked()).toEqual([[1]]);
  });

  it('is asked for again soon after a Produce request: a read may miss what was just written', async () => {
    const { connect, turn, asked, later } = silentRig();
    connect().send(fetchFrame(1, { maxWaitMs: 60_000 }));
    await turn();
    await later(1_000);
    connect().send(produceFrame(7));
    await later(10_000);
    // After 0, 250, 500 ms and so on, for two seconds; then by the journal's silence.
    expect(asked().length).toBeGreaterThanOrEqual(8);
    expect(asked().length).toBeLessThanOrEqual(10);
  });

  it('is asked for again if its topic changed during the call', async () => {
    const { connect, turn, transport, clock } = tunnelRig();
    connect().send(fetchFrame(1, { maxWaitMs: 60_000 }));
    await turn();
    connect().send(produceFrame(7));
    await turn();
    const [fetching, producing] = transport.calls;
    producing!.answer();
    await turn();
    fetching!.answer([nothingNew()]);
    await turn();
    await clock.advance(250);
    expect(transport.calls.map(({ name }) => name)).toEqual(['fetch', 'produce', 'fetch']);
  });

  it('gets its records as soon as a call has them', async () => {
    const { connect, turn, transport, clock } = tunnelRig();
    const connection = connect();
    connection.send(fetchFrame(1, { maxWaitMs: 60_000 }));
    await turn();
    transport.calls[0]!.answer([nothingNew(1_000)]);
    await turn();
    await clock.advance(1_000);
    transport.calls[1]!.answer([{ kind: 'answer', chunks: [Buffer.from('records')], advice: {} }]);
    await turn();
    expect(textOf(connection, 0)).toBe('records');
  });

  it('does not outlive its client, and does not hold up a gateway that stops', async () => {
    const { connect, turn, asked, later } = silentRig();
    const [gone, drained] = [connect(), connect()];
    for (const connection of [gone, drained]) connection.send(fetchFrame(1, { maxWaitMs: 60_000 }));
    await turn();
    gone.abort();
    drained.drain();
    await turn();
    expect([gone.outcomes[0]?.kind, drained.outcomes[0]?.kind]).toEqual(['answer', 'close']);
    await later(60_000);
    expect(asked()).toEqual([[1], [1]]);
  });
});

describe('answers that do not fit beside others', () => {
  it('are asked for at once, each alone', async () => {
    const rig = tunnelRig();
    rig.connect().send(fetchFrame(1));
    await rig.turn();
    rig.transport.calls[0]!.answer([{ kind: 'again', token: '0', advice: {} }]);
    await rig.turn();
    expect(rig.transport.calls.map(({ ids }) => ids)).toEqual([[1], [1]]);
  });
});

describe('joins that wait', () => {
  it('are asked for in one call, twice a second, with their tokens', async () => {
    const { connect, turn, asked, later, transport } = silentRig(() => waitOn);
    for (const id of [1, 2, 3]) connect().send(joinFrame(id));
    await turn();
    await later(1_000);
    expect(asked()).toEqual([[1], [2], [3], [1, 2, 3], [1, 2, 3]]);
    expect(transport.calls[3]!.envelope.frames.map(({ token }) => token)).toEqual(['joined', 'joined', 'joined']);
  });

  it('that began at different times come together in one call', async () => {
    const { connect, asked, later } = silentRig(() => waitOn);
    connect().send(joinFrame(1));
    await later(200);
    connect().send(joinFrame(2));
    await later(1_200);
    expect(asked()).toEqual([[1], [2], [1, 2], [1, 2]]);
  });

  it('are asked for at once when their group has changed', async () => {
    const { connect, turn, transport } = tunnelRig();
    for (const id of [1, 2]) connect().send(joinFrame(id));
    await turn();
    transport.calls[0]!.answer([waitOn]);
    await turn();
    transport.calls[1]!.answer([{ kind: 'answer', chunks: [], advice: { about: ['g'], hasChanged: true } }]);
    await turn();
    expect(transport.calls.map(({ ids }) => ids)).toEqual([[1], [2], [1]]);
  });

  it('are asked for again when the answer is lost; the first time the client decides', async () => {
    const { connect, turn, transport, clock } = tunnelRig();
    const connection = connect();
    connection.send(joinFrame(1));
    await turn();
    transport.calls[0]!.answer([waitOn]);
    await turn();
    await clock.advance(500);
    transport.calls[1]!.end({ kind: 'unknown', message: 'lost' });
    await turn();
    await clock.advance(100);
    expect(transport.calls).toHaveLength(3);
    const fresh = connect();
    fresh.send(joinFrame(2));
    await turn();
    transport.calls[3]!.end({ kind: 'unknown', message: 'lost' });
    await turn();
    expect(fresh.outcomes[0]?.kind).toBe('close');
  });

  it('do not fall together with one that the function refuses', async () => {
    const { connect, turn, transport, later } = silentRig(() => waitOn);
    const [good, bad] = [connect(), connect()];
    good.send(joinFrame(1));
    bad.send(joinFrame(2));
    await turn();
    transport.automatic = (call) => {
      if (call.ids.includes(2)) call.end({ kind: 'refused', reason: 'rejected', message: 'not this one' });
      else call.answer([waitOn]);
    };
    await later(500);
    expect([good.outcomes[0]?.kind, bad.outcomes[0]?.kind]).toEqual([undefined, 'close']);
  });
});

describe('a tunnel that looks at the journals itself', () => {
  function watchingRig(newest: () => number | 'unavailable', answer: () => EnvelopeAnswer = nothingNew) {
    const queries: unknown[] = [];
    const journal = {
      query: async (request: object) => {
        queries.push(request);
        const seq = newest();
        if (seq === 'unavailable') throw new StoreUnavailableError('throttled');
        const items = seq > TAIL.seq ? [{ sk: String(seq).padStart(16, '0') } as Item] : [];
        return { items, more: false, storeTime: 0 };
      },
    };
    const rig = tunnelRig({}, { tails: new TailWatch(journal, { log: () => {} }) });
    rig.transport.automatic = (call) => call.answer(call.envelope.frames.map(() => answer()));
    return { ...rig, queries };
  }

  it('asks the function only when an entry has come, with one query per journal', async () => {
    let newest = TAIL.seq;
    const { connect, turn, clock, transport, queries } = watchingRig(() => newest);
    for (const id of [1, 2]) connect().send(fetchFrame(id, { maxWaitMs: 100_000 }));
    await turn();
    await clock.advance(60_000);
    expect(transport.calls).toHaveLength(2);
    // Every 3 s at the latest, for both together.
    expect(queries).toHaveLength(20);
    expect(queries[0]).toEqual({
      pk: 'journal/topic/0',
      from: '0000000000000005',
      reverse: true,
      limit: 1,
      consistent: false,
    });
    newest = 5;
    await clock.advance(3_000);
    expect(transport.calls).toHaveLength(3);
  });

  it('asks the function within the time that it wants to be asked in', async () => {
    const held = (): EnvelopeAnswer => {
      const answer = nothingNew();
      return answer.kind === 'again' ? { ...answer, advice: { ...answer.advice, withinMs: 10_000 } } : answer;
    };
    const { connect, turn, clock, transport, queries } = watchingRig(() => TAIL.seq, held);
    connect().send(fetchFrame(1, { maxWaitMs: 100_000 }));
    await turn();
    await clock.advance(9_999);
    expect(transport.calls).toHaveLength(1);
    await clock.advance(1);
    expect(transport.calls).toHaveLength(2);
    expect(queries).toHaveLength(3);
    await clock.advance(50_000);
    expect(transport.calls).toHaveLength(7);
  });

  it('asks the function where the journal cannot be read, and every five minutes', async () => {
    const broken = watchingRig(() => 'unavailable');
    broken.connect().send(fetchFrame(1, { maxWaitMs: 100_000 }));
    await broken.turn();
    await broken.clock.advance(9_100);
    expect(broken.transport.calls).toHaveLength(4);
    const silent = watchingRig(() => TAIL.seq);
    silent.connect().send(fetchFrame(1, { maxWaitMs: 1_000_000 }));
    await silent.turn();
    await silent.clock.advance(310_000);
    expect(silent.transport.calls).toHaveLength(2);
  });
});
