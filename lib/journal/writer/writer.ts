import { afterMicrotasks, sleep } from '../../core/clock.ts';
import { newNonce } from '../../core/nonce.ts';
import { randomInt } from '../../core/random.ts';
import { entryPk, entrySk } from '../../storage/items/journal-entry.ts';
import { type Item, type PutOutcome, type StoreTime, StoreUnavailableError } from '../../storage/ports.ts';
import { type Checkpointer, NAME_WITHIN_MS } from '../checkpoint.ts';
import type { AppendResult, BatchToAppend } from '../decide-append.ts';
import { type Entry, encodeEntry, type Payload } from '../entry.ts';
import type { Journal } from '../journal.ts';
import { patchBatches } from '../patch-batches.ts';
import type { WalOutcome } from '../wal.ts';
import { Alarm } from './alarm.ts';
import { assertFollows, decideGroup } from './decide-group.ts';
import {
  canStillLand,
  judgePut,
  judgeView,
  type Refused,
  raceWaitMs,
  retryBounds,
  type Verdict,
  VIEW_AGE_MAX_MS,
} from './decide-next.ts';
import { askFacts } from './facts.ts';
import { Intake } from './intake.ts';
import type { Attempt, EntryPut, Putting, WriterState } from './states.ts';
import {
  assertNoneExpired,
  ControlEntry,
  type EntryMaker,
  type EntryResult,
  type EntryTerms,
  Request,
  type Work,
  waitingOf,
} from './work.ts';

/** Time-out of one put; ms. A put takes about 8 ms, so an answer after this time is unlikely. */
export const PUT_TIMEOUT_MS = 5_000;

/**
 * From this contention on, a writer reads before it writes: a failed put is billed by the size of
 * the item in the slot.
 */
const READ_FIRST_CONTENTION = 2;
const CONTENTION_MAX = 8;

/**
 * The commit rule (docs/ARCHITECTURE.md) for one journal: decide in memory, write one entry into
 * the next slot, and decide again if another writer was first. Appends take effect in the order of
 * the calls. Batches that arrive while an entry is in flight share the next entry (group commit).
 *
 * Each transition checks the invariants. A violation fails the current work with
 * KAFKA_STORAGE_ERROR.
 */
export class Writer {
  readonly #journal: Journal;
  readonly #checkpointer: Checkpointer;
  readonly #decide: typeof decideGroup;
  readonly #intake: Intake;
  /** In order; the first one is in progress. */
  readonly #works: Work[] = [];
  #state: WriterState = { kind: 'idle' };
  /** Grows with each lost race. Halved by each entry that lost none. */
  #contention = 0;
  /** Set to the next deadline. */
  readonly #alarm: Alarm;

