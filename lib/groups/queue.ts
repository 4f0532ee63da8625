import { assert } from '../core/assert.ts';
import type { Clock } from '../core/clock.ts';
import type { RequestContext } from '../core/context.ts';
import type { SentAway, Submitted } from './environment.ts';
import { GroupRequest } from './request.ts';
import type { Step } from './step.ts';

/** The unanswered requests to one group, in order of arrival. */
export class RequestQueue {
  readonly #clock: Clock;
  readonly #open = new Set<GroupRequest>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Whether a request arrived after the last read of the group. */
  get hasUnread(): boolean {
    for (const { state } of this.#open) if (state.kind === 'unread') return true;
    return false;
  }

  /** The open requests, oldest first. */
  all(): GroupRequest[] {
    return [...this.#open];
  }

  /** Adds a request; resolves with its answer. */
  add<Reply>(step: Step<Reply>, context: RequestContext): Promise<Submitted<Reply> | SentAway> {
    return new Promise((resolve) => {
      const request = new GroupRequest(step, context, (answered, answer) => {
        assert(this.#open.delete(answered), 'a request is answered once');
        resolve(answer as Submitted<Reply> | SentAway);
      });
      this.#open.add(request);
      if (context.signal.aborted) request.fail('COORDINATOR_NOT_AVAILABLE');
    });
  }

  /**
   * Fails the requests whose deadline has passed. Their clients retry, here or at another process.
   */
  failLate(): void {
    const now = this.#clock.monotonic();
    for (const request of this.#open) {
      if (request.context.deadline <= now) request.fail('COORDINATOR_NOT_AVAILABLE');
    }
  }

  /**
   * Asserts that no open request has missed an abort event: its client is still connected, and a
   * waiting request that was asked to leave has been sent away. A missed event would leave the
   * request in the queue forever.
   */
  assertListening(): void {
    for (const { context, state } of this.#open) {
      assert(!context.signal.aborted, 'an open request belongs to a disconnected client');
      const isSendable = state.kind === 'waiting' && state.again !== undefined;
      assert(!isSendable || context.again?.signal.aborted !== true, 'an open request should have been sent away');
    }
  }
}
