import { beforeEach, describe, expect, it } from 'vitest';
import { Intake } from '../../../../lib/doors/tcp/intake.ts';
import { RequestMemory } from '../../../../lib/doors/tcp/request-memory.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

/** What the request memory takes in these tests; bytes. */
const MEMORY_BYTES = 100;

let clock: VirtualClock;
let memory: RequestMemory;

beforeEach(() => {
  clock = new VirtualClock();
  memory = new RequestMemory(MEMORY_BYTES);
});

/** An intake of a socket that notes what is done to it. */
function intake() {
  const calls: string[] = [];
  const socket = { pause: () => calls.push('pause'), resume: () => calls.push('resume') };
  return {
    calls,
    intake: new Intake({ socket: socket as never, memory, clock, frameBytesMax: 1_000 }),
  };
}

/** A frame with its size, of so many bytes altogether. */
function frame(bytes: number): Buffer {
  const whole = Buffer.alloc(bytes);
  whole.writeInt32BE(bytes - 4);
  return whole;
}

describe('the bytes of a connection', () => {
  it('become frames, which count until they are answered', () => {
    const { intake: one } = intake();
    one.push(Buffer.concat([frame(20), frame(30), frame(40).subarray(0, 10)]));
    expect(memory.bytes).toBe(60);
    expect([one.next(), one.next(), one.next()].map((each) => each?.bytes.length)).toEqual([16, 26, undefined]);
    expect(one.hasPartialFrame).toBe(true);
    expect(memory.bytes).toBe(60);
    memory.answered(20);
    memory.answered(30);
    one.close();
    expect(memory.bytes).toBe(0);
  });

  it('cannot be read on after an impossible size', () => {
    const { intake: one } = intake();
    one.push(frame(2_000).subarray(0, 8));
    expect([one.next(), one.problem]).toEqual([undefined, expect.stringContaining('1996 bytes is larger')]);
  });
});

describe('reading', () => {
  it('stops while nothing is wanted', () => {
    const { intake: one, calls } = intake();
    one.want(false);
    one.want(false);
    one.want(true);
    expect(calls).toEqual(['pause', 'resume']);
  });

  it('stops while memory is full, and goes on when some is free', () => {
    const { intake: one, calls } = intake();
    one.push(frame(120));
    one.next();
    one.want(true);
    expect([one.waitsForMemory, calls]).toEqual([true, ['pause']]);
    memory.answered(120);
    expect([one.waitsForMemory, calls]).toEqual([false, ['pause', 'resume']]);
  });

  it('does not go on when memory is free and nothing is wanted any more', () => {
    const { intake: one, calls } = intake();
    one.push(frame(120));
    one.next();
    one.want(true);
    one.want(false);
    memory.answered(120);
    expect(calls).toEqual(['pause']);
    one.want(true);
    expect(calls).toEqual(['pause', 'resume']);
  });

  it('goes on for one half-received frame where such frames alone fill the memory', () => {
    const [first, second] = [intake(), intake()];
    for (const { intake: one } of [first, second]) {
      one.push(frame(90).subarray(0, 60));
      one.next();
    }
    first.intake.want(true);
    second.intake.want(true);
    expect(first.calls).toEqual(['pause', 'resume']);
    expect(second.calls).toEqual(['pause']);
    first.intake.push(frame(90).subarray(60));
    expect(first.intake.next()?.bytes.length).toBe(86);
    memory.answered(90);
    expect(second.calls).toEqual(['pause', 'resume']);
  });

  it('throws away what comes while the connection closes', () => {
    const { intake: one, calls } = intake();
    one.want(false);
    one.discard();
    one.want(false);
    expect(calls).toEqual(['pause', 'resume']);
  });

  it('ends with the client', () => {
    const { intake: one, calls } = intake();
    one.end();
    one.want(false);
    expect([one.isEnded, calls]).toEqual([true, []]);
  });
});

describe('a connection is stuck', () => {
  it('when memory is full and the rest of its frame does not come', async () => {
    const { intake: one } = intake();
    one.push(frame(150).subarray(0, 120));
    one.next();
    await clock.advance(1_000);
    const now = clock.monotonic();
    expect([one.isStuck(now), one.isStuck(now - 1_000)]).toEqual([true, false]);
  });

  it('not while there is memory', async () => {
    const { intake: one } = intake();
    one.push(frame(150).subarray(0, 20));
    one.next();
    await clock.advance(1_000);
    expect(one.isStuck(clock.monotonic())).toBe(false);
  });

  it('when it was elected to read on and its frame does not end', async () => {
    const { intake: one } = intake();
    one.push(frame(150).subarray(0, 120));
    one.next();
    one.want(true);
    await clock.advance(1_000);
    one.push(Buffer.alloc(1));
    one.next();
    expect(one.isStuck(clock.monotonic())).toBe(true);
  });
});
