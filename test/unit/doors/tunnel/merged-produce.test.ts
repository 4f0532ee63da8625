import { describe, expect, it } from 'vitest';
import { PATIENCE_MS } from '../../../../lib/doors/tunnel/retry.ts';
import { type CallOutcome, FLUSH_BYTES_MAX } from '../../../../lib/doors/tunnel/transport.ts';
import { ApiKey } from '../../../../lib/wire/apis.ts';
import { decodeResponse } from '../../../../lib/wire/client-frame.ts';
import { type FakeConnection, produceFrame, success, tunnelRig } from '../../../support/fake-transport.ts';

const UNKNOWN: CallOutcome = { kind: 'unknown', message: 'lost' };
const THROTTLED: CallOutcome = { kind: 'refused', reason: 'throttled', message: 'slow down' };
const FORBIDDEN: CallOutcome = { kind: 'refused', reason: 'forbidden', message: 'no' };
const TOO_LARGE: CallOutcome = { kind: 'refused', reason: 'tooLarge', message: 'no' };
const REQUEST_TIMED_OUT = 7;

const kinds = ({ outcomes }: FakeConnection) => outcomes.map((outcome) => outcome?.kind);

describe('Produce requests', () => {
  it('of all connections that came meanwhile go into one call, in their order', async () => {
    const rig = tunnelRig();
    const connections = Array.from({ length: 10 }, () => rig.connect());
    for (const [index, connection] of connections.entries()) {
      connection.send(produceFrame(2 * index));
      connection.send(produceFrame(2 * index + 1));
    }
    await rig.turn();
    expect(rig.transport.calls.map(({ ids }) => ids)).toEqual([Array.from({ length: 20 }, (_, id) => id)]);
    for (const connection of connections) connection.send(produceFrame(100));
    await rig.turn();
    expect(rig.transport.calls).toHaveLength(1);
    rig.transport.calls[0]!.answer();
    await rig.turn();
    expect(rig.transport.calls).toHaveLength(2);
    expect(rig.transport.calls[1]!.ids).toHaveLength(10);
    expect(kinds(connections[3]!)).toEqual(['answer', 'answer', undefined]);
  });

  it('carry the address of their own listener', async () => {
    const rig = tunnelRig();
    rig.connect('INSIDE').send(produceFrame(1));
    rig.connect('OUTSIDE').send(produceFrame(2));
    await rig.turn();
    rig.transport.calls[0]!.answer();
    await rig.turn();
    expect(rig.transport.calls.map(({ ids, envelope }) => [ids, envelope.listener, envelope.advertised.host])).toEqual([
      [[1], 'INSIDE', 'inside.example'],
      [[2], 'OUTSIDE', 'outside.example'],
    ]);
  });

  it('make a second call beside the first only when it is full, never with frames of the same connection', async () => {
    const rig = tunnelRig();
    const [a, b, c] = [rig.connect(), rig.connect(), rig.connect()];
    a.send(produceFrame(1));
    await rig.turn();
    a.send(produceFrame(2));
    b.send(produceFrame(3, { bytes: 2_500_000 }));
    await rig.turn();
    expect(rig.transport.calls).toHaveLength(1);
    c.send(produceFrame(4, { bytes: 2_500_000 }));
    await rig.turn();
    expect(rig.transport.calls.map(({ ids }) => ids)).toEqual([[1], [3]]);
    rig.transport.calls[0]!.answer();
    rig.transport.calls[1]!.answer();
    await rig.turn();
    expect(rig.transport.calls.map(({ ids }) => ids)).toEqual([[1], [3], [2, 4]]);
  });

  it('never overtake a large one of their own connection', async () => {
    const rig = tunnelRig();
    const [a, b] = [rig.connect(), rig.connect()];
    a.send(produceFrame(1, { bytes: FLUSH_BYTES_MAX - 1_000_000 }));
    b.send(produceFrame(2, { bytes: 2_000_000 }));
    b.send(produceFrame(3));
    a.send(produceFrame(4));
    await rig.turn();
    expect(rig.transport.calls.map(({ ids }) => ids)).toEqual([[1]]);
    rig.transport.calls[0]!.answer();
    await rig.turn();
    expect(rig.transport.calls[1]!.ids).toEqual([2, 3, 4]);
  });

  it('do not wait for a call of others that is late', async () => {
    const rig = tunnelRig();
    rig.connect().send(produceFrame(1));
    await rig.turn();
    rig.connect().send(produceFrame(2));
    await rig.clock.advance(900);
    await rig.turn();
    expect(rig.transport.calls).toHaveLength(1);
    await rig.clock.advance(100);
    await rig.turn();
    expect(rig.transport.calls.map(({ ids }) => ids)).toEqual([[1], [2]]);
  });

  it('are sent at once while fewer calls are under way than may be, in the order of each connection', async () => {
    const rig = tunnelRig({ flights: 2 });
    const [a, b, c] = [rig.connect(), rig.connect(), rig.connect()];
    a.send(produceFrame(1));
    await rig.turn();
    a.send(produceFrame(2));
    b.send(produceFrame(3));
    await rig.turn();
    c.send(produceFrame(4));
    await rig.turn();
    expect(rig.transport.calls.map(({ ids }) => ids)).toEqual([[1], [3]]);
    rig.transport.calls[1]!.answer();
    await rig.turn();
    expect(rig.transport.calls[2]!.ids).toEqual([4]);
  });

  it('are gathered for the interval that was asked for, but the first', async () => {
    const rig = tunnelRig({ intervalMs: 500 });
    rig.transport.automatic = (call) => call.answer();
    const connection = rig.connect();
    connection.send(produceFrame(1));
    await rig.turn();
    for (const id of [2, 3, 4]) {
      connection.send(produceFrame(id));
      await rig.clock.advance(100);
      await rig.turn();
    }
    expect(rig.transport.calls.map(({ ids }) => ids)).toEqual([[1]]);
    await rig.clock.advance(200);
    await rig.turn();
    expect(rig.transport.calls.map(({ ids }) => ids)).toEqual([[1], [2, 3, 4]]);
  });
});

