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
  /** By Clock.monotonic(): from then on the answer is REQUEST_TIMED_OUT, whatever becomes of the batch; ms. */
  readonly deadline: number;
  /** Where the batch's bytes start in the group's stretch of a WAL object. */
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

/** Answers the requests whose deadline has passed; returns the others, the same array if these are all. */
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
  /** Those that wait for their answer. Replaced, never changed in place. */
  requests: Request[];
  /** The object that holds the batches; undefined while they go into the entry itself. */
  object: Promise<WalOutcome> | undefined;

  constructor(requests: Request[]) {
    this.requests = requests;
  }

  /** True when every request has its answer. */
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

  /** Stores the bytes in a new object: the last PUT failed, the object is too old to be named, or an entry cannot hold them. */
  storeAgain({ id, env }: Journal): void {
    this.object = env.wal.write(id, this.chunks());
  }

  /** Answers the requests whose deadline has passed. They are not tried again. */
  expire(now: number): void {
    this.requests = expireRequests(this.requests, now);
  }

  /**
   * Ends the group.
   *
   * @param asked the requests that were decided; those that timed out since then have their answer
   * @param answers one for each of them, in order
   */
  answer(asked: readonly Request[], answers: readonly AppendResult[]): void {
    assert(asked.length === answers.length, `${answers.length} answers for ${asked.length} requests of a group`);
    for (const [index, request] of asked.entries()) if (!request.isAnswered) request.answer(answers[index]!);
    this.requests = [];
  }

  /** Ends the group with the same failure for all. */
  fail(error: ErrorName, message: string): void {
    for (const request of this.requests) if (!request.isAnswered) request.answer({ kind: 'rejected', error, message });
    this.requests = [];
  }
}

/** Makes a control entry for the view as it is, or `undefined` if there is nothing to write (any more). */
export type EntryMaker = (view: JournalView, time: StoreTime) => Entry | undefined;

/** `nothing`: there was nothing to write. `timedOut`: not written by the deadline, or not known to be. */
export type EntryResult = 'written' | 'nothing' | 'timedOut';

/** A control entry to be written. */
export class ControlEntry {
  readonly kind = 'entry';
  /** Called for each attempt: what was made before a conflict no longer holds (rule R7). */
  readonly make: EntryMaker;
  /** By Clock.monotonic(); ms. */
  readonly deadline: number;
  readonly #resolve: (result: EntryResult) => void;
  readonly #reject: (error: unknown) => void;
  #isAnswered = false;

  constructor(
    make: EntryMaker,
    deadline: number,
    resolve: (result: EntryResult) => void,
    reject: (error: unknown) => void,
  ) {
    this.make = make;
    this.deadline = deadline;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  get isOver(): boolean {
    return this.#isAnswered;
  }

  /** The first answer counts: an entry can still be written after its caller was answered `timedOut`. */
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

/** What a writer writes, one entry each. */
export type Work = Group | ControlEntry;

/** Whatever waits for an answer. */
interface Waiting {
  /** By Clock.monotonic(); ms. */
  readonly deadline: number;
  readonly isAnswered: boolean;
}

export function waitingOf(work: Work): readonly Waiting[] {
  return work.kind === 'group' ? work.requests : [work];
}

/** Guards that nothing waits for an answer that it should have had. A deadline that is not a number never passes, and fails. */
export function assertNoneExpired(waiting: readonly Waiting[], now: number): void {
  // The message is made only for a failure: this runs for every request at every transition.
  for (const { deadline, isAnswered } of waiting) {
    if (!isAnswered && !(deadline > now))
      assert(false, `a request still waits at ${now}, its deadline was ${deadline}`);
  }
}
