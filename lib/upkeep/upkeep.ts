import { MalformedBytesError } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { newNonce } from '../core/nonce.ts';
import type { Random } from '../core/random.ts';
import type { UnreadableItems } from '../kit/unreadable-items.ts';
import { decodeUpkeepCursor, encodeUpkeepCursor, upkeepCursorSk } from '../storage/items/upkeep-cursor.ts';
import {
  decodeUpkeepRunner,
  encodeUpkeepRunner,
  UPKEEP_PK,
  UPKEEP_RUNNER_SK,
  type UpkeepRunner,
} from '../storage/items/upkeep-runner.ts';
import { type Item, type ItemStore, type PutCondition, StoreUnavailableError } from '../storage/ports.ts';
import { putItem, type SettledPut } from '../storage/put-item.ts';
import type { JobStep, UpkeepJob } from './job.ts';

export interface UpkeepEnvironment {
  readonly state: ItemStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly unreadable: UnreadableItems;
}

export interface RoundOptions {
  /** Clock.monotonic() by which the round is to end. */
  readonly deadline: number;
  /** Nothing is done where a complete round began less than this ago, in whatever process; ms. */
  readonly everyMs: number;
}

export interface JobSummary {
  /** Whether it got to the end; else the next round goes on where this one stopped. */
  readonly isComplete: boolean;
  /** Why it stopped, where it failed. */
  readonly failed?: string;
  readonly [count: string]: number | boolean | string | undefined;
}

export type RoundOutcome =
  | { readonly kind: 'skipped'; readonly why: string }
  | {
      readonly kind: 'ran';
      readonly jobs: Readonly<Record<string, JobSummary>>;
      readonly isComplete: boolean;
      /** What the store said to a job that failed for it. */
      readonly unavailable: string | undefined;
    };

/** How often a job's cursor is written while it works; what is done twice after a crash is at most this long; ms. */
const STEP_MS_MAX = 30_000;

/** What a round may take beyond its deadline: the one item that a job is at, with the retries of its calls; ms. */
const OVERTIME_MS = 60_000;

/**
 * No round takes longer; a function of Lambda lives for a quarter of an hour. A stored time that is further in the future was
 * written while the store's clock was wrong (an embedded store has the machine's), and counts for nothing; ms.
 */
const ROUND_MS_MAX = 30 * 60_000;

/** Rounds of one process are as far apart as `everyMs` by its own clock, and may be a little less by the store's; ms. */
const EARLY_MS = 60_000;

/**
 * The upkeep of a deployment: jobs apart from each other, each with a cursor that is kept in an item, done by one process at a time.
 * Who does it is decided by a conditional put on one item.
 */
export class Upkeep {
  readonly #env: UpkeepEnvironment;
  readonly #jobs: readonly UpkeepJob[];

  constructor(env: UpkeepEnvironment, jobs: readonly UpkeepJob[]) {
    this.#env = env;
    this.#jobs = jobs;
  }

  /** Does what is due, unless another process does. Throws StoreUnavailableError where nothing could be begun. */
  async round({ deadline, everyMs }: RoundOptions): Promise<RoundOutcome> {
    const { state, clock, random } = this.#env;
    const items = await this.#readItems();
    const found = items.get(UPKEEP_RUNNER_SK);
    const last = found === undefined ? NOBODY : this.#decode(found, decodeUpkeepRunner);
    if (last === 'unreadable') return { kind: 'skipped', why: 'a newer program does it' };
    const now = state.now();
    if (now < last.until && last.until <= now + ROUND_MS_MAX)
      return { kind: 'skipped', why: 'another process does it' };
    const isDoneBefore = last.completedAt <= now + ROUND_MS_MAX;
    if (isDoneBefore && now < last.completedAt + everyMs - EARLY_MS) {
      return { kind: 'skipped', why: 'it was done lately' };
    }
    const endsAt = Math.min(deadline, clock.monotonic() + ROUND_MS_MAX - OVERTIME_MS);
    const leftMs = Math.max(0, endsAt - clock.monotonic());
    const mine: UpkeepRunner = { ...last, holder: newNonce(random), until: Math.floor(now + leftMs + OVERTIME_MS) };
    const put = await this.#put(UPKEEP_RUNNER_SK, encodeUpkeepRunner(mine), found);
    if (put.kind === 'conflict') return { kind: 'skipped', why: 'another process does it' };
    if (put.kind !== 'committed') throw new StoreUnavailableError(`the upkeep was not begun: ${put.message}`);
    const ran = await this.#runAll(items, endsAt);
    const completedBefore = isDoneBefore ? last.completedAt : 0;
    const ended = { ...mine, until: 0, completedAt: ran.isComplete ? Math.floor(now) : completedBefore };
    // Where it does not get there, the time of the round goes by.
    await this.#put(UPKEEP_RUNNER_SK, encodeUpkeepRunner(ended), put.item);
    return { kind: 'ran', ...ran };
  }

