import { assert } from '../../core/assert.ts';
import type { ErrorName } from '../../core/errors.ts';
import type { StoreTime } from '../../storage/ports.ts';
import type { AppendResult, BatchToAppend } from '../decide-append.ts';
import type { Entry } from '../entry.ts';
import type { Journal } from '../journal.ts';
import type { JournalView } from '../view.ts';
import type { WalOutcome } from '../wal.ts';

/** A batch that waits for its answer. */
export class Request {
  readonly batch: BatchToAppend;
  /**
   * By Clock.monotonic(); ms. From then on the answer is REQUEST_TIMED_OUT, even if the batch is
   * written later.
   */
  readonly deadline: number;
  /** Start of the batch's bytes in the group's stretch of a WAL object. */
  position = 0;
  readonly #resolve: (result: AppendResult) => void;
  #isAnswered = false;

  constructor(batch: BatchToAppend, deadline: number, resolve: (result: AppendResult) => void) {
    this.batch = batch;
    this.deadline = deadline;
    this.#resolve = resolve;
  }

  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  answer(result: AppendResult): void {
    assert(!this.#isAnswered, 'a request is answered twice');
    this.#isAnswered = true;
    this.batch.onResult?.(result);
    this.#resolve(result);
  }
}

/**
 * Answers the requests whose deadline has passed. Returns the others: the same array if none has
 * expired.
 */
export function expireRequests(requests: Request[], now: number): Request[] {
  if (requests.every(({ deadline }) => deadline > now)) return requests;
  const waiting: Request[] = [];
  for (const request of requests) {
    if (request.deadline > now) waiting.push(request);
    else request.answer({ kind: 'rejected', error: 'REQUEST_TIMED_OUT' });
  }
  return waiting;
}

/** Batches that are decided together and written as one entry. */
export class Group {
  readonly kind = 'group';
  /** The requests without an answer. Replaced, never changed in place. */
  requests: Request[];
  /** The PUT of the object that holds the batches; undefined if they go into the entry. */
  object: Promise<WalOutcome> | undefined;

  constructor(requests: Request[]) {
    this.requests = requests;
  }

  /** True if every request has its answer. */
  get isOver(): boolean {
    return this.requests.length === 0;
  }

  /** The bytes in the order of the requests. Sets the position of each. */
  chunks(): Buffer[] {
    let position = 0;
    return this.requests.map((request) => {
      request.position = position;
      position += request.batch.bytes.length;
      return request.batch.bytes;
    });
  }

  /**
   * Stores the bytes in a new object: the last PUT failed, the object is too old to be named, or an
   * entry cannot hold them.
   */
  storeAgain({ id, env }: Journal): void {
    this.object = env.wal.write(id, this.chunks());
  }

  /** Answers the requests whose deadline has passed; they are not tried again. */
  expire(now: number): void {
    this.requests = expireRequests(this.requests, now);
  }

  /**
   * Ends the group.
   *
   * @param asked the requests that were decided; those that have timed out since then are already
   *   answered
   * @param answers one for each of them, in order
   */
  answer(asked: readonly Request[], answers: readonly AppendResult[]): void {
    assert(asked.length === answers.length, `${answers.length} answers for ${asked.length} requests of a group`);
    for (const [index, request] of asked.entries()) if (!request.isAnswered) request.answer(answers[index]!);
    this.requests = [];
  }

  /** Ends the group with the same failure for all requests. */
  fail(error: ErrorName, message: string): void {
    for (const request of this.requests) if (!request.isAnswered) request.answer({ kind: 'rejected', error, message });
    this.requests = [];
  }
}

/** Makes a control entry for the current view; `undefined` if there is nothing to write. */
export type EntryMaker = (view: JournalView, time: StoreTime) => Entry | undefined;

/**
 * `nothing`: there was nothing to write, it is not due, or it is too late to sign it. `timedOut`: not written by
 * the deadline, or not known to be written.
 */
export type EntryResult = 'written' | 'nothing' | 'timedOut';

export interface EntryTerms {
  /**
   * For an entry that names an object: the put is signed before this store time (rule R5). Default:
   * at any time.
   */
  readonly signBefore?: StoreTime;
  /**
   * For an entry that depends on something outside of the journal (rule R6): whether it is still to
   * be written, read strongly consistent. Called at each attempt, after the view was confirmed and
   * before the put. Rejects with StoreUnavailableError.
   */
  readonly isDue?: (() => Promise<boolean>) | undefined;
}

/** A control entry to be written. */
export class ControlEntry {
  readonly kind = 'entry';
  /** Called for each attempt, because a conflict invalidates the previous entry (rule R7). */
  readonly make: EntryMaker;
  /** By Clock.monotonic(); ms. */
  readonly deadline: number;
  /** The put of the entry must be signed before this store time (rule R5). */
  readonly signBefore: StoreTime;
  /** See Writer.appendEntry. */
  readonly isDue: (() => Promise<boolean>) | undefined;
  readonly #resolve: (result: EntryResult) => void;
  readonly #reject: (error: unknown) => void;
  #isAnswered = false;

  constructor(
    make: EntryMaker,
    { deadline, signBefore, isDue }: EntryTerms & { readonly deadline: number },
    resolve: (result: EntryResult) => void,
    reject: (error: unknown) => void,
  ) {
    this.make = make;
    this.deadline = deadline;
    this.signBefore = signBefore ?? Number.POSITIVE_INFINITY;
    this.isDue = isDue;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  get isOver(): boolean {
    return this.#isAnswered;
  }

  /**
   * Only the first answer counts: an entry may still be written after its caller got `timedOut`.
   */
  answer(result: EntryResult): void {
    this.#isAnswered = true;
    this.#resolve(result);
  }

  expire(now: number): void {
    if (this.deadline <= now) this.answer('timedOut');
  }

  fail(error: unknown): void {
    this.#isAnswered = true;
    this.#reject(error);
  }
}

/** Each work becomes one entry. */
export type Work = Group | ControlEntry;

/** A request or control entry that waits for its answer. */
interface Waiting {
  /** By Clock.monotonic(); ms. */
  readonly deadline: number;
  readonly isAnswered: boolean;
}

export function waitingOf(work: Work): readonly Waiting[] {
  return work.kind === 'group' ? work.requests : [work];
}

/**
 * Checks that nothing waits past its deadline. A deadline of NaN never passes and fails the check.
 */
export function assertNoneExpired(waiting: readonly Waiting[], now: number): void {
  // The message is built only on failure, because this runs for every request at every transition.
  for (const { deadline, isAnswered } of waiting) {
    if (!isAnswered && !(deadline > now))
      assert(false, `a request still waits at ${now}, its deadline was ${deadline}`);
  }
}
