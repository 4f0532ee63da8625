import { type Clock, sleep } from '../core/clock.ts';
import { each } from '../kit/each.ts';
import { UnreadableItems } from '../kit/unreadable-items.ts';
import type { LeftTransactions } from '../log/open-transactions.ts';
import { SEAL_RUNNER_SK } from '../storage/items/upkeep-runner.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import { type JobSummary, Upkeep } from '../upkeep/upkeep.ts';
import type { Engine } from './compose.ts';
import { SegmentWork } from './segment-work.ts';
import { walJob } from './wal-job.ts';

/**
 * Longest round; ms. If the process dies, no other one takes over for this time and the minute that
 * a claim lasts longer than its round.
 */
const ROUND_MS_MAX = 4 * 60_000;

/**
 * What is due within this time is waited for: work that the end of a step interrupted is due again
 * after a second; ms.
 */
const AHEAD_MS = 1_000;

/** What was done, by job, over all rounds; or why nothing was. */
export type SealingSummary = Readonly<Record<string, JobSummary>> | { readonly skipped: string };

/**
 * The work on history in a process that does not stay up: `segments` looks at everything that is due
 * (SegmentWork), `wal` deletes WAL objects once an hour. One process of a deployment runs these jobs at
 * a time. Cursors are items, so that another call continues where this one ends.
 */
export class Sealing {
  readonly #clock: Clock;
  readonly #work: SegmentWork;
  readonly #upkeep: Upkeep;
  readonly #transactions: LeftTransactions;

  constructor(engine: Engine, transactions: LeftTransactions) {
    const { admin } = engine.broker;
    const { stores, clock, random, logger } = admin.journals.env;
    const unreadable = new UnreadableItems(logger);
    this.#clock = clock;
    this.#transactions = transactions;
    this.#work = new SegmentWork(admin, engine.segments, transactions);
    this.#upkeep = new Upkeep(
      { state: stores.state, clock, random, logger, unreadable },
      [
        { name: 'segments', step: (cursor, until) => this.#work.sweep(unreadable, cursor, until) },
        ...walJob(engine, unreadable),
      ],
      SEAL_RUNNER_SK,
    );
  }

  /**
   * Ends the transactions of these producers that hold up readers: finishes what is prepared, and
   * aborts what has timed out. Needs no claim, since any process may do it. Throws
   * StoreUnavailableError.
   */
  async endTransactions(producers: readonly number[]): Promise<{ readonly met: number; readonly open: number }> {
    const ends = await each({}, [...new Set(producers)], (producerId) => this.#transactions.meetProducer(producerId));
    return { met: ends.length, open: ends.filter((timesOutAt) => timesOutAt !== undefined).length };
  }

  /**
   * Works in rounds until nothing is due, or until `deadline` (Clock.monotonic(), ms). A process that
   * puts something on the due list and then finds that another one holds the claim may leave it to
   * that one: the list is read once more after the claim was given up. Throws StoreUnavailableError.
   */
  async run(deadline: number): Promise<SealingSummary> {
    const total: Record<string, JobSummary> = {};
    for (let isFirst = true; ; isFirst = false) {
      const until = Math.min(deadline, this.#clock.monotonic() + ROUND_MS_MAX);
      const outcome = await this.#upkeep.round({ deadline: until, everyMs: 0 });
      if (outcome.kind === 'skipped') return isFirst ? { skipped: outcome.why } : total;
      for (const [name, summary] of Object.entries(outcome.jobs)) total[name] = added(total[name], summary);
      if (outcome.unavailable !== undefined) throw new StoreUnavailableError(outcome.unavailable);
      if (this.#clock.monotonic() >= deadline || isStuck(outcome.jobs)) return total;
      if (outcome.isComplete) {
        if ((await this.#work.due.count(1, AHEAD_MS)) === 0) return total;
        await sleep(this.#clock, AHEAD_MS);
      }
    }
  }
}

/**
 * Whether another round would do no more: a job failed or cannot read its cursor, or nothing is due
 * but what cannot be looked at, which stays on the list.
 */
function isStuck({ segments, ...others }: Readonly<Record<string, JobSummary>>): boolean {
  const { looked, skipped, isComplete, failed } = segments!;
  if (failed !== undefined || (looked === skipped && (skipped !== 0 || !isComplete))) return true;
  return Object.values(others).some(({ failed }) => failed !== undefined);
}

/** Counts are summed up; the rest is that of the last round. */
function added(before: JobSummary | undefined, last: JobSummary): JobSummary {
  const total: Record<string, number | boolean | string | undefined> = { ...before };
  for (const [name, value] of Object.entries(last)) {
    total[name] = typeof value === 'number' ? value + Number(total[name] ?? 0) : value;
  }
  return { ...total, isComplete: last.isComplete };
}
