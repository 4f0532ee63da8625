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
  /** When the round should end, Clock.monotonic(), ms. */
  readonly deadline: number;
  /** No round starts if a complete round of any process started less than this ago; ms. */
  readonly everyMs: number;
}

export interface JobSummary {
  /** True if the job reached the end; otherwise the next round continues where this one stopped. */
  readonly isComplete: boolean;
  /** Why the job failed, if it did. */
  readonly failed?: string;
  readonly [count: string]: number | boolean | string | undefined;
}

export type RoundOutcome =
  | { readonly kind: 'skipped'; readonly why: string }
  | {
      readonly kind: 'ran';
      readonly jobs: Readonly<Record<string, JobSummary>>;
      readonly isComplete: boolean;
      /** The store's error, if that is why the job failed. */
      readonly unavailable: string | undefined;
    };

/** How often a job's cursor is written, ms. After a crash at most this much work is repeated. */
const STEP_MS_MAX = 30_000;

/**
 * How far a round may exceed its deadline, ms: the one item in progress, with the retries of its
 * calls.
 */
const OVERTIME_MS = 60_000;

/**
 * The longest round, ms; a Lambda function runs for at most 15 minutes. A stored time further in
 * the future was written while the store's clock was wrong (an embedded store uses the machine's)
 * and is ignored.
 */
const ROUND_MS_MAX = 30 * 60_000;

/**
 * Tolerance, ms: rounds of one process are `everyMs` apart by its own clock, and may be slightly
 * closer by the store's.
 */
const EARLY_MS = 60_000;

/**
 * The upkeep of a deployment: independent jobs, each with a cursor in an item, run by one process
 * at a time. A conditional put on one item decides which process.
 */
export class Upkeep {
  readonly #env: UpkeepEnvironment;
  readonly #jobs: readonly UpkeepJob[];
  readonly #runnerSk: string;

  /** @param runnerSk the item that decides which process runs these jobs */
  constructor(env: UpkeepEnvironment, jobs: readonly UpkeepJob[], runnerSk = UPKEEP_RUNNER_SK) {
    this.#env = env;
    this.#jobs = jobs;
    this.#runnerSk = runnerSk;
  }

  /**
   * Runs the jobs that are due, unless another process does. Throws StoreUnavailableError if no job
   * could start.
   */
  async round({ deadline, everyMs }: RoundOptions): Promise<RoundOutcome> {
    const { state, clock, random } = this.#env;
    const items = await this.#readItems();
    const found = items.get(this.#runnerSk);
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
    const put = await this.#put(this.#runnerSk, encodeUpkeepRunner(mine), found);
    if (put.kind === 'conflict') return { kind: 'skipped', why: 'another process does it' };
    if (put.kind !== 'committed') throw new StoreUnavailableError(`the upkeep was not begun: ${put.message}`);
    const ran = await this.#runAll(items, endsAt);
    const completedBefore = isDoneBefore ? last.completedAt : 0;
    const ended = { ...mine, until: 0, completedAt: ran.isComplete ? Math.floor(now) : completedBefore };
    // If this write fails, the claim expires when the round's time is over.
    await this.#put(this.#runnerSk, encodeUpkeepRunner(ended), put.item);
    return { kind: 'ran', ...ran };
  }

  async #runAll(items: ReadonlyMap<string, Item>, deadline: number) {
    const { clock, logger } = this.#env;
    const jobs: Record<string, JobSummary> = {};
    let unavailable: string | undefined;
    for (const [at, job] of this.#jobs.entries()) {
      // Time that a job does not use is available to the next ones.
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
      this.#env.unreadable.skip(`${item.pk}/${item.sk}`, error);
      return 'unreadable';
    }
  }

  /** Replaces the item `found`. */
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
