import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { AssertionError } from '../../../lib/core/assert.ts';
import type { RequestContext } from '../../../lib/core/context.ts';
import { emptyClassicGroup } from '../../../lib/groups/classic/state.ts';
import { RequestQueue } from '../../../lib/groups/queue.ts';
import { GroupRequest } from '../../../lib/groups/request.ts';
import type { Step, StepResult } from '../../../lib/groups/step.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const GROUP = emptyClassicGroup(0);
const STEP: Step<string> = {
  tooLarge: 'too large',
  decide: (group) => ({ kind: 'reply', group, reply: 'done' }),
};

type Waits = StepResult<unknown> & { readonly kind: 'wait' };
const waits = (rest: Partial<Waits> = {}): Waits => ({ kind: 'wait', group: GROUP, next: STEP, ...rest });

function contextOf(rest: Partial<RequestContext> = {}): RequestContext {
  return {
    principal: 'User:ANONYMOUS',
    clientId: 'test',
    host: '127.0.0.1',
    listener: 'PLAINTEXT',
    deadline: Number.POSITIVE_INFINITY,
    signal: new AbortController().signal,
    ...rest,
  };
}

function newRequest(context = contextOf()) {
  const answers: unknown[] = [];
  const request = new GroupRequest(STEP, context, (_, answer) => answers.push(answer));
  return { request, answers };
}

describe('a request to a group', () => {
  it('is decided once the group was read', () => {
    const { request } = newRequest();
    expect(request.isDue(GROUP)).toBe(false);
    request.wasRead();
    expect(request.state.kind).toBe('undecided');
    expect(request.isDue(GROUP)).toBe(true);
  });

  it('that waits is decided again over another group only, and keeps its member alive', () => {
    const { request } = newRequest();
    request.wasRead();
    request.wait(waits({ alive: 'a' }));
    expect(request.isDue(GROUP)).toBe(false);
    expect(request.isDue({ ...GROUP })).toBe(true);
    expect(request.alive).toBe('a');
    request.wasRead();
    expect(request.state.kind).toBe('waiting');
  });

  it('that renews a lease is not decided again and keeps nobody alive', () => {
    const { request, answers } = newRequest();
    request.wasRead();
    request.wait(waits({ alive: 'a' }));
    request.renew();
    expect([request.isDue({ ...GROUP }), request.alive]).toEqual([false, undefined]);
    request.reply('done');
    expect(answers).toEqual([{ kind: 'reply', reply: 'done' }]);
  });

  it('is answered once', () => {
    const { request, answers } = newRequest();
    request.wasRead();
    request.fail('COORDINATOR_NOT_AVAILABLE');
    request.reply('done');
    expect(answers).toEqual([{ kind: 'failed', error: 'COORDINATOR_NOT_AVAILABLE' }]);
  });

  it('leaves no listeners behind', () => {
    const [gone, again] = [new AbortController(), new AbortController()];
    const { request } = newRequest(contextOf({ signal: gone.signal, again: { signal: again.signal, token: '' } }));
    const listeners = () => [gone, again].map(({ signal }) => getEventListeners(signal, 'abort').length);
    expect(listeners()).toEqual([1, 1]);
    request.fail('COORDINATOR_NOT_AVAILABLE');
    expect(listeners()).toEqual([0, 0]);
  });

  it('ends with its client', () => {
    const client = new AbortController();
    const { answers } = newRequest(contextOf({ signal: client.signal }));
    client.abort();
    expect(answers).toEqual([{ kind: 'failed', error: 'COORDINATOR_NOT_AVAILABLE' }]);
  });

  it('is sent away while it waits with a token, not before', () => {
    const again = new AbortController();
    const { request, answers } = newRequest(contextOf({ again: { signal: again.signal, token: '' } }));
    request.wasRead();
    again.abort();
    expect(answers).toEqual([]);
    request.wait(waits());
    expect(answers).toEqual([]);
    request.wait(waits({ again: 'token' }));
    expect(answers).toEqual([{ kind: 'again', token: 'token' }]);
  });

  it('fails the process where a transition is impossible', () => {
    const { request } = newRequest();
    expect(() => request.wait(waits())).toThrow(AssertionError);
    expect(() => request.renew()).toThrow(AssertionError);
    expect(() => request.reply('done')).toThrow(AssertionError);
    request.wasRead();
    request.renew();
    expect(() => request.wait(waits())).toThrow(AssertionError);
    expect(() => request.step).toThrow(AssertionError);
    request.reply('done');
    expect(() => request.renew()).toThrow(AssertionError);
  });
});

describe('the queue of a group', () => {
  it('fails what is late, and what came with a client that was gone', async () => {
    const clock = new VirtualClock(0);
    const queue = new RequestQueue(clock);
    const late = queue.add(STEP, contextOf({ deadline: clock.monotonic() }));
    const gone = queue.add(STEP, contextOf({ signal: AbortSignal.abort() }));
    void queue.add(STEP, contextOf());
    queue.failLate();
    expect(await Promise.all([late, gone])).toEqual([
      { kind: 'failed', error: 'COORDINATOR_NOT_AVAILABLE' },
      { kind: 'failed', error: 'COORDINATOR_NOT_AVAILABLE' },
    ]);
    expect([queue.size, queue.hasUnread]).toEqual([1, true]);
  });

  it('fails the process where a request has missed the event that ends it', () => {
    const deaf = (aborted: () => boolean) =>
      ({
        get aborted() {
          return aborted();
        },
        addEventListener() {},
        removeEventListener() {},
      }) as unknown as AbortSignal;
    let isOver = false;
    const queue = new RequestQueue(new VirtualClock(0));
    void queue.add(STEP, contextOf({ signal: deaf(() => isOver) }));
    expect(() => queue.assertListening()).not.toThrow();
    isOver = true;
    expect(() => queue.assertListening()).toThrow(AssertionError);

    isOver = false;
    const sendable = new RequestQueue(new VirtualClock(0));
    void sendable.add(STEP, contextOf({ again: { signal: deaf(() => isOver), token: '' } }));
    const [request] = sendable.all();
    request!.wasRead();
    request!.wait(waits({ again: 'token' }));
    expect(() => sendable.assertListening()).not.toThrow();
    isOver = true;
    expect(() => sendable.assertListening()).toThrow(AssertionError);
  });
});