describe('a Produce call that nobody knows the outcome of', () => {
  it('is made again with what carries sequences; the producers of the others are told to try again', async () => {
    const rig = tunnelRig();
    const [idempotent, plain, mixed] = [rig.connect(), rig.connect(), rig.connect()];
    idempotent.send(produceFrame(1, { sequence: 0 }));
    plain.send(produceFrame(2));
    mixed.send(produceFrame(3, { sequence: 0 }));
    mixed.send(produceFrame(4));
    await rig.turn();
    plain.send(produceFrame(5));
    rig.transport.calls[0]!.end(UNKNOWN);
    await rig.turn();
    expect(errorsIn(plain)).toEqual([REQUEST_TIMED_OUT]);
    await rig.clock.advance(900);
    await rig.turn();
    expect(rig.transport.calls.map(({ ids }) => ids)).toEqual([
      [1, 2, 3, 4],
      [1, 3],
    ]);
    rig.transport.calls[1]!.answer();
    await rig.turn();
    expect([kinds(idempotent), kinds(mixed)]).toEqual([['answer'], ['answer', 'answer']]);
    expect(rig.transport.calls[2]!.ids).toEqual([5]);
  });

  it('with acks=0 takes all requests of its connection along', async () => {
    const rig = tunnelRig();
    const connection = rig.connect();
    connection.send(produceFrame(1, { sequence: 0 }));
    connection.send(produceFrame(2, { acks: 0 }));
    await rig.turn();
    rig.transport.calls[0]!.end(UNKNOWN);
    await rig.turn();
    expect(kinds(connection)).toEqual(['close', 'close']);
    await rig.clock.advance(5_000);
    expect(rig.transport.calls).toHaveLength(1);
  });

  it('closes the connection of a request with acks=0, which could not be told', async () => {
    const rig = tunnelRig();
    const connection = rig.connect();
    connection.send(produceFrame(1, { acks: 0, sequence: 0 }));
    await rig.turn();
    rig.transport.calls[0]!.end(UNKNOWN);
    await rig.turn();
    expect(kinds(connection)).toEqual(['close']);
    expect(rig.transport.calls).toHaveLength(1);
  });

  it('is given up after a while, with all that the connection had sent behind it', async () => {
    const rig = tunnelRig();
    const connection = rig.connect();
    connection.send(produceFrame(1, { sequence: 0 }));
    await rig.turn();
    connection.send(produceFrame(2, { sequence: 1 }));
    rig.transport.automatic = (call) => call.end(UNKNOWN);
    rig.transport.calls[0]!.end(UNKNOWN);
    for (let waited = 0; waited < PATIENCE_MS + 4_000; waited += 500) {
      await rig.clock.advance(500);
      await rig.turn();
    }
    expect(kinds(connection)).toEqual(['close', 'close']);
    expect(rig.transport.calls.length).toBeGreaterThan(5);
    expect(rig.transport.calls.every(({ ids }) => ids.length === 1 && ids[0] === 1)).toBe(true);
    connection.send(produceFrame(3, { sequence: 2 }));
    await rig.turn();
    expect(kinds(connection)).toEqual(['close', 'close', 'close']);
  });
});

