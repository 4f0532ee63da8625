import { assert } from '../core/assert.ts';
import type { RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import type { SentAway, Submitted } from './environment.ts';
import type { Group } from './group.ts';
import type { Step, StepResult } from './step.ts';

/**
 * State of a request to a group. Transitions: `unread` to `undecided`; `undecided` to `waiting` or
 * `renewing`; `waiting` to `waiting` or `renewing`; any state to `answered`.
 */
export type RequestState =
  /** Arrived after the last read of the group. Needs a later read. */
  | { readonly kind: 'unread'; readonly step: Step<unknown> }
  /** The group was read after the request arrived. */
  | { readonly kind: 'undecided'; readonly step: Step<unknown> }
  /** Its change is stored; it waits for other members. */
  | WaitingState
  /** Decided. The reply leaves when the member's lease is written. */
  | { readonly kind: 'renewing' }
  | { readonly kind: 'answered' };

interface WaitingState {
  readonly kind: 'waiting';
  readonly step: Step<unknown>;
  /** It is decided again when the group differs from this one. */
  readonly decidedOn: Group | undefined;
  /** The member that the waiting request keeps alive. */
  readonly alive: string | undefined;
  /** The token to send the request away with; undefined if it must be answered here. */
  readonly again: string | undefined;
}

/**
 * One request to a group, from its arrival to its answer. It fails when its client disconnects.
 * While it waits, it can be sent away on demand (RequestContext.again).
 */
export class GroupRequest {
  readonly context: RequestContext;
  readonly #onAnswer: (request: GroupRequest, answer: Submitted<unknown> | SentAway) => void;
  #state: RequestState;
  readonly #gone = () => this.fail('COORDINATOR_NOT_AVAILABLE');
  readonly #sendAway = () => this.#sendAwayIfAsked();

  constructor(
    step: Step<unknown>,
    context: RequestContext,
    onAnswer: (request: GroupRequest, answer: Submitted<unknown> | SentAway) => void,
  ) {
    this.context = context;
    this.#onAnswer = onAnswer;
    this.#state = { kind: 'unread', step };
    context.signal.addEventListener('abort', this.#gone);
    context.again?.signal.addEventListener('abort', this.#sendAway);
  }

  get state(): RequestState {
    return this.#state;
  }

  get isOpen(): boolean {
    return this.#state.kind !== 'answered';
  }

  /** The step that decides the request. */
  get step(): Step<unknown> {
    const state = this.#state;
    assert(state.kind !== 'renewing' && state.kind !== 'answered', `a request is decided while it is ${state.kind}`);
    return state.step;
  }

  /** The member that this waiting request keeps alive. */
  get alive(): string | undefined {
    return this.#state.kind === 'waiting' ? this.#state.alive : undefined;
  }

  /** Whether the request must be decided over this group. */
  isDue(group: Group | undefined): boolean {
    const state = this.#state;
    return state.kind === 'undecided' || (state.kind === 'waiting' && state.decidedOn !== group);
  }

  /** Records that the group was read. */
  wasRead(): void {
    if (this.#state.kind === 'unread') this.#state = { ...this.#state, kind: 'undecided' };
  }

  /** Records the decision to wait. */
  wait({ group, next, alive, again }: StepResult<unknown> & { readonly kind: 'wait' }): void {
    this.#assertDecidable('wait');
    this.#state = { kind: 'waiting', step: next, decidedOn: group, alive, again };
    this.#sendAwayIfAsked();
  }

  /** Records that the request is decided and that its reply awaits a lease. */
  renew(): void {
    this.#assertDecidable('renew');
    this.#state = { kind: 'renewing' };
  }

  /** No effect on a request that is already answered; the same holds for `fail`. */
  reply(reply: unknown): void {
    assert(this.#state.kind !== 'unread', 'a request is replied to before the group was read for it');
    this.#answer({ kind: 'reply', reply });
  }

  fail(error: ErrorName): void {
    this.#answer({ kind: 'failed', error });
  }

  #sendAwayIfAsked(): void {
    const state = this.#state;
    if (state.kind !== 'waiting' || state.again === undefined || this.context.again?.signal.aborted !== true) return;
    this.#answer({ kind: 'again', token: state.again });
  }

  #answer(answer: Submitted<unknown> | SentAway): void {
    if (this.#state.kind === 'answered') return;
    this.#state = { kind: 'answered' };
    this.context.signal.removeEventListener('abort', this.#gone);
    this.context.again?.signal.removeEventListener('abort', this.#sendAway);
    this.#onAnswer(this, answer);
  }

  #assertDecidable(transition: string): void {
    const { kind } = this.#state;
    assert(kind === 'undecided' || kind === 'waiting', `a request that is ${kind} cannot ${transition}`);
  }
}
