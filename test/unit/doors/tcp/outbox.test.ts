import { beforeEach, describe, expect, it } from 'vitest';
import { AnswerMemory } from '../../../../lib/doors/tcp/answer-memory.ts';
import { Outbox } from '../../../../lib/doors/tcp/outbox.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const MIB = 1024 * 1024;

let clock: VirtualClock;
let memory: AnswerMemory;
let writes: { piece: Buffer; taken: (error?: Error) => void }[];
let corks: string[];
let progress: number;
let outbox: Outbox;

beforeEach(() => {
  clock = new VirtualClock();
  memory = new AnswerMemory(MIB);
  writes = [];
  corks = [];
  progress = 0;
  const socket = {
    write: (piece: Buffer, taken: (error?: Error) => void) => writes.push({ piece, taken }),
    cork: () => corks.push('cork'),
    uncork: () => corks.push('uncork'),
  };
  outbox = new Outbox({ socket: socket as never, memory, clock, onProgress: () => progress++ });
});

/** The kernel takes what was written so far. */
function takeAll(): void {
  for (const { taken } of writes.splice(0)) taken();
}

describe('answers', () => {
  it('are written in order, small ones as one piece each, together', async () => {
    expect(outbox.send([Buffer.from('ab'), Buffer.from('c')])).toBe(3);
    expect(outbox.send([Buffer.from('d')])).toBe(1);
    expect(writes.map(({ piece }) => piece.toString())).toEqual(['abc', 'd']);
    expect(corks).toEqual(['cork']);
    await new Promise((resolve) => setImmediate(resolve));
    expect(corks).toEqual(['cork', 'uncork']);
  });

  it('count as memory until the kernel has taken them', () => {
    outbox.send([Buffer.alloc(100)]);
    expect([outbox.pendingBytes, outbox.isEmpty, memory.bytes]).toEqual([100, false, 100]);
    takeAll();
    expect([outbox.pendingBytes, outbox.isEmpty, memory.bytes, progress]).toEqual([0, true, 0, 1]);
  });

  it('are handed to the socket up to 1 MiB ahead, in pieces', () => {
    const answer = Buffer.alloc(3 * MIB, 7);
    outbox.send([answer]);
    expect(writes.map(({ piece }) => piece.length)).toEqual(Array.from({ length: 4 }, () => MIB / 4));
    let bytes = 0;
    while (writes.length > 0) {
      bytes += writes[0]!.piece.length;
      writes.shift()!.taken();
    }
    expect([bytes, outbox.isEmpty]).toEqual([answer.length, true]);
  });

  it('are dropped with the socket', () => {
    outbox.send([Buffer.alloc(2 * MIB)]);
    const [first] = writes;
    outbox.discard();
    outbox.discard();
    expect([outbox.pendingBytes, memory.bytes]).toEqual([0, 0]);
    first!.taken();
    outbox.send([Buffer.alloc(1)]);
    expect([memory.bytes, progress]).toEqual([0, 0]);
  });

  it('of a socket that failed stay until it closes', () => {
    outbox.send([Buffer.alloc(10)]);
    writes[0]!.taken(new Error('EPIPE'));
    expect([memory.bytes, progress]).toEqual([10, 0]);
  });
});

describe('a client that does not read', () => {
  it('is stuck once memory is full and nothing has left for long enough', async () => {
    outbox.send([Buffer.alloc(2 * MIB)]);
    await clock.advance(1_000);
    const now = clock.monotonic();
    expect([outbox.isStuck(now), outbox.isStuck(now - 1_000)]).toEqual([true, false]);
    writes[0]!.taken();
    expect([outbox.wroteAt, outbox.isStuck(now)]).toEqual([now, false]);
  });

  it('is not stuck from the time before its first answer', async () => {
    await clock.advance(5_000);
    outbox.send([Buffer.alloc(2 * MIB)]);
    expect(outbox.wroteAt).toBe(clock.monotonic());
    memory.release(MIB);
    await clock.advance(1_000);
    expect(outbox.isStuck(clock.monotonic())).toBe(false);
  });
});
