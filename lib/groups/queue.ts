import type { Clock } from '../core/clock.ts';
import type { RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import type { StoreTime } from '../storage/ports.ts';
import type { SentAway, Submitted } from './environment.ts';
import type { Group } from './group.ts';
import type { Step } from './step.ts';

/** A request to a group that has not got its answer. */
export interface Waiting {
  step: Step<unknown>;
  readonly context: RequestContext;
  /** Not asked yet since it came: it wants to hear of the group as it is from now on. */
  isFresh: boolean;
  /** What it wanted is stored, and it waits for others: it can bear that the store is silent for a while. */
  isSettled: boolean;
  /** The group that it was asked about last. */
  askedOn: Group | undefined;
  /** Store time at which it wants to be asked again in any case. */
  wakeAt: StoreTime | undefined;
  /** The member that it stands for; alive as long as the request waits. */
  alive: string | undefined;
  /** It is decided, and its answer waits for the member's lease: it is not asked again. */
  awaitsLease: boolean;
  /** With what it may be sent away, once it is settled; undefined while it may not. */
  again: string | undefined;
  answer(answer: Submitted<unknown> | SentAway): void;
}

/**
 * The requests to one group, in the order of their arrival; each leaves by its answer, its deadline, its client's end, or sent
 * away to come again.
 */
export class RequestQueue {
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiting.size;
  }

  get hasFresh(): boolean {
    for (const one of this.#waiting) if (one.isFresh) return true;
    return false;
  }

  /** Those that are there, oldest first. */
  all(): Waiting[] {
    return [...this.#waiting];
  }

  /** Puts a request in; its answer. */
  add<Reply>(step: Step<Reply>, context: RequestContext): Promise<Submitted<Reply> | SentAway> {
    return new Promise((resolve) => {
      const gone = () => this.fail(waiting, 'COORDINATOR_NOT_AVAILABLE');
      const sentAway = () => this.sendAway(waiting);
      const waiting: Waiting = {
        step,
        context,
        isFresh: true,
        isSettled: false,
        askedOn: undefined,
        wakeAt: undefined,
        alive: undefined,
        awaitsLease: false,
        again: undefined,
        answer(answer) {
          context.signal.removeEventListener('abort', gone);
          context.again?.signal.removeEventListener('abort', sentAway);
          resolve(answer as Submitted<Reply> | SentAway);
        },
      };
      this.#waiting.add(waiting);
      context.signal.addEventListener('abort', gone);
      context.again?.signal.addEventListener('abort', sentAway);
      if (context.signal.aborted) gone();
    });
  }

  /** Whether it still waits for its answer. */
  has(waiting: Waiting): boolean {
    return this.#waiting.has(waiting);
  }

  reply(waiting: Waiting, reply: unknown): void {
    if (this.#waiting.delete(waiting)) waiting.answer({ kind: 'reply', reply });
  }

  fail(waiting: Waiting, error: ErrorName): void {
    if (this.#waiting.delete(waiting)) waiting.answer({ kind: 'failed', error });
  }

  /** Sends it away if it is to go and can be: what it wanted is stored, and it waits for others. */
  sendAway(waiting: Waiting): void {
    const { context, again } = waiting;
    if (again === undefined || context.again?.signal.aborted !== true) return;
    if (this.#waiting.delete(waiting)) waiting.answer({ kind: 'again', token: again });
  }

  /** Answers those whose time is up: their clients ask again, here or at another process. */
  failLate(): void {
    const now = this.#clock.monotonic();
    for (const waiting of this.#waiting) {
      if (waiting.context.deadline <= now) this.fail(waiting, 'COORDINATOR_NOT_AVAILABLE');
    }
  }
}
