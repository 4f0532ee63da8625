import { describe, expect, it } from 'vitest';
import { RequestMemory } from '../../../../lib/doors/tcp/request-memory.ts';

class Waiter {
  hasPartialFrame: boolean;
  resumed = 0;

  constructor(hasPartialFrame: boolean) {
    this.hasPartialFrame = hasPartialFrame;
  }

  resumeReading(): void {
    this.resumed++;
  }
}

describe('RequestMemory', () => {
  it('lets all read on once requests are answered', () => {
    const memory = new RequestMemory(100);
    const [a, b] = [new Waiter(false), new Waiter(true)];
    memory.received(101);
    memory.completed(a, 60);
    expect(memory.mayRead(a)).toBe(false);
    memory.wait(a);
    memory.wait(b);
    expect([a.resumed, b.resumed]).toEqual([0, 0]);
    memory.answered(60);
    expect([a.resumed, b.resumed]).toEqual([1, 1]);
    expect(memory.bytes).toBe(41);
  });

  it('elects one half-received request after the other when they alone fill it', () => {
    const memory = new RequestMemory(100);
    const [idle, a, b] = [new Waiter(false), new Waiter(true), new Waiter(true)];
    memory.received(120);
    for (const waiter of [idle, a, b]) memory.wait(waiter);
    expect([idle.resumed, a.resumed, b.resumed]).toEqual([0, 1, 0]);
    expect([memory.mayRead(a), memory.mayRead(b)]).toEqual([true, false]);
    memory.received(20);
    a.hasPartialFrame = false;
    memory.completed(a, 80);
    expect(memory.mayRead(a)).toBe(false);
    expect(b.resumed).toBe(0);
    memory.wait(a);
    memory.answered(80);
    expect([a.resumed, b.resumed]).toEqual([2, 1]);
  });

  it('elects another when the elected one goes away', () => {
    const memory = new RequestMemory(100);
    const [a, b] = [new Waiter(true), new Waiter(true)];
    memory.received(400);
    memory.wait(a);
    memory.wait(b);
    expect([a.resumed, b.resumed]).toEqual([1, 0]);
    memory.leave(a, 200);
    expect(b.resumed).toBe(1);
    expect(memory.isElected(b)).toBe(true);
    memory.leave(b, 200);
    expect(memory.bytes).toBe(0);
  });
});
