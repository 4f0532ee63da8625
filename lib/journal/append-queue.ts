import type { Appender, EntryMaker } from './append.ts';
import type { AppendResult, BatchToAppend } from './decide-append.ts';
import { expireRequests, Group, type Request } from './group.ts';
import type { Journal } from './journal.ts';
import { nextTier, RateMeter, type Tier } from './tier.ts';
import type { WalOutcome, WalSource } from './wal.ts';

/** Batches in one entry; keeps an entry's list of batches far below the limit of an item. */
const GROUP_BATCHES_MAX = 1_000;
/** ... and their bytes (one batch may be larger): readers load an entry's bytes whole, and what waits is copied once. */
const GROUP_BYTES_MAX = 8 * 1024 * 1024;
/** Deadlines further away are looked at this often: a timer of Node's takes no more than 2^31 - 1 ms. */
const ALARM_MAX_MS = 60 * 60 * 1000;
/** Groups whose bytes are on their way to a WAL object while an earlier group commits. */
const GROUPS_AHEAD_MAX = 3;
/** Bytes that have to wait before the next object is begun while a group is still on its way. */
const AHEAD_BYTES_MIN = 256 * 1024;

type Step =
  | { readonly kind: 'group'; readonly group: Group }
  | {
      readonly kind: 'entry';
      readonly run: () => Promise<void>;
      readonly deadline: number;
      readonly expire: () => void;
    };

/**
 * Appends to one journal in the order in which they were asked for. What arrives while an append is in flight goes into
 * the next entry together (group commit); large or frequent bytes go to a WAL object first.
 */
export class AppendQueue {
  readonly #journal: Journal;
  readonly #appender: Appender;
  readonly #rate = new RateMeter();
  #tier: Tier = 'inline';
  #waiting: Request[] = [];
  #waitingBytes = 0;
  readonly #steps: Step[] = [];
  #running = false;
  #gathering = false;
  #objectRequested = false;
  /** When the next deadline is looked at, by Clock.monotonic(); Infinity while the queue is idle. */
  #alarmAt = Number.POSITIVE_INFINITY;
  #cancelAlarm = () => {};
  readonly #walSource: WalSource;

