import { sleep } from '../core/clock.ts';
import { newNonce } from '../core/nonce.ts';
import type { Offset } from '../core/offset.ts';
import { randomInt } from '../core/random.ts';
import { patchBatch } from '../records/batch.ts';
import { entryPk, entrySk } from '../storage/items/journal-entry.ts';
import { type StoreTime, StoreUnavailableError } from '../storage/ports.ts';
import { type Checkpointer, NAME_WITHIN_MS } from './checkpoint.ts';
import { type AppendResult, decideAppend } from './decide-append.ts';
import { Draft } from './draft.ts';
import { type BatchMeta, type Entry, encodeEntry, type Payload } from './entry.ts';
import { backoff, fillSlot, type SlotOutcome, type SlotRefusal, VIEW_AGE_MAX_MS } from './fill-slot.ts';
import type { Group, Request } from './group.ts';
import type { Journal } from './journal.ts';
import type { JournalView } from './view.ts';
import type { WalStretch } from './wal.ts';

/** After so many lost races a writer reads before it writes: a failed put is billed by the size of the item it met. */
const READ_FIRST_CONTENTION = 2;
const CONTENTION_MAX = 8;

/**
 * Waits after lost races, chosen in the simulation with AWS's latencies (docs/PERFORMANCE.md): half of what an attempt takes, up to
 * eightfold, which is what some ten writers need to get through one after the other.
 */
const RACE_WAIT_SHARE = 0.5;
const RACE_WAIT_GROWTH_MAX = 8;
const RACE_WAIT_MAX_MS = 1_000;
/** After more losses than these a writer's waits become shorter. */
const PATIENT_LOSSES = 4;

/** Makes a control entry from the view as it stands, or `undefined` if there is nothing to write (any more). */
export type EntryMaker = (view: JournalView, time: StoreTime) => Entry | undefined;

/**
 * The commit rule (docs/ARCHITECTURE.md) for one journal: decide in memory, write one entry into the next slot, and decide
 * again whenever somebody else was there first. The caller sees to it that one commit runs at a time.
 */
export class Appender {
  readonly #journal: Journal;
  readonly #checkpointer: Checkpointer;
  /** Grows with each lost race, and shrinks with each append that lost none. */
  #contention = 0;
  #lostRace = false;
  /** Races lost since the last entry of its own. */
  #losses = 0;

  constructor(journal: Journal, checkpointer: Checkpointer) {
    this.#journal = journal;
    this.#checkpointer = checkpointer;
  }

