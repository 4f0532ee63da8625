import { describe, expect, it } from 'vitest';
import { answerWithin, withAbort } from '../../../lib/kit/deadline.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const never = new Promise<string>(() => {});
const answerAfter = (clock: VirtualClock, ms: number) =>
  new Promise<string>((resolve) => clock.setTimer(ms, () => resolve('answer')));

describe('answerWithin', () => {
  it('gives the answer that comes in time, and leaves no timer behind', async () => {
    const clock = new VirtualClock();
    const answer = answerWithin(clock, 1_000, answerAfter(clock, 999), () => 'late');
    await clock.advance(999);
    expect(await answer).toBe('answer');
    expect(clock.pendingTimers).toBe(0);
  });

  it('gives what stands for a late answer; an answer without a limit is never late', async () => {
    const clock = new VirtualClock();
    const answers = [
      answerWithin(clock, 1_000, never, () => 'late'),
      answerWithin(clock, 1_000, answerAfter(clock, 1_001), () => 'late'),
    ];
    const unlimited = answerWithin(clock, undefined, answerAfter(clock, 1_000_000), () => 'late');
    await clock.advance(1_000);
    expect(await Promise.all(answers)).toEqual(['late', 'late']);
    await clock.advance(1_000_000);
    expect(await unlimited).toBe('answer');
  });

  it('fails as the answer does, or as what stands for a late one', async () => {
    const clock = new VirtualClock();
    const failing = answerWithin(clock, 1_000, Promise.reject(new Error('lost')), () => 'late');
    await expect(failing).rejects.toThrow('lost');
    const late = answerWithin(clock, 1_000, never, () => {
      throw new Error('too late');
    });
    const outcome = expect(late).rejects.toThrow('too late');
    await clock.advance(1_000);
    await outcome;
  });
});

describe('withAbort', () => {
  it('aborts and rejects after its time, also where nobody listens to the signal', async () => {
    const clock = new VirtualClock();
    let given: AbortSignal | undefined;
    const late = withAbort(clock, 1_000, (signal) => {
      given = signal;
      return never;
    });
    const outcome = expect(late).rejects.toMatchObject({ name: 'TimeoutError' });
    await clock.advance(999);
    expect(given?.aborted).toBe(false);
    await clock.advance(1);
    await outcome;
    expect(given?.aborted).toBe(true);
  });

  it('does not abort what answers in time', async () => {
    const clock = new VirtualClock();
    let given: AbortSignal | undefined;
    const answer = withAbort(clock, 1_000, async (signal) => {
      given = signal;
      return 'answer';
    });
    expect(await answer).toBe('answer');
    await clock.advance(2_000);
    expect(given?.aborted).toBe(false);
  });
});