  constructor(journal: Journal, appender: Appender) {
    this.#journal = journal;
    this.#appender = appender;
    const queue = this;
    this.#walSource = {
      journal: journal.id,
      get waitingBytes() {
        return queue.#waitingBytes;
      },
      take: () => this.#takeForObject(),
    };
  }

  /** True when nothing waits or is in flight. */
  get idle(): boolean {
    return !this.#running && this.#waiting.length === 0 && this.#steps.length === 0;
  }

  /** Appends a batch. `deadline` is by Clock.monotonic(). Batches are appended in the order of these calls. */
  append(batch: BatchToAppend, deadline: number): Promise<AppendResult> {
    return new Promise((resolve) => {
      const settle = (result: AppendResult) => {
        batch.onResult?.(result);
        resolve(result);
      };
      this.#waiting.push({ batch, deadline, settle, position: 0 });
      this.#waitingBytes += batch.bytes.length;
      this.#rate.add(batch.bytes.length, this.#journal.env.clock.monotonic());
      this.#setAlarm(deadline);
      this.#gather();
    });
  }

  /** Appends a control entry after what was asked for before. See Appender.commitEntry. */
  appendEntry(make: EntryMaker, deadline: number): Promise<'written' | 'nothing' | 'timedOut'> {
    return new Promise((resolve, reject) => {
      this.#stageWaiting();
      this.#steps.push({
        kind: 'entry',
        run: () => this.#appender.commitEntry(make, deadline).then(resolve, reject),
        deadline,
        expire: () => resolve('timedOut'),
      });
      this.#setAlarm(deadline);
      this.#pump();
    });
  }

  /** Goes on at once, or where requests come by the bunch, when the bunch is there. */
  #gather(): void {
    const { gatherMs, clock } = this.#journal.env;
    if (gatherMs === undefined || this.#running) {
      this.#pump();
      return;
    }
    if (this.#gathering) return;
    this.#gathering = true;
    clock.setTimer(gatherMs, () => {
      this.#gathering = false;
      this.#pump();
    });
  }

  #pump(): void {
    this.#stage();
    if (!this.#running && this.#steps.length > 0) {
      this.#running = true;
      void this.#run();
    }
  }

  async #run(): Promise<void> {
    for (let step = this.#steps[0]; step !== undefined; step = this.#steps[0]) {
      if (step.kind === 'entry') await step.run();
      else await this.#commit(step.group);
      this.#steps.shift();
      this.#stage();
    }
    this.#running = false;
    if (!this.idle) return;
    this.#cancelAlarm();
    this.#alarmAt = Number.POSITIVE_INFINITY;
  }

  async #commit(group: Group): Promise<void> {
    try {
      await this.#appender.commit(group);
    } catch (error) {
      const { logger } = this.#journal.env;
      logger.log('error', { event: 'append_failed', journal: this.#journal.id, message: String(error) });
      group.fail('KAFKA_STORAGE_ERROR', 'the journal cannot be appended to');
    }
  }

  /** Moves waiting batches on where they have a place. */
  #stage(): void {
    if (this.#waiting.length === 0) return;
    const { tier: limits, clock, wal } = this.#journal.env;
    // Told again of what waits by now, the writer may find that it has enough for an object.
    if (this.#objectRequested) {
      wal.request(this.#walSource);
      return;
    }
    if (this.#steps.length > 0) {
      if (this.#waitingBytes < AHEAD_BYTES_MIN || this.#steps.length >= GROUPS_AHEAD_MAX) return;
    }
    this.#tier = nextTier(this.#tier, this.#rate.perSecond(clock.monotonic()), limits);
    if (this.#tier === 'inline' && this.#waitingBytes <= limits.inlineMaxBytes) {
      this.#steps.push({ kind: 'group', group: this.#takeGroup() });
    } else {
      this.#objectRequested = true;
      wal.request(this.#walSource);
    }
  }

  /** Moves all waiting batches on, so that a control entry comes after them. */
  #stageWaiting(): void {
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      if (
        group.requests.reduce((sum, one) => sum + one.batch.bytes.length, 0) > this.#journal.env.tier.inlineMaxBytes
      ) {
        group.storeAgain(this.#journal);
      }
      this.#steps.push({ kind: 'group', group });
    }
  }

  #takeGroup(): Group {
    let bytes = 0;
    let count = 0;
    for (const { batch } of this.#waiting) {
      const fits = count < GROUP_BATCHES_MAX && bytes + batch.bytes.length <= GROUP_BYTES_MAX;
      if (!fits && count > 0) break;
      bytes += batch.bytes.length;
      count += 1;
    }
    this.#waitingBytes -= bytes;
    return new Group(this.#waiting.splice(0, count));
  }

  #setAlarm(deadline: number): void {
    if (deadline >= this.#alarmAt) return;
    const { clock } = this.#journal.env;
    this.#cancelAlarm();
    this.#alarmAt = deadline;
    const delay = Math.min(Math.max(1, Math.ceil(deadline - clock.monotonic())), ALARM_MAX_MS);
    this.#cancelAlarm = clock.setTimer(delay, () => this.#expire());
  }

  /** Answers whoever cannot wait longer, wherever it is held up: by a store that is silent, or behind those who wait for it. */
  #expire(): void {
    const now = this.#journal.env.clock.monotonic();
    this.#alarmAt = Number.POSITIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    for (const step of this.#steps) {
      if (step.kind === 'group') {
        step.group.expire(now);
        for (const { deadline } of step.group.requests) next = Math.min(next, deadline);
      } else if (step.deadline <= now) {
        step.expire();
      } else {
        next = Math.min(next, step.deadline);
      }
    }
    this.#waiting = expireRequests(this.#waiting, now);
    this.#waitingBytes = 0;
    for (const { batch, deadline } of this.#waiting) {
      this.#waitingBytes += batch.bytes.length;
      next = Math.min(next, deadline);
    }
    this.#setAlarm(next);
  }

  #takeForObject(): { chunks: Buffer[]; done: (outcome: WalOutcome) => void } {
    this.#objectRequested = false;
    const group = this.#takeGroup();
    if (group.requests.length === 0) return { chunks: [], done: () => {} };
    let done: (outcome: WalOutcome) => void = () => {};
    group.object = new Promise((resolve) => {
      done = resolve;
    });
    const chunks = group.chunks();
    this.#steps.push({ kind: 'group', group });
    this.#pump();
    return { chunks, done };
  }
}
