import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { type Random, randomInt } from '../core/random.ts';
import type { EffectiveTopicConfig } from '../core/topic-config.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { UnreadableItems } from '../kit/unreadable-items.ts';
import { reportFailure } from '../segments/report-failure.ts';
import { decideSeal } from '../segments/seal-span.ts';
import { topicIdOf } from '../storage/items/journal-entry.ts';
import { type StoreTime, StoreUnavailableError } from '../storage/ports.ts';
import type { Engine } from './compose.ts';
import type { TransactionEngine } from './compose-transactions.ts';
import { sealLimits } from './segment-limits.ts';
import type { SegmentWork } from './segment-work.ts';

/**
 * How often the open journals are looked at for a seal that is due by size; ms. The look makes no
 * request. In this time a process that takes 100 MB/s writes little more than one seal's worth.
 */
const SEAL_EVERY_MS = 1_000;

/** A sweep of the due list ends after this time, and the next one goes on; ms. */
const SWEEP_MS_MAX = 5 * 60 * 1000;

export interface SegmentScheduleOptions {
  readonly engine: TransactionEngine;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** log.retention.check.interval.ms. */
  readonly checkEveryMs: number;
}

/**
 * Looks after sealed history in a long-running process. Seals the journals that this process leads
 * as they grow, and looks at what is due every `checkEveryMs`, at first after a random part of it, so
 * that the processes of a fleet do not do so at the same time. Returns a function that ends it; work
 * in progress ends at its next step.
 */
export function scheduleSegments(options: SegmentScheduleOptions): () => void {
  const { engine, clock, random, logger, checkEveryMs } = options;
  const { admin, transactions } = engine.broker;
  const timers = new Map<string, () => void>();
  let isOver = false;
  let work: Promise<SegmentWork> | undefined;
  // Not at the start, so that the start does not wait for it.
  const load = () => {
    work ??= import('./segment-work.ts').then(
      ({ SegmentWork }) => new SegmentWork(admin, engine.segments, transactions),
    );
    return work;
  };
  /** What cannot be read stays due. It is tried again as often as the due list says; store time, ms. */
  const notBefore = new WeakMap<OpenJournal, StoreTime>();
  const seal = async () => {
    for (const { open, config } of grown(engine)) {
      if (isOver) return;
      if (open.journal.env.stores.journal.now() < (notBefore.get(open) ?? 0)) continue;
      const { next, counts } = await (await load()).seal(open, config, clock.monotonic() + SWEEP_MS_MAX);
      if (counts?.unreadable !== undefined && next !== undefined) notBefore.set(open, next);
    }
  };
  const unreadable = new UnreadableItems(logger);
  let cursor: string | undefined;
  const sweep = async () => {
    const swept = await (await load()).sweep(unreadable, cursor, clock.monotonic() + SWEEP_MS_MAX);
    cursor = swept.cursor;
    const { looked } = swept.counts;
    if (looked !== 0) logger.log('info', { event: 'segments', summary: JSON.stringify(swept.counts) });
  };
  const repeat = (name: string, everyMs: number, firstMs: number, run: () => Promise<void>) => {
    const again = (ms: number) =>
      timers.set(
        name,
        clock.setTimer(ms, () => void once()),
      );
    const once = async () => {
      await run().catch((error: unknown) => reportFailed(engine, logger, error));
      if (!isOver) again(everyMs);
    };
    again(firstMs);
  };
  repeat('seal', SEAL_EVERY_MS, SEAL_EVERY_MS, seal);
  repeat('sweep', checkEveryMs, randomInt(random, 0, checkEveryMs) + 1, sweep);
  return () => {
    isOver = true;
    for (const cancel of timers.values()) cancel();
  };
}

/** The open journals for which a seal is due and that this process leads. Reads nothing. */
function grown({ broker: { admin, leadership }, segments }: Engine) {
  const due: { open: OpenJournal; config: EffectiveTopicConfig }[] = [];
  for (const open of admin.journals.opened()) {
    const { view, id, env } = open.journal;
    const config = admin.topics.recall(topicIdOf(id))?.config;
    if (config === undefined || leadership.peek(open) === undefined) continue;
    if (decideSeal(view, sealLimits(config, segments), env.stores.journal.now()) === undefined) continue;
    due.push({ open, config });
  }
  return due;
}

function reportFailed({ broker }: Engine, logger: Logger, error: unknown): void {
  const isSilent = error instanceof StoreUnavailableError;
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const message = isSilent ? error.message : stack;
  const { observer } = broker.admin.journals.env;
  reportFailure({ logger, observer }, isSilent ? 'warn' : 'error', { event: 'segments_failed', message });
}