describe('a Produce call that was refused', () => {
  it('is made again where that may pass, whatever is in it', async () => {
    const rig = tunnelRig();
    const connection = rig.connect();
    connection.send(produceFrame(1));
    await rig.turn();
    rig.transport.calls[0]!.end(THROTTLED);
    await rig.turn();
    await rig.clock.advance(100);
    await rig.turn();
    expect(rig.transport.calls.map(({ ids }) => ids)).toEqual([[1], [1]]);
    rig.transport.calls[1]!.answer();
    await rig.turn();
    expect(kinds(connection)).toEqual(['answer']);
  });

  it('closes the connections where it will not pass, and says so once', async () => {
    const rig = tunnelRig();
    rig.transport.automatic = (call) => call.end(FORBIDDEN);
    for (let id = 0; id < 5; id++) {
      const connection = rig.connect();
      connection.send(produceFrame(id));
      await rig.turn();
      expect(kinds(connection)).toEqual(['close']);
    }
    expect(rig.lines).toHaveLength(1);
    expect(rig.lines[0]).toMatchObject({ level: 'error', event: 'function_call_failed', function: 'produce' });
    expect(rig.lines[0]!.message).toContain('They need fake:Call');
    await rig.clock.advance(30_000);
    rig.connect().send(produceFrame(9));
    await rig.turn();
    expect(rig.lines[1]).toMatchObject({ alsoSinceLastTold: 4 });
  });

  it('as too large is made again frame by frame, and the one that is answers so', async () => {
    const rig = tunnelRig();
    const [small, large] = [rig.connect(), rig.connect()];
    rig.transport.automatic = (call) => (call.ids.includes(2) ? call.end(TOO_LARGE) : call.answer());
    small.send(produceFrame(1));
    large.send(produceFrame(2));
    await rig.turn();
    await rig.turn();
    expect(rig.transport.calls.map(({ ids }) => ids)).toEqual([[1, 2], [1], [2]]);
    expect(kinds(small)).toEqual(['answer']);
    expect(errorsIn(large)).toEqual([10]);
  });
});

describe('a Produce request', () => {
  it('of more than a function takes is refused here, with the limit', async () => {
    const rig = tunnelRig();
    const connection = rig.connect();
    connection.send(produceFrame(1, { bytes: 4_500_000 }));
    connection.send(produceFrame(2, { bytes: 4_500_000, acks: 0 }));
    await rig.turn();
    expect(rig.transport.calls).toEqual([]);
    expect(errorsIn(connection)).toEqual([10]);
    expect(messageIn(connection)).toContain('4400000');
    expect(kinds(connection)).toEqual(['answer', 'close']);
  });

  it('that is to be sent again keeps those behind it from overtaking', async () => {
    const rig = tunnelRig();
    const connection = rig.connect();
    connection.send(produceFrame(1, { sequence: 0 }));
    await rig.turn();
    connection.send(produceFrame(2, { sequence: 1 }));
    const [call] = rig.transport.calls;
    call!.answer([success(call!.envelope.frames[0]!.frame, REQUEST_TIMED_OUT)]);
    await rig.turn();
    expect(rig.transport.calls).toHaveLength(1);
    expect(kinds(connection)).toEqual(['answer', 'close']);
    expect(errorsIn(connection)).toEqual([REQUEST_TIMED_OUT]);
  });

  it('without sequences may be answered with such an error and others follow', async () => {
    const rig = tunnelRig();
    const connection = rig.connect();
    connection.send(produceFrame(1));
    await rig.turn();
    connection.send(produceFrame(2));
    const [call] = rig.transport.calls;
    call!.answer([success(call!.envelope.frames[0]!.frame, REQUEST_TIMED_OUT)]);
    await rig.turn();
    expect(rig.transport.calls.map(({ ids }) => ids)).toEqual([[1], [2]]);
  });

  it('is answered with nothing, or a closed connection, as the function says', async () => {
    const rig = tunnelRig();
    const [silent, bad] = [rig.connect(), rig.connect()];
    silent.send(produceFrame(1, { acks: 0 }));
    bad.send(produceFrame(2));
    await rig.turn();
    rig.transport.calls[0]!.answer([{ kind: 'none' }, { kind: 'close', reason: 'why' }]);
    await rig.turn();
    expect([silent.outcomes, bad.outcomes]).toEqual([[{ kind: 'none' }], [{ kind: 'close', reason: 'why' }]]);
  });

  it('whose answer cannot be read counts as unknown', async () => {
    const rig = tunnelRig();
    const connection = rig.connect();
    connection.send(produceFrame(1));
    await rig.turn();
    rig.transport.calls[0]!.end({ kind: 'answered', body: Buffer.from('<html>') });
    await rig.turn();
    expect(errorsIn(connection)).toEqual([REQUEST_TIMED_OUT]);
  });
});

function partitionOf({ outcomes }: FakeConnection) {
  const [outcome] = outcomes;
  if (outcome?.kind !== 'answer') throw new Error(`no answer: ${outcome?.kind}`);
  const decoded = decodeResponse(ApiKey.Produce, 9, Buffer.concat(outcome.chunks).subarray(4));
  if (decoded.kind !== 'response') throw new Error(decoded.reason);
  return decoded.body.responses[0]!.partitionResponses[0]!;
}

const errorsIn = (connection: FakeConnection) => [partitionOf(connection).errorCode];
const messageIn = (connection: FakeConnection) => partitionOf(connection).errorMessage;
