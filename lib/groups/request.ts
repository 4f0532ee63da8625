import { assert } from '../core/assert.ts';
import type { RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import type { SentAway, Submitted } from './environment.ts';
import type { Group } from './group.ts';
import type { Step, StepResult } from './step.ts';

/**
 * What has happened to a request to a group. It goes from `unread` to `undecided`, from there to `waiting`
 * or `renewing`, from `waiting` to `waiting` or `renewing`, and from any state to `answered`.
 */
export type RequestState =
  /** It came after the last read of the group, and is decided over a later one. */
  | { readonly kind: 'unread'; readonly step: Step<unknown> }
  /** The group was read after it came. */
  | { readonly kind: 'undecided'; readonly step: Step<unknown> }
  /** What it asked for is stored; now it waits for other members. */
  | WaitingState
  /** It is decided. Its reply leaves when its member's lease is written. */
  | { readonly kind: 'renewing' }
  | { readonly kind: 'answered' };

interface WaitingState {
  readonly kind: 'waiting';
  readonly step: Step<unknown>;
  /** It is decided again when the group is no longer this one. */
  readonly decidedOn: Group | undefined;
  /** The member that is alive as long as this request waits. */
  readonly alive: string | undefined;
  /** The token to send the request away with; undefined if it has to be answered here. */
  readonly again: string | undefined;
}

/**
 * One request to a group, from its arrival to its answer. It answers itself when its client is gone, and, while it waits,
 * when it is to be sent away (RequestContext.again).
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

  /** What decides it. */
  get step(): Step<unknown> {
    const state = this.#state;
    assert(state.kind !== 'renewing' && state.kind !== 'answered', `a request is decided while it is ${state.kind}`);
    return state.step;
  }

  /** The member that is alive because this request waits. */
  get alive(): string | undefined {
    return this.#state.kind === 'waiting' ? this.#state.alive : undefined;
  }

  /** Whether it has to be decided over this group. */
  isDue(group: Group | undefined): boolean {
    const state = this.#state;
    return state.kind === 'undecided' || (state.kind === 'waiting' && state.decidedOn !== group);
  }

  /** The group was read. */
  wasRead(): void {
    if (this.#state.kind === 'unread') this.#state = { ...this.#state, kind: 'undecided' };
  }

  /** It was decided that it waits. */
  wait({ group, next, alive, again }: StepResult<unknown> & { readonly kind: 'wait' }): void {
    this.#assertDecidable('wait');
    this.#state = { kind: 'waiting', step: next, decidedOn: group, alive, again };
    this.#sendAwayIfAsked();
  }

  /** It was decided, and its reply has to wait for a lease. */
  renew(): void {
    this.#assertDecidable('renew');
    this.#state = { kind: 'renewing' };
  }

  /** Does nothing if it was answered meanwhile, as `fail`. */
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
