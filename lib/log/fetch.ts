import { sleep } from '../core/clock.ts';
import type { Advice, RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import type { Offset } from '../core/offset.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { isUnreadable } from '../journal/read.ts';
import { each } from '../kit/each.ts';
import { topicIdOf } from '../storage/items/journal-entry.ts';
import { TopicAccess } from './access.ts';
import { delayedFetch } from './delayed-fetch.ts';
import type { ReadEnvironment } from './environment.ts';
import { findPartition } from './find-partition.ts';
import { lead } from './leading.ts';
import { fetchNoRecords } from './no-records.ts';
import type { TopicReference } from './partitions.ts';
import type { FetchedPartition, IsolationLevel, PartitionToRead } from './read-partitions.ts';

export interface PartitionToFetch {
  readonly topic: TopicReference;
  readonly partition: number;
  readonly offset: Offset;
  /**
   * Limit for this partition; bytes. Its first batch may exceed it if it is the first of the
   * response. May be negative.
   */
  readonly maxBytes: number;
  /** The leader epoch that the client knows; -1 for none. */
  readonly currentLeaderEpoch: number;
}

export interface FetchTerms {
  readonly isolation: IsolationLevel;
  /** Minimum bytes to wait for, at most `maxWaitMs`. */
  readonly minBytes: number;
  /** Maximum wait for `minBytes`; ms. */
  readonly maxWaitMs: number;
  /**
   * How long the request has already waited, before it was sent back to its sender
   * (RequestContext.again); ms.
   */
  readonly waitedMs: number;
  /**
   * Limit over all partitions; bytes. The first batch of the first partition with data may exceed
   * it. May be negative.
   */
  readonly maxBytes: number;
}

/** The outcome for one partition. */
export type FetchOutcome =
  | { readonly kind: 'read'; readonly fetched: FetchedPartition }
  /**
   * It may exist, but cannot be read here for now. `reason`: why the store could not be read, for
   * operators.
   */
  | { readonly kind: 'failed'; readonly error: ErrorName; readonly reason?: string }
  /** It does not exist, or the client may not read it. */
  | { readonly kind: 'absent'; readonly error: ErrorName };

/**
 * `outcomes` are in the order of the request. `sentAway`: there is not enough data yet, and the
 * sender has to repeat the request (RequestContext.again); `waitedMs` is the time that the request
 * has waited so far. `hasData`: a part of what it waits for is there.
 */
export type FetchResult =
  | { readonly kind: 'fetched'; readonly outcomes: readonly FetchOutcome[] }
  | {
      readonly kind: 'sentAway';
      readonly waitedMs: number;
      readonly outcomes: readonly FetchOutcome[];
      readonly hasData: boolean;
    };

/**
 * Partitions of one request looked up at the same time. In a cold process each may take several
 * reads.
 */
const RESOLVED_AT_ONCE_MAX = 64;

/** See Log.fetch. */
export async function fetch(
  env: ReadEnvironment,
  context: RequestContext,
  partitions: readonly PartitionToFetch[],
  terms: FetchTerms,
): Promise<FetchResult> {
  const { clock, readBudget: budget, segments, heldReaders } = env;
  const { isolation, maxBytes } = terms;
  const began = clock.monotonic() - terms.waitedMs;
  const targets = await targetsOf(env, context, partitions, isolation);
  const open: PartitionToRead[] = [];
  let failed = false;
  for (const target of targets) {
    if (target.kind === 'open') open.push(target.partition);
    else failed ||= target.kind === 'failed' || (target.kind === 'read' && target.fetched.error !== 'NONE');
  }
  const hasEmpty = targets.some(({ kind }) => kind === 'read');
  const waitsUntil = failed ? began : began + Math.max(0, terms.maxWaitMs);
  const minBytes = failed ? 0 : terms.minBytes;
  const away = context.again?.signal;
  const deadline = Math.min(waitsUntil, context.deadline);
  const signal = away === undefined ? context.signal : AbortSignal.any([context.signal, away]);
  const limits = { minBytes, maxBytes, isolation, deadline, signal, budget, segments, heldReaders };
  const fetched = await delayedFetch(open, limits);
  // Partitions without a journal never have records. A client that fetches only those must not poll
  // without a pause.
  const left = deadline - clock.monotonic();
  if (open.length === 0 && hasEmpty && minBytes > 0 && left > 0) await sleep(clock, left, signal);
  const answerable =
    failed ||
    (open.length === 0 && !hasEmpty) ||
    fetched.some((one) => one.error !== 'NONE') ||
    readable(fetched) >= Math.min(minBytes, maxBytes);
  let next = 0;
  const outcomes = targets.map(
    (target): FetchOutcome => (target.kind === 'open' ? { kind: 'read', fetched: fetched[next++]! } : target),
  );
  if (away?.aborted === true && !answerable && clock.monotonic() < waitsUntil) {
    const advice = context.again?.advice;
    if (advice !== undefined) {
      const lookInMs = isolation === 'read_committed' ? await heldReaders.lookedIn(open) : Number.POSITIVE_INFINITY;
      advise(advice, env, open, lookInMs);
    }
    const waitedMs = clock.monotonic() - began;
    return { kind: 'sentAway', waitedMs, outcomes, hasData: readable(fetched) > 0 };
  }
  return { kind: 'fetched', outcomes };
}

/** The interval of questions is the time since the last entry divided by this, as that of Tail. */
const AGE_DIVISOR = 20;

/** The age of a journal that nothing is waited for in, or that is older; ms. */
const AGE_MAX_MS = 24 * 60 * 60 * 1000;

/**
 * Tells the sender which journals the request waits for, how long nothing has come there, and, if the
 * request is held up by a transaction, when that is to be looked at again (`lookInMs`).
 */
function advise(
  advice: Advice,
  { partitions }: ReadEnvironment,
  open: readonly PartitionToRead[],
  lookInMs: number,
): void {
  const journals = [...new Set(open.map(({ open: { journal } }) => journal))];
  const ids = [...new Set(journals.map(({ id }) => topicIdOf(id)))];
  // Producers may name a topic otherwise than this request does.
  advice.about = ids.flatMap((id) => [id, partitions.peekTopic({ id })?.record.name ?? id]);
  advice.tails = journals.map(({ id, view }) => ({ journal: id, seq: view.seq }));
  const ages = journals.map(({ env, view }) => env.stores.journal.now() - view.time);
  advice.afterMs = Math.max(0, Math.floor(Math.min(AGE_MAX_MS, ...ages) / AGE_DIVISOR));
  if (lookInMs !== Number.POSITIVE_INFINITY) advice.withinMs = Math.max(0, Math.ceil(lookInMs));
}

function readable(fetched: readonly FetchedPartition[]): number {
  return fetched.reduce((sum, one) => sum + one.readable, 0);
}

/**
 * A partition to read, or its outcome: an error, or the answer for a partition without a journal.
 */
type Target = { readonly kind: 'open'; readonly partition: PartitionToRead } | FetchOutcome;

/** Uses memory where it can. The other partitions are looked up concurrently. */
async function targetsOf(
  env: ReadEnvironment,
  context: RequestContext,
  partitions: readonly PartitionToFetch[],
  isolation: IsolationLevel,
): Promise<readonly Target[]> {
  const access = new TopicAccess(env, context, 'READ', partitions);
  const targets = partitions.map((one) => peekTarget(env, access, one));
  if (!targets.includes(undefined)) return targets as Target[];
  return each({ atOnce: RESOLVED_AT_ONCE_MAX }, [...targets.entries()], async ([at, known]) => {
    return known ?? findTarget(env, access, partitions[at]!, isolation);
  });
}

function peekTarget(env: ReadEnvironment, access: TopicAccess, asked: PartitionToFetch): Target | undefined {
  const found = env.partitions.peek(asked.topic, asked.partition);
  if (found === undefined || access.peek(found.topic.record.name) !== true) return undefined;
  const leads = env.leadership.peek(found.open);
  return leads && openTarget(found.open, leads.epoch, asked);
}

async function findTarget(
  env: ReadEnvironment,
  access: TopicAccess,
  asked: PartitionToFetch,
  isolation: IsolationLevel,
): Promise<Target> {
  try {
    const found = await findPartition(env.partitions, access, asked.topic, asked.partition);
    if (found.kind === 'failed') return { kind: 'absent', error: found.error };
    if (found.kind === 'internal') {
      return { kind: 'read', fetched: fetchNoRecords(asked.offset, asked.currentLeaderEpoch, isolation) };
    }
    const led = await lead(env.leadership, found.open);
    return led.kind === 'leads' ? openTarget(found.open, led.epoch, asked) : led;
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return { kind: 'failed', error: 'KAFKA_STORAGE_ERROR', reason: error.message };
  }
}

function openTarget(
  open: OpenJournal,
  leaderEpoch: number | undefined,
  { partition, offset, maxBytes, currentLeaderEpoch }: PartitionToFetch,
): Target {
  return { kind: 'open', partition: { open, leaderEpoch, partition, offset, maxBytes, currentLeaderEpoch } };
}
