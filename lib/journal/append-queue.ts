import type { Appender, EntryMaker } from './append.ts';
import type { BatchToAppend } from './decide-append.ts';
import { type AppendResult, Group, type Request } from './group.ts';
import type { Journal } from './journal.ts';
import { nextTier, RateMeter, type Tier } from './tier.ts';
import type { WalOutcome, WalSource } from './wal.ts';

/** Batches in one entry; keeps an entry's list of batches far below the limit of an item. */
const GROUP_BATCHES_MAX = 1_000;
/** Groups whose bytes are on their way to a WAL object while an earlier group commits. */
const GROUPS_AHEAD_MAX = 3;
/** Bytes that have to wait before the next object is begun while a group is still on its way. */
const AHEAD_BYTES_MIN = 256 * 1024;

type Step =
  | { readonly kind: 'group'; readonly group: Group }
  | { readonly kind: 'entry'; readonly run: () => Promise<void> };

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
  #objectRequested = false;
  readonly #walSource: WalSource;

  constructor(journal: Journal, appender: Appender) {
    this.#journal = journal;
    this.#appender = appender;
    const queue = this;
    this.#walSource = {
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
    return new Promise((settle) => {
      this.#waiting.push({ batch, deadline, settle, position: 0 });
      this.#waitingBytes += batch.bytes.length;
      this.#rate.add(batch.bytes.length, this.#journal.env.clock.monotonic());
      this.#pump();
    });
  }

  /** Appends a control entry after what was asked for before. See Appender.commitEntry. */
  appendEntry(make: EntryMaker, deadline: number): Promise<'written' | 'nothing' | 'timedOut'> {
    return new Promise((resolve, reject) => {
      this.#stageWaiting();
      this.#steps.push({
        kind: 'entry',
        run: () => this.#appender.commitEntry(make, deadline).then(resolve, reject),
      });
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
    if (this.#waiting.length === 0 || this.#objectRequested) return;
    const { tier: limits, clock, wal } = this.#journal.env;
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
        group.storeAgain(this.#journal.env.wal);
      }
      this.#steps.push({ kind: 'group', group });
    }
  }

  #takeGroup(): Group {
    const requests = this.#waiting.splice(0, GROUP_BATCHES_MAX);
    for (const request of requests) this.#waitingBytes -= request.batch.bytes.length;
    return new Group(requests);
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
