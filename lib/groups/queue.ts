import { assert } from '../core/assert.ts';
import type { Clock } from '../core/clock.ts';
import type { RequestContext } from '../core/context.ts';
import type { SentAway, Submitted } from './environment.ts';
import { GroupRequest } from './request.ts';
import type { Step } from './step.ts';

/** The requests to one group that have no answer yet, in the order of their arrival. */
export class RequestQueue {
  readonly #clock: Clock;
  readonly #open = new Set<GroupRequest>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Whether a request came after the last read of the group. */
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

  /** Fails the requests whose deadline has passed; their clients send them again, here or to another process. */
  failLate(): void {
    const now = this.#clock.monotonic();
    for (const request of this.#open) {
      if (request.context.deadline <= now) request.fail('COORDINATOR_NOT_AVAILABLE');
    }
  }

  /**
   * Checks that nothing that is over still has listeners: no open request of a client that is gone, and none that waits
   * although it is to be sent away. An event that comes to no listener would leave such a request here for ever.
   */
  assertListening(): void {
    for (const { context, state } of this.#open) {
      assert(!context.signal.aborted, 'the request of a client that is gone is open');
      const isSendable = state.kind === 'waiting' && state.again !== undefined;
      assert(!isSendable || context.again?.signal.aborted !== true, 'a request that is to be sent away is open');
    }
  }
}