  async #runAll(items: ReadonlyMap<string, Item>, deadline: number) {
    const { clock, logger } = this.#env;
    const jobs: Record<string, JobSummary> = {};
    let unavailable: string | undefined;
    for (const [at, job] of this.#jobs.entries()) {
      // What a job leaves of its share goes to the next ones.
      const shareMs = Math.max(0, deadline - clock.monotonic()) / (this.#jobs.length - at);
      const progress = new Progress();
      try {
        await this.#run(job, items.get(upkeepCursorSk(job.name)), clock.monotonic() + shareMs, progress);
      } catch (error) {
        const isSilent = error instanceof StoreUnavailableError;
        progress.failed = error instanceof Error ? error.message : String(error);
        if (isSilent) unavailable ??= progress.failed;
        const message = !isSilent && error instanceof Error ? error.stack : progress.failed;
        logger.log(isSilent ? 'warn' : 'error', { event: 'upkeep_job_failed', job: job.name, message });
      }
      jobs[job.name] = progress.summary();
    }
    return { jobs, isComplete: Object.values(jobs).every(({ isComplete }) => isComplete), unavailable };
  }

  async #run(job: UpkeepJob, stored: Item | undefined, deadline: number, progress: Progress): Promise<void> {
    const { clock } = this.#env;
    const sk = upkeepCursorSk(job.name);
    let item = stored;
    const decoded = item === undefined ? BEGINNING : this.#decode(item, decodeUpkeepCursor);
    if (decoded === 'unreadable') return;
    let { cursor } = decoded;
    do {
      const step = await job.step(cursor, Math.min(deadline, clock.monotonic() + STEP_MS_MAX));
      progress.add(step);
      if (step.cursor !== cursor) {
        const put = await this.#put(sk, encodeUpkeepCursor(step), item);
        if (put.kind === 'conflict') throw new StoreUnavailableError('another process does the same');
        if (put.kind !== 'committed') throw new StoreUnavailableError(`the cursor was not kept: ${put.message}`);
        item = put.item;
        cursor = step.cursor;
      }
    } while (!progress.isComplete && clock.monotonic() < deadline);
  }

  async #readItems(): Promise<ReadonlyMap<string, Item>> {
    const { items } = await this.#env.state.query({ pk: UPKEEP_PK, consistent: true });
    return new Map(items.map((item) => [item.sk, item]));
  }

  #decode<T>(item: Item, decode: (body: Buffer) => T): T | 'unreadable' {
    try {
      return decode(item.body);
    } catch (error) {
      if (!(error instanceof MalformedBytesError)) throw error;
      this.#env.unreadable.passOver(`${item.pk}/${item.sk}`, error);
      return 'unreadable';
    }
  }

  /** Puts an item in the place of `found`. */
  async #put(sk: string, body: Buffer, found: Item | undefined): Promise<SettledPut & { readonly item: Item }> {
    const { state, clock, random } = this.#env;
    const version = Math.max(Math.floor(state.now()), (found?.version ?? 0) + 1);
    const item: Item = { pk: UPKEEP_PK, sk, version, nonce: newNonce(random), body };
    const condition: PutCondition =
      found === undefined ? { kind: 'absent' } : { kind: 'version', version: found.version };
    return { ...(await putItem(state, item, condition, clock, random)), item };
  }
}

const NOBODY: UpkeepRunner = { holder: '', until: 0, completedAt: 0 };
const BEGINNING = { cursor: undefined };

class Progress {
  isComplete = false;
  failed: string | undefined;
  readonly #counts: Record<string, number> = {};

  add({ counts, isComplete }: JobStep): void {
    for (const [name, count] of Object.entries(counts)) this.#counts[name] = (this.#counts[name] ?? 0) + count;
    this.isComplete = isComplete;
  }

  summary(): JobSummary {
    const { isComplete, failed } = this;
    return { ...this.#counts, isComplete: isComplete && failed === undefined, ...(failed !== undefined && { failed }) };
  }
}