  /** @param decide replaced in tests of the invariants */
  constructor(journal: Journal, checkpointer: Checkpointer, decide = decideGroup) {
    this.#journal = journal;
    this.#checkpointer = checkpointer;
    this.#decide = decide;
    this.#alarm = new Alarm(journal.env.clock, () => this.#expire());
    const works = this.#works;
    this.#intake = new Intake(journal, {
      get length() {
        return works.length;
      },
      push: (group) => this.#push(group),
    });
  }

  /** True if nothing waits or is in flight. */
  get idle(): boolean {
    const isDone = this.#works.length === 0 || (this.#state.kind === 'answered' && this.#works.length === 1);
    return isDone && this.#intake.waiting.length === 0;
  }

  /**
   * Appends a batch. Its place in the order is fixed before this returns.
   *
   * @param deadline by Clock.monotonic(): from then on the answer is REQUEST_TIMED_OUT; ms
   */
  append(batch: BatchToAppend, deadline: number): Promise<AppendResult> {
    return new Promise((resolve) => {
      this.#alarm.set(deadline);
      this.#intake.add(new Request(batch, deadline, resolve));
    });
  }

  /**
   * Appends a control entry after all earlier appends. `make` is called again after a conflict.
   * Rejects if `make` throws or the store cannot hold the entry.
   */
  appendEntry(make: EntryMaker, deadline: number, terms: EntryTerms = {}): Promise<EntryResult> {
    return new Promise((resolve, reject) => {
      this.#alarm.set(deadline);
      this.#intake.makeAllGroups();
      this.#push(new ControlEntry(make, { ...terms, deadline }, resolve, reject));
    });
  }

  #push(work: Work): void {
    this.#works.push(work);
    if (this.#state.kind !== 'idle') return;
    this.#state = { kind: 'starting' };
    void this.#run();
  }

  async #run(): Promise<void> {
    const { clock } = this.#journal.env;
    while (this.#state.kind !== 'idle') {
      const state: WriterState = this.#state;
      try {
        switch (state.kind) {
          case 'starting':
            await null;
            this.#enter(this.#begin(this.#works[0], 0, 0));
            break;
          case 'answered':
            await new Promise<void>(afterMicrotasks);
            this.#works.shift();
            this.#intake.makeGroup();
            this.#enter(this.#begin(this.#works[0], 0, 0));
            break;
          case 'storing':
            this.#enter(this.#afterStoring(state.attempt, await state.object));
            break;
          case 'reading':
            await this.#journal.catchUp(true);
            this.#enter(this.#decideWork(state.attempt, true));
            break;
          case 'asking': {
            const { attempt, requests } = state;
            const facts = await askFacts(attempt.work, requests, this.#journal.view.seq);
            this.#enter(this.#decideWork({ ...attempt, facts }, false));
            break;
          }
          case 'announcing':
            await this.#journal.env.dueJournals?.begin(this.#journal.id);
            this.#enter(this.#decideWork({ ...state.attempt, isAnnounced: true }, false));
            break;
          case 'putting':
            this.#enter(this.#afterPut(state, await this.#send(state.put)));
            break;
          case 'unsure':
            await sleep(clock, this.#retryMs(state.tries - 1));
            this.#enter(this.#repeat(state));
            break;
          case 'looking':
            await this.#journal.catchUp(true).catch(() => {});
            this.#enter(this.#afterLook(state));
            break;
          case 'backingOff': {
            const { work, number, losses } = state.attempt;
            if (state.ms > 0) await sleep(clock, state.ms);
            this.#enter(this.#begin(work, number + 1, losses));
            break;
          }
        }
      } catch (error) {
        this.#state = this.#afterError(state, error);
      }
    }
  }

  /** Makes a transition. Errors are handled in `#afterError`. */
  #enter(state: WriterState): void {
    this.#state = state;
    const now = this.#journal.env.clock.monotonic();
    // After a pause of the process, this may run before the alarm.
    if (this.#alarm.isDue(now)) this.#expire();
    for (const work of this.#works) assertNoneExpired(waitingOf(work), now);
    assertNoneExpired(this.#intake.waiting, now);
    if (state.kind === 'putting') assertFollows(this.#journal.view, state.put.slot.seq, state.put.entry);
    if (this.idle) this.#alarm.clear();
  }

  #begin(work: Work | undefined, number: number, losses: number): WriterState {
    if (work === undefined) return { kind: 'idle' };
    const startedAt = this.#journal.env.clock.monotonic();
    work.expire(startedAt);
    if (work.isOver) return { kind: 'answered' };
    const begun = { stretch: undefined, isAnnounced: false, facts: undefined };
    const attempt: Attempt = { work, number, losses, startedAt, ...begun };
    if (work.kind === 'group' && work.object !== undefined) return { kind: 'storing', attempt, object: work.object };
    return this.#prepare(attempt);
  }

  /** Reads first if the view is too old to sign a put (rule R3), or if other writers are active. */
  #prepare(attempt: Attempt): WriterState {
    const age = this.#now() - this.#journal.confirmedAt;
    const isOld = !(age < VIEW_AGE_MAX_MS);
    const isContended = attempt.losses > 0 || this.#contention >= READ_FIRST_CONTENTION;
    if (attempt.work.kind === 'entry' || isOld || isContended) return { kind: 'reading', attempt };
    return this.#decideWork(attempt, false);
  }

  /** Decides on the current view; again after every conflict (rule R7). */
  #decideWork(attempt: Attempt, isConfirmed: boolean): WriterState {
    const { work, stretch } = attempt;
    // Its deadline passed during a read. Nothing was put yet, so nothing is.
    if (work.isOver) return { kind: 'answered' };
    const { view } = this.#journal;
    const time = this.#entryTime();
    // Facts hold for the view that was confirmed before them.
    const facts = attempt.facts?.seq === view.seq ? attempt.facts : undefined;
    const isCurrent = isConfirmed || facts !== undefined;
    if (work.kind === 'entry') {
      const entry = work.make(view, time);
      if (entry === undefined || facts?.isDue === false || this.#now() >= work.signBefore) {
        work.answer('nothing');
        return { kind: 'answered' };
      }
      if (work.isDue !== undefined && facts === undefined) {
        return isCurrent ? { kind: 'asking', attempt, requests: [] } : { kind: 'reading', attempt };
      }
      const inline = 'payload' in entry && entry.payload.kind === 'inline' ? entry.payload.bytes : undefined;
      return this.#put(attempt, entry, inline, work.signBefore, () => work.answer('written'));
    }
    const { requests } = work;
    const decided = this.#decide(view, requests, {
      time,
      isConfirmed: isCurrent,
      isInObject: stretch !== undefined,
      transactions: facts?.transactions,
    });
    if (decided.kind === 'confirm') return { kind: 'reading', attempt };
    if (decided.kind === 'ask') return { kind: 'asking', attempt, requests: decided.requests };
    const { answers } = decided;
    if (decided.kind === 'answer') {
      work.answer(requests, answers);
      return { kind: 'answered' };
    }
    const bytes = stretch?.bytes ?? Buffer.concat(decided.chunks);
    const payload: Payload =
      stretch === undefined
        ? { kind: 'inline', bytes }
        : { kind: 'wal', key: stretch.key, start: stretch.start, length: bytes.length };
    if (stretch === undefined) patchBatches(bytes, decided.batches, view.leaderEpoch);
    return this.#put(
      attempt,
      { kind: 'records', time, batches: decided.batches, payload },
      bytes,
      stretch === undefined ? Number.POSITIVE_INFINITY : stretch.storedAt + NAME_WITHIN_MS,
      () => work.answer(requests, answers),
    );
  }

  /** Never before the previous entry (rule R8). */
  #entryTime(): StoreTime {
    return Math.max(this.#journal.view.time, Math.floor(this.#now()));
  }

  #put(
    attempt: Attempt,
    entry: Entry,
    payload: Buffer | undefined,
    signBefore: StoreTime,
    answer: () => void,
  ): WriterState {
    const { id, view, env } = this.#journal;
    const isFirstHot = 'batches' in entry && view.hotSince === -1;
    if (isFirstHot && env.dueJournals !== undefined && !attempt.isAnnounced) return { kind: 'announcing', attempt };
    const seq = view.seq + 1;
    const nonce = newNonce(env.random);
    const item = { pk: entryPk(id), sk: entrySk(seq), version: seq, nonce, body: encodeEntry(entry) };
    const slot = { seq, nonce, seen: undefined };
    const put = { entry, item, payload, signBefore, slot, answer };
    return { kind: 'putting', attempt, put, tries: 0, signedUntil: undefined };
  }

  #afterStoring(attempt: Attempt, stored: WalOutcome): WriterState {
    if (stored.kind === 'stored') return this.#prepare({ ...attempt, stretch: stored.stretch });
    this.#log('warn', 'wal_put_failed', stored.message);
    this.#storeAgain(attempt.work);
    return this.#retry(attempt);
  }

  /** Sends the put that commits. A repetition sends the same item (rule R2). */
  #send({ item, slot, signBefore }: EntryPut): Promise<PutOutcome> {
    const journal = this.#journal;
    journal.expect(slot);
    return journal.env.stores.journal.put(
      item,
      { kind: 'absent' },
      { signBefore: Math.min(journal.confirmedAt + VIEW_AGE_MAX_MS, signBefore), timeoutMs: PUT_TIMEOUT_MS },
    );
  }

  #afterPut(state: Putting, outcome: PutOutcome): WriterState {
    const { attempt, put, tries } = state;
    const verdict = judgePut(outcome, put.item.nonce, state.signedUntil !== undefined);
    if (verdict.kind === 'mine' && 'storeTime' in outcome) this.#journal.confirm(outcome.storeTime);
    if (outcome.kind === 'refused' && outcome.reason === 'expired') this.#journal.env.trust.generation += 1;
    const signedUntil = outcome.kind === 'unknown' ? this.#now() : state.signedUntil;
    const putting: Putting = { attempt, put, tries: tries + 1, signedUntil };
    if (verdict.kind === 'unsure') return { kind: 'unsure', ...putting };
    if (verdict.kind === 'look') return { kind: 'looking', refusal: verdict.refusal, ...putting };
    return this.#conclude(attempt, put, verdict);
  }

  /** Repeats the same put, unless a read has found an entry in the slot. */
  #repeat({ attempt, put, tries, signedUntil }: Putting): WriterState {
    const known = judgeView(put.slot.seen, this.#journal.view.seq, put.slot.seq);
    return known === undefined
      ? { kind: 'putting', attempt, put, tries, signedUntil }
      : this.#conclude(attempt, put, known);
  }

  /** The slot was read. If it is empty and no put can land any more, the refusal is final. */
  #afterLook({ attempt, put, tries, signedUntil, refusal }: Putting & { refusal: Refused }): WriterState {
    const { view, confirmedAt } = this.#journal;
    const isEmpty = view.seq < put.slot.seq;
    if (isEmpty && !canStillLand(signedUntil ?? Number.NaN, confirmedAt)) return this.#conclude(attempt, put, refusal);
    return { kind: 'unsure', attempt, put, tries, signedUntil };
  }

  /** Handles the known outcome of a put. */
  #conclude(attempt: Attempt, put: EntryPut, verdict: Verdict): WriterState {
    const { work } = attempt;
    if (verdict.kind === 'mine') this.#foldIn(attempt, put);
    this.#journal.expect(undefined);
    switch (verdict.kind) {
      case 'mine':
        put.answer();
        return { kind: 'answered' };
      case 'taken':
        return this.#afterLostRace(attempt, put, verdict.item);
      case 'refused':
        this.#afterRefusal(attempt, verdict);
        return work.isOver ? { kind: 'answered' } : this.#retry(attempt);
      case 'lost':
        if (work.kind === 'group') work.fail('REQUEST_TIMED_OUT', 'the outcome of this append cannot be told any more');
        return work.isOver ? { kind: 'answered' } : this.#retry(attempt);
    }
  }

  #foldIn(attempt: Attempt, { entry, item, payload, slot }: EntryPut): void {
    const journal = this.#journal;
    if ('payload' in entry && entry.payload.kind === 'wal' && payload !== undefined) {
      patchBatches(payload, entry.batches, journal.view.leaderEpoch);
    }
    const { hotBytes } = journal.view;
    journal.advance(slot.seq, slot.nonce, entry, item.body.length, payload);
    if (entry.kind === 'records') journal.env.observer?.committed(entry.batches.length);
    journal.env.dueJournals?.grew?.(journal.id, hotBytes, journal.view.hotBytes);
    if (attempt.losses === 0) this.#contention = Math.floor(this.#contention / 2);
    this.#checkpointer.poke();
  }

  #afterLostRace(attempt: Attempt, { slot }: EntryPut, winner: Item | undefined): WriterState {
    const { env, view } = this.#journal;
    env.observer?.conflicted();
    this.#contention = Math.min(this.#contention + 1, CONTENTION_MAX);
    if (winner !== undefined && view.seq === slot.seq - 1) this.#journal.advanceWith(winner);
    const losses = attempt.losses + 1;
    const max = raceWaitMs(losses, env.clock.monotonic() - attempt.startedAt);
    return {
      kind: 'backingOff',
      attempt: { ...attempt, losses },
      ms: max === 0 ? 0 : randomInt(env.random, 0, max + 1),
    };
  }

  #afterRefusal({ work, stretch }: Attempt, { how, message }: Refused): void {
    // If the bytes are too large for an item, the entry can name an object instead: the list of a
    // group's batches always fits.
    const fitsWithObject = how === 'tooLarge' && work.kind === 'group' && stretch === undefined;
    if (fitsWithObject) this.#storeAgain(work);
    else if (how === 'tooLarge' || how === 'rejected') {
      if (work.kind === 'entry') work.fail(new Error(message));
      else work.fail(how === 'tooLarge' ? 'MESSAGE_TOO_LARGE' : 'KAFKA_STORAGE_ERROR', message);
    }
    if (how !== 'stale') return;
    // Too late to sign: the view has to be confirmed again, and an object that is too old has to be
    // stored again.
    if (stretch !== undefined && this.#now() >= stretch.storedAt + NAME_WITHIN_MS) this.#storeAgain(work);
    this.#journal.distrust();
  }

  /**
   * If the store does not answer a read, the work is tried again. Any other error is a bug and ends
   * the work.
   */
  #afterError(state: WriterState, error: unknown): WriterState {
    this.#journal.expect(undefined);
    if (error instanceof StoreUnavailableError && 'attempt' in state) {
      this.#log('warn', 'store_unavailable', error.message);
      return this.#retry(state.attempt);
    }
    const work = this.#works[0];
    if (work?.kind === 'entry') work.fail(error);
    else {
      this.#log('error', 'append_failed', String(error));
      work?.fail('KAFKA_STORAGE_ERROR', 'the journal cannot be appended to');
    }
    this.#expire();
    return { kind: 'answered' };
  }

  #retry(attempt: Attempt): WriterState {
    return { kind: 'backingOff', attempt, ms: this.#retryMs(attempt.number) };
  }

  #retryMs(number: number): number {
    const { min, max } = retryBounds(number);
    return randomInt(this.#journal.env.random, min, max + 1);
  }

  #storeAgain(work: Work): void {
    if (work.kind === 'group' && !work.isOver) work.storeAgain(this.#journal);
  }

  #now(): StoreTime {
    return this.#journal.env.stores.journal.now();
  }

  #log(level: 'warn' | 'error', event: string, message: string): void {
    this.#journal.env.logger.log(level, { event, journal: this.#journal.id, message });
  }

  /**
   * Answers all works and requests whose deadline has passed, including those queued behind a
   * silent store. Sets the alarm for the rest.
   */
  #expire(): void {
    const now = this.#journal.env.clock.monotonic();
    this.#alarm.clear();
    for (const work of this.#works) work.expire(now);
    this.#intake.expire(now);
    let earliest = Number.POSITIVE_INFINITY;
    for (const waiting of [...this.#works.map(waitingOf), this.#intake.waiting]) {
      for (const { deadline, isAnswered } of waiting) if (!isAnswered) earliest = Math.min(earliest, deadline);
    }
    this.#alarm.set(earliest);
  }
}
