import type { RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import { NO_OFFSET, type Offset } from '../core/offset.ts';
import type { LogStartEntry } from '../journal/entry.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { isUnreadable } from '../journal/read.ts';
import type { JournalView } from '../journal/view.ts';
import { each } from '../kit/each.ts';
import type { StoreTime } from '../storage/ports.ts';
import { TopicAccess } from './access.ts';
import type { PartitionsEnvironment } from './environment.ts';
import { findPartition } from './find-partition.ts';
import { lead } from './leading.ts';
import type { TopicReference } from './partitions.ts';

/** A request to delete the records of a partition below an offset. */
export interface RecordsToDelete {
  readonly topic: TopicReference;
  readonly partition: number;
  /** `end`: all records, up to the high watermark. */
  readonly before: Offset | 'end';
}

export interface DeletedRecords {
  readonly error: ErrorName;
  /** Why the store could not be read or written, for operators. */
  readonly reason?: string | undefined;
  /** The log start offset afterwards; NO_OFFSET with an error. */
  readonly lowWatermark: Offset;
}

/**
 * Minimum time-out. Kafka answers at once when there is one replica; with a shorter time-out the
 * answer would be REQUEST_TIMED_OUT before the store can answer; ms.
 */
const TIMEOUT_MIN_MS = 1_000;

/** A partition whose log start is to be raised. */
interface Target {
  readonly open: OpenJournal;
  /** The leader epoch that the journal must have; undefined for any. */
  readonly epoch: number | undefined;
  readonly partition: number;
  readonly before: Offset | 'end';
  /** Its position in the request. */
  readonly at: number;
}

/**
 * See Log.deleteRecords. One entry raises the log starts of all partitions of a journal.
 *
 * @param timeoutMs how long the client waits for the response; ms
 */
export async function deleteRecords(
  env: PartitionsEnvironment,
  context: RequestContext,
  asked: readonly RecordsToDelete[],
  timeoutMs: number,
): Promise<DeletedRecords[]> {
  const timeout = Math.max(timeoutMs, TIMEOUT_MIN_MS);
  const deadline = Math.min(env.clock.monotonic() + timeout, context.deadline);
  const access = new TopicAccess(env, context, 'DELETE', asked);
  const found = await each(env, asked, (one) => findTarget(env, access, one));
  const results: DeletedRecords[] = [];
  const byJournal = new Map<OpenJournal, Target[]>();
  for (const [at, one] of found.entries()) {
    if ('error' in one) {
      results[at] = one;
      continue;
    }
    const targets = byJournal.get(one.open);
    const target = { ...one, at };
    if (targets === undefined) byJournal.set(one.open, [target]);
    else targets.push(target);
  }
  await each(env, [...byJournal], async ([open, targets]) => {
    const answers = await raiseLogStarts(open, targets, deadline);
    for (const [index, { at }] of targets.entries()) results[at] = answers[index]!;
  });
  return results;
}

async function findTarget(
  { partitions, leadership }: PartitionsEnvironment,
  access: TopicAccess,
  { topic, partition, before }: RecordsToDelete,
): Promise<Omit<Target, 'at'> | DeletedRecords> {
  try {
    const found = await findPartition(partitions, access, topic, partition);
    if (found.kind === 'failed') return notDeleted(found.error);
    if (found.kind === 'internal') return notDeleted('INVALID_TOPIC_EXCEPTION');
    const led = await lead(leadership, found.open);
    if (led.kind === 'failed') return notDeleted(led.error);
    if (!found.topic.config.deletes) return notDeleted('POLICY_VIOLATION');
    return { open: found.open, epoch: led.epoch, partition, before };
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return notDeleted('KAFKA_STORAGE_ERROR', error.message);
  }
}

async function raiseLogStarts(
  { journal, writer }: OpenJournal,
  targets: readonly Target[],
  deadline: number,
): Promise<DeletedRecords[]> {
  let answers: DeletedRecords[] = [];
  const make = (view: JournalView, time: StoreTime): LogStartEntry | undefined => {
    answers = targets.map((target) => decideDeletion(view, target));
    const starts = targets.flatMap(({ partition }, index) => {
      const { error, lowWatermark: offset } = answers[index]!;
      const isRaised = error === 'NONE' && offset > (view.partitions.get(partition)?.logStartOffset ?? 0);
      return isRaised ? [{ partition, offset }] : [];
    });
    return starts.length === 0 ? undefined : { kind: 'logStart', time, starts };
  };
  try {
    if (journal.view.sealedSeq >= 0) await journal.env.dueJournals?.raiseLogStart(journal.id);
    const outcome = await writer.appendEntry(make, deadline);
    return outcome === 'timedOut' ? targets.map(() => notDeleted('REQUEST_TIMED_OUT')) : answers;
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return targets.map(() => notDeleted('KAFKA_STORAGE_ERROR', error.message));
  }
}

/**
 * Decides the request for one partition on a confirmed view (Kafka: Partition.deleteRecordsOnLeader,
 * UnifiedLog.maybeIncrementLogStartOffset). An offset below the log start changes nothing.
 */
export function decideDeletion(
  view: JournalView,
  { epoch, partition: number, before }: Pick<Target, 'epoch' | 'partition' | 'before'>,
): DeletedRecords {
  if (view.closed) return notDeleted('UNKNOWN_TOPIC_OR_PARTITION');
  if (epoch !== undefined && epoch !== view.leaderEpoch) return notDeleted('NOT_LEADER_OR_FOLLOWER');
  const partition = view.partitions.get(number);
  const end = partition?.nextOffset ?? 0;
  const offset = before === 'end' ? end : before;
  if (offset < 0 || offset > end) return notDeleted('OFFSET_OUT_OF_RANGE');
  return { error: 'NONE', lowWatermark: Math.max(offset, partition?.logStartOffset ?? 0) };
}

function notDeleted(error: ErrorName, reason?: string): DeletedRecords {
  return { error, reason, lowWatermark: NO_OFFSET };
}