  /** Commits a group and answers all of its requests. */
  async commit(group: Group): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      group.expire(this.#journal.env.clock.monotonic());
      if (group.requests.length === 0) return;
      const losses = this.#losses;
      const startedAt = this.#journal.env.clock.monotonic();
      if (await this.#surviving(() => this.#attempt(group))) return;
      if (this.#losses > losses) await this.#letOthersPass(this.#journal.env.clock.monotonic() - startedAt);
      else await backoff(this.#journal, attempt);
    }
  }

  /**
   * After a lost race that took `tookMs`. The first is as a rule lost to an entry that was there long before, so that nobody is in the
   * way of the next attempt; from then on others are about, and the wait grows, in units of what an attempt takes. It shrinks again
   * for who has lost often: whoever comes fresh would win against the one that waits longest.
   */
  async #letOthersPass(tookMs: number): Promise<void> {
    const losses = this.#losses;
    if (losses <= 1) return;
    const unit = tookMs * RACE_WAIT_SHARE;
    const grown = unit * Math.min(RACE_WAIT_GROWTH_MAX, 2 ** (losses - 2));
    const bound = losses <= PATIENT_LOSSES ? grown : Math.max(unit, grown / (losses - PATIENT_LOSSES));
    const { clock, random } = this.#journal.env;
    await sleep(clock, randomInt(random, 0, Math.ceil(Math.min(bound, RACE_WAIT_MAX_MS)) + 1));
  }

  /**
   * Commits the entry that `make` gives for the newest view. `nothing`: it had nothing to write. `timedOut`: not (surely)
   * written by `deadline` (Clock.monotonic()).
   */
  async commitEntry(make: EntryMaker, deadline: number): Promise<'written' | 'nothing' | 'timedOut'> {
    for (let attempt = 0; ; attempt++) {
      if (this.#journal.env.clock.monotonic() >= deadline) return 'timedOut';
      const done = await this.#surviving(async () => {
        await this.#prepareView(true);
        const entry = make(this.#journal.view, this.#entryTime());
        if (entry === undefined) return 'nothing';
        const inline = 'payload' in entry && entry.payload.kind === 'inline' ? entry.payload.bytes : undefined;
        const outcome = await this.#write(entry, inline, Number.POSITIVE_INFINITY);
        const never = outcome.kind === 'refused' && (outcome.how === 'tooLarge' || outcome.how === 'rejected');
        if (never) throw new Error(outcome.message);
        return outcome.kind === 'mine' ? 'written' : false;
      });
      if (done !== false) return done;
      await backoff(this.#journal, attempt);
    }
  }

  /** One attempt; a store that does not answer a read is no more than a reason for another one. */
  async #surviving<T>(attempt: () => Promise<T | false>): Promise<T | false> {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      const { logger } = this.#journal.env;
      logger.log('warn', { event: 'store_unavailable', journal: this.#journal.id, message: error.message });
      return false;
    }
  }

  /** True when every request of the group has its answer. */
  async #attempt(group: Group): Promise<boolean> {
    const journal = this.#journal;
    const stretch = await this.#locate(group);
    if (stretch === 'failed') return false;
    const confirmed = await this.#prepareView(false);
    let decided = decide(journal.view, group.requests, this.#entryTime());
    if (decided.batches.length === 0) {
      // A view that lags behind may refuse wrongly, but never accept wrongly: only a confirmed one may say no.
      if (decided.refusals > 0 && !confirmed) {
        await journal.catchUp(true);
        decided = decide(journal.view, group.requests, this.#entryTime());
      }
      if (decided.batches.length === 0) {
        settle(group, decided.answers);
        return true;
      }
    }
    const payload: Payload =
      stretch === undefined
        ? { kind: 'inline', bytes: gather(decided, journal.view.leaderEpoch) }
        : { kind: 'wal', key: stretch.key, start: stretch.start, length: stretch.bytes.length };
    const entry: Entry = { kind: 'records', time: decided.time, batches: layOut(decided, payload), payload };
    const { answers } = decided;
    const asked = group.requests;
    const outcome = await this.#write(
      entry,
      payload.kind === 'inline' ? payload.bytes : stretch?.bytes,
      stretch === undefined ? Number.POSITIVE_INFINITY : stretch.storedAt + NAME_WITHIN_MS,
    );
    if (outcome.kind === 'mine') {
      settle(group, answers, asked);
      return true;
    }
    if (outcome.kind === 'lost') group.fail('REQUEST_TIMED_OUT', 'the outcome of this append cannot be told any more');
    if (outcome.kind === 'refused') this.#afterRefusal(group, stretch, outcome.how, outcome.message);
    return group.requests.length === 0;
  }

  /** The group's stretch of a WAL object, `undefined` in the inline tier. */
  async #locate(group: Group): Promise<WalStretch | 'failed' | undefined> {
    if (group.object === undefined) return undefined;
    const stored = await group.object;
    if (stored.kind === 'stored') return stored.stretch;
    const { logger } = this.#journal.env;
    logger.log('warn', { event: 'wal_put_failed', journal: this.#journal.id, message: stored.message });
    group.storeAgain(this.#journal);
    return 'failed';
  }

  #afterRefusal(group: Group, stretch: WalStretch | undefined, how: SlotRefusal, message: string): void {
    // An item that cannot hold the bytes can name an object that does; the list of a group's batches alone always fits.
    if (how === 'tooLarge' && stretch === undefined) group.storeAgain(this.#journal);
    else if (how === 'tooLarge') group.fail('MESSAGE_TOO_LARGE', message);
    if (how === 'rejected') group.fail('KAFKA_STORAGE_ERROR', message);
    if (how !== 'stale') return;
    // Too late to be signed: a fresh view, and a fresh object where that was what had aged.
    const now = this.#journal.env.stores.journal.now();
    const aged = stretch !== undefined && now >= stretch.storedAt + NAME_WITHIN_MS;
    if (aged && group.requests.length > 0) group.storeAgain(this.#journal);
    this.#journal.distrust();
  }

  /**
   * Sees to it that the view is young enough to sign an append, and newer still where races were lost lately. True if it was
   * confirmed for that.
   */
  async #prepareView(current: boolean): Promise<boolean> {
    const journal = this.#journal;
    const age = journal.env.stores.journal.now() - journal.confirmedAt;
    const old = !(age < VIEW_AGE_MAX_MS);
    const confirm = current || old || this.#losses > 0 || this.#contention >= READ_FIRST_CONTENTION;
    if (confirm) await journal.catchUp(true);
    return confirm;
  }

  /** Rule R8: never before the previous entry. */
  #entryTime(): StoreTime {
    return Math.max(this.#journal.view.time, Math.floor(this.#journal.env.stores.journal.now()));
  }

  async #write(entry: Entry, payload: Buffer | undefined, signBefore: StoreTime): Promise<SlotOutcome> {
    const journal = this.#journal;
    const seq = journal.view.seq + 1;
    const nonce = newNonce(journal.env.random);
    const body = encodeEntry(entry);
    const item = { pk: entryPk(journal.id), sk: entrySk(seq), version: seq, nonce, body };
    const epoch = journal.view.leaderEpoch;
    const outcome = await fillSlot(journal, { item, seq, signBefore });
    if (outcome.kind === 'mine') {
      if ('payload' in entry && entry.payload.kind === 'wal' && payload !== undefined) {
        patchBatches(payload, entry.batches, epoch);
      }
      journal.advance(seq, nonce, entry, body.length, payload);
      if (entry.kind === 'records') journal.env.observer?.committed(entry.batches.length);
      if (!this.#lostRace) this.#contention = Math.floor(this.#contention / 2);
      this.#lostRace = false;
      this.#losses = 0;
      this.#checkpointer.poke();
    } else if (outcome.kind === 'taken') {
      journal.env.observer?.conflicted();
      this.#contention = Math.min(this.#contention + 1, CONTENTION_MAX);
      this.#lostRace = true;
      this.#losses++;
      if (outcome.item !== undefined && journal.view.seq === seq - 1) journal.advanceWith(outcome.item);
    }
    return outcome;
  }
}

/** What the pure decisions say about a group. */
interface Decided {
  readonly time: StoreTime;
  /** For each request, in order. */
  readonly answers: readonly AppendResult[];
  /** The requests that are appended, with their offsets. */
  readonly batches: readonly { readonly request: Request; readonly baseOffset: Offset }[];
  readonly refusals: number;
}

/** Decides a whole group, each batch as if those before it were committed; after a conflict once more (rule R7). Pure. */
function decide(view: JournalView, requests: readonly Request[], time: StoreTime): Decided {
  const draft = new Draft(view);
  const answers: AppendResult[] = [];
  const batches = [];
  let refusals = 0;
  for (const request of requests) {
    const { batch } = request;
    const decision = decideAppend(draft, batch, batch.isBehindFailure?.() === true);
    const logStartOffset = draft.logStartOffset(batch.partition);
    switch (decision.kind) {
      case 'append':
        draft.add(metaOf(request, decision.baseOffset, 0), time);
        batches.push({ request, baseOffset: decision.baseOffset });
        answers.push({ kind: 'appended', baseOffset: decision.baseOffset, logStartOffset });
        break;
      case 'duplicate':
        answers.push({ ...decision, logStartOffset });
        break;
      case 'rejected':
        refusals += 1;
        answers.push(decision);
        break;
    }
  }
  return { time, answers, batches, refusals };
}

function metaOf(request: Request, baseOffset: Offset, position: number): BatchMeta {
  const { partition, lastOffsetDelta, maxTimestamp, producerId, producerEpoch, baseSequence, transactional, bytes } =
    request.batch;
  return {
    partition,
    baseOffset,
    lastOffsetDelta,
    maxTimestamp,
    producerId,
    producerEpoch,
    baseSequence,
    transactional,
    control: false,
    position,
    size: bytes.length,
  };
}

function layOut(decided: Decided, payload: Payload): BatchMeta[] {
  let end = 0;
  return decided.batches.map(({ request, baseOffset }) => {
    const position = payload.kind === 'inline' ? end : request.position;
    end += request.batch.bytes.length;
    return metaOf(request, baseOffset, position);
  });
}

/** The payload of an inline entry: the batches with their offsets and the leader epoch set. */
function gather(decided: Decided, leaderEpoch: number): Buffer {
  const bytes = Buffer.concat(decided.batches.map(({ request }) => request.batch.bytes));
  let position = 0;
  for (const { request, baseOffset } of decided.batches) {
    const size = request.batch.bytes.length;
    patchBatch(bytes.subarray(position, position + size), baseOffset, leaderEpoch);
    position += size;
  }
  return bytes;
}

/** Sets offsets and leader epoch in bytes that were stored without them. */
export function patchBatches(payload: Buffer, batches: readonly BatchMeta[], leaderEpoch: number): void {
  for (const batch of batches) {
    patchBatch(payload.subarray(batch.position, batch.position + batch.size), batch.baseOffset, leaderEpoch);
  }
}

/** Gives each request of `asked` its answer; those that timed out meanwhile have had theirs. */
function settle(group: Group, answers: readonly AppendResult[], asked: readonly Request[] = group.requests): void {
  const waiting = new Set(group.requests);
  for (const [index, request] of asked.entries()) if (waiting.has(request)) request.settle(answers[index]!);
  group.requests = [];
}
