import { describe, expect, it } from 'vitest';
import { AnswerMemory, type AnswerWaiter } from '../../../../lib/doors/tcp/answer-memory.ts';

function waiter(name: string, expectedAnswerBytes: number, admitted: string[], asksLittle = false): AnswerWaiter {
  return { expectedAnswerBytes, asksLittle, admit: () => admitted.push(name) };
}

describe('AnswerMemory', () => {
  it('lets everybody start while there is room', () => {
    const memory = new AnswerMemory(100);
    memory.add(100);
    expect(memory.mayStart(waiter('a', 1000, []))).toBe(true);
  });

  it('starts what waits in order, only as many as are expected to fit', () => {
    const memory = new AnswerMemory(100);
    const admitted: string[] = [];
    memory.add(150);
    for (const name of ['a', 'b', 'c']) expect(memory.mayStart(waiter(name, 40, admitted))).toBe(false);
    memory.release(60);
    expect(admitted).toEqual(['a']);
    memory.release(70);
    expect(admitted).toEqual(['a', 'b']);
    memory.add(40);
    memory.unreserve(40);
    expect(admitted).toEqual(['a', 'b']);
    memory.release(60);
    expect(admitted).toEqual(['a', 'b', 'c']);
  });

  it('starts an answer larger than the bound when nothing else is under way', () => {
    const memory = new AnswerMemory(100);
    const admitted: string[] = [];
    memory.add(101);
    memory.mayStart(waiter('large', 5000, admitted));
    memory.mayStart(waiter('next', 1, admitted));
    memory.release(101);
    expect(admitted).toEqual(['large']);
    memory.unreserve(5000);
    expect(admitted).toEqual(['large', 'next']);
  });

  it('keeps newcomers behind those who wait, and forgets who leaves', () => {
    const memory = new AnswerMemory(100);
    const admitted: string[] = [];
    memory.add(200);
    const gone = waiter('gone', 10, admitted);
    memory.mayStart(gone);
    memory.mayStart(waiter('b', 90, admitted));
    memory.leave(gone);
    memory.release(150);
    expect(admitted).toEqual(['b']);
    expect(memory.mayStart(waiter('c', 1, admitted))).toBe(true);
  });

  it('lets those pass who ask for little, a bounded number at a time', () => {
    const memory = new AnswerMemory(100);
    const admitted: string[] = [];
    memory.add(200);
    memory.mayStart(waiter('large', 50, admitted));
    const small = Array.from({ length: 1_026 }, (_, index) => waiter(`small ${index}`, 1, admitted, true));
    const started = small.filter((one) => memory.mayStart(one));
    expect(started).toHaveLength(1_024);
    memory.sent(started[0]!);
    expect(admitted).toEqual(['small 1024']);
    memory.leave(started[1]!);
    expect(admitted).toEqual(['small 1024', 'small 1025']);
    memory.release(150);
    expect(admitted).toEqual(['small 1024', 'small 1025', 'large']);
  });
});
