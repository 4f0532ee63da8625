import { MalformedBytesError } from '../core/bytes.ts';
import type { Offset } from '../core/offset.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { entriesFrom, lastStableOffset, type PartitionView } from '../journal/view.ts';
import { earliest } from '../kit/earliest.ts';
import { topicIdOf } from '../storage/items/journal-entry.ts';
import type { LiveSegment } from '../storage/items/segment.ts';
import type { StoreTime } from '../storage/ports.ts';
import { AbortedAhead } from './aborted-ahead.ts';
import { lastOfProducers } from './clean/active-producers.ts';
import { type CompactionConfig, cleanableSegments, isDue, oldEnoughAt, type SegmentFacts } from './clean/cleanable.ts';
import { groupSegments } from './clean/group-segments.ts';
import { OffsetMap } from './clean/offset-map.ts';
import { PassedTransactions } from './clean/transactions.ts';
import { type CleanedGroup, cleanGroup, type GroupPass } from './compact-group.ts';
import { mapSegments } from './compact-map.ts';
import type { CompactionEnvironment, CompactionLimits } from './compaction-environment.ts';
import { repairReplace, replaceSegments } from './replace.ts';
import { reportFailure } from './report-failure.ts';
import { batchWindows, firstTimestamp, SegmentGoneError, transactionsOf } from './segment-batches.ts';

/** `max.compaction.lag.ms` by default, which means none. A time in ms stays exact below it. */
const NO_LAG_MS = Number.MAX_SAFE_INTEGER / 2;

/** The share of the time that a pass has which goes to its map at most. */
const MAP_SHARE = 0.5;

/** Segments whose first batches are read at the same time. */
const FIRST_BATCHES_AT_ONCE = 16;

/** Where a pass that was interrupted goes on. */
export interface CompactionCursor {
  /** Base offset of the first segment that the pass has not come to. */
  readonly from: Offset;
  /** Records below it are cleaned by the pass. */
  readonly to: Offset;
}

export interface CompactionCounts {
  /** Bytes of dirty batches whose keys were read, and of all batches that were read to be rewritten. */
  mappedBytes: number;
  readBytes: number;
  writtenBytes: number;
  recordsRead: number;
  recordsKept: number;
}

/**
 * - `cleaned`: the pass is complete. Another may be due: the map may have been full.
 * - `interrupted`: the deadline came first; the next call goes on from `cursor`. Without one the
 *   pass begins again.
 * - `nothingDue`: nothing was done. `nextAt`: when a lag ends, if nothing is written until then.
 * - `lost`: another process has changed the segments; begin again.
 * - `unreadable`: bytes cannot be read. `message` names the object and the position. What was
 *   cleaned before stays clean, the rest as it was.
 * - `mapTooSmall`: one batch has more keys than the map can take.
 */
export type CompactionOutcome =
  | { readonly kind: 'cleaned'; readonly counts: CompactionCounts }
  | { readonly kind: 'interrupted'; readonly cursor: CompactionCursor | undefined; readonly counts: CompactionCounts }
  | { readonly kind: 'nothingDue'; readonly nextAt?: StoreTime }
  | { readonly kind: 'lost' }
  | { readonly kind: 'unreadable' | 'mapTooSmall'; readonly message: string };

export interface CompactionRequest {
  readonly partition: number;
  readonly config: CompactionConfig;
  readonly limits: CompactionLimits;
  readonly cursor?: CompactionCursor;
  /**
   * The caller has confirmed the view. The segments are listed after that, and each replacement is void
   * if others have changed them since (rule R6).
   */
  readonly isConfirmed?: boolean;
}

/**
 * Compacts one partition as Kafka's log cleaner does: reads the keys of the dirty segments into an
 * offset map, then rewrites all segments from the log start on, object by object, without the
 * records that have a newer one. Never past the last stable offset, and never the newest seal, which
 * is still read from entries. Offsets stay, so that readers notice nothing.
 *
 * Any process may do it at any time. Each object is named by one `replace` entry. A record goes only
 * after a newer one of its key was seen in a segment, so a pass may end at any point.
 *
 * @param deadline by Clock.monotonic(); ms
 * @throws StoreUnavailableError
 */
export async function compactPartition(
  env: CompactionEnvironment,
  open: OpenJournal,
  request: CompactionRequest,
  deadline: number,
): Promise<CompactionOutcome> {
  const { clock } = open.journal.env;
  const waitMs = Math.max(0, deadline - clock.monotonic());
  const ran = await env.slots.runWithin(clock, waitMs, async () => {
    const startedAt = clock.monotonic();
    const outcome = await compact(env, open, request, deadline);
    log(open, request.partition, outcome, clock.monotonic() - startedAt);
    return outcome;
  });
  return ran?.value ?? { kind: 'interrupted', cursor: request.cursor, counts: noCounts() };
}

function log({ journal }: OpenJournal, partition: number, outcome: CompactionOutcome, durationMs: number): void {
  const of = { journal: journal.id, partition };
  if (outcome.kind === 'unreadable' || outcome.kind === 'mapTooSmall') {
    reportFailure(journal.env, 'error', { event: 'compaction_failed', ...of, message: outcome.message });
  } else if (outcome.kind === 'cleaned' || outcome.kind === 'interrupted') {
    const isComplete = outcome.kind === 'cleaned';
    journal.env.logger.log('info', { event: 'compacted', ...of, isComplete, durationMs, ...outcome.counts });
    journal.env.observer?.wroteHistory('compaction', outcome.counts.writtenBytes);
  }
}

async function compact(
  env: CompactionEnvironment,
  open: OpenJournal,
  request: CompactionRequest,
  deadline: number,
): Promise<CompactionOutcome> {
  const { journal } = open;
  if (request.isConfirmed !== true) await journal.catchUp(true);
  let pass: Pass | undefined;
  try {
    await repairReplace(env, journal, request.partition);
    const view = journal.view.partitions.get(request.partition);
    if (view === undefined) return { kind: 'nothingDue' };
    // The view changes with every entry.
    const { replacedSeq } = view;
    const segments = await listSealed(env, open, view);
    if (segments === undefined) return { kind: 'lost' };
    pass = new Pass(env, open, request, deadline, view, segments, replacedSeq);
    return await pass.run();
  } catch (error) {
    if (error instanceof MalformedBytesError) return { kind: 'unreadable', message: error.message };
    if (!(error instanceof SegmentGoneError)) throw error;
    // Old segments go a while after they were replaced.
    await journal.catchUp(true);
    if (pass?.isOvertaken === true) return { kind: 'lost' };
    return { kind: 'unreadable', message: error.message };
  }
}

/** All segments below the newest seal, side by side; undefined while others replace some. */
async function listSealed(
  { index }: CompactionEnvironment,
  { journal }: OpenJournal,
  view: PartitionView,
): Promise<LiveSegment[] | undefined> {
  const found: LiveSegment[] = [];
  const end = entriesFrom(view);
  for (let from: Offset | undefined = view.segmentsFrom; from !== undefined && from < end; ) {
    const page = await index.list(topicIdOf(journal.id), view.partition, { from, consistent: true });
    for (const segment of page.segments) {
      const isNext = segment.baseOffset === (found.at(-1)?.nextOffset ?? view.segmentsFrom);
      if (!isNext) return undefined;
      if (segment.nextOffset > end) return found;
      found.push(segment);
    }
    from = page.next;
  }
  return found;
}

class Pass {
  readonly #env: CompactionEnvironment;
  readonly #open: OpenJournal;
  readonly #request: CompactionRequest;
  readonly #deadline: number;
  readonly #view: PartitionView;
  readonly #segments: readonly LiveSegment[];
  #replacedSeq: number;
  readonly #counts = noCounts();

  constructor(
    env: CompactionEnvironment,
    open: OpenJournal,
    request: CompactionRequest,
    deadline: number,
    view: PartitionView,
    segments: readonly LiveSegment[],
    replacedSeq: number,
  ) {
    this.#env = env;
    this.#open = open;
    this.#request = request;
    this.#deadline = deadline;
    this.#view = view;
    this.#segments = segments;
    this.#replacedSeq = replacedSeq;
  }

  get #live(): PartitionView | undefined {
    return this.#open.journal.view.partitions.get(this.#request.partition);
  }

  /** True if others have replaced or removed segments since they were listed. */
  get isOvertaken(): boolean {
    const view = this.#live;
    return view?.replacedSeq !== this.#replacedSeq || view.segmentsFrom !== this.#segments[0]?.baseOffset;
  }

  async run(): Promise<CompactionOutcome> {
    const { config, cursor, limits } = this.#request;
    const segments = this.#segments;
    const now = Math.floor(this.#open.journal.env.stores.journal.now());
    const limit = Math.min(lastStableOffset(this.#view), entriesFrom(this.#view));
    const facts = segments.map(factsOf);
    const cleanable = cleanableSegments(facts, limit, config.minCompactionLagMs, now);
    const youngUntil = oldEnoughAt(facts, limit, config.minCompactionLagMs, now);
    if (cleanable === undefined) return nothingDue(youngUntil);
    const dirty = segments.slice(cleanable.firstDirty, cleanable.end);
    if (cursor === undefined) {
      const since = await this.#earliestTimestamp(segments.slice(cleanable.firstDirty), now);
      if (!isDue(cleanable, config, since, now)) {
        return nothingDue(youngUntil, since > 0 ? since + config.maxCompactionLagMs + 1 : undefined);
      }
    }

    const { clock } = this.#open.journal.env;
    // The map of a pass that goes on later is built again, so that it must leave time to rewrite.
    const mapUntil = clock.monotonic() + (this.#deadline - clock.monotonic()) * MAP_SHARE;
    const map = new OffsetMap(limits.mapBytes);
    const mapping = new PassedTransactions('somewhere');
    const mapped = await mapSegments({
      segments: cursor === undefined ? dirty : dirty.filter(({ baseOffset }) => baseOffset < cursor.to),
      to: cursor?.to ?? cleanable.uncleanableFrom,
      map,
      transactions: mapping,
      aborted: this.#abortedFrom(cleanable.firstDirty),
      passBytes: limits.passBytes,
      windows: this.#windows,
      pause: this.#pause,
      isLate: () => clock.monotonic() >= mapUntil,
    });
    this.#counts.mappedBytes = mapped.bytes;
    if (mapped.kind === 'late') return { kind: 'interrupted', cursor, counts: this.#counts };
    if (mapped.kind === 'tooSmall') return mapTooSmall(mapped.offset, map.capacity);

    const from = cursor?.from ?? 0;
    const begin = segments.findIndex(({ baseOffset }) => baseOffset >= from);
    const inputs = segments
      .slice(0, cleanable.end)
      .filter(({ baseOffset }) => baseOffset >= from && baseOffset < mapped.to);
    const pass: GroupPass = {
      map,
      transactions: new PassedTransactions(begin === 0 ? 'start' : 'somewhere'),
      now,
      deleteRetentionMs: config.deleteRetentionMs,
      producers: lastOfProducers(this.#view, now),
      uncleanableFrom: cleanable.uncleanableFrom,
      to: mapped.to,
      aborted: this.#abortedFrom(Math.max(0, begin)),
      indexIntervalBytes: config.indexIntervalBytes,
      windows: this.#windows,
      pause: this.#pause,
    };
    const objectBytes = Math.min(config.segmentBytes, limits.objectBytes);
    for (const group of groupSegments(inputs.map(sized), objectBytes)) {
      const old = group.map(({ segment }) => segment);
      if (this.#isLate()) return this.#interrupted(old[0]!.baseOffset, mapped.to);
      const cleaned = await cleanGroup(this.#open.journal, this.#request.partition, old, pass);
      this.#count(cleaned);
      if (cleaned.isUnchanged) continue;
      const outcome = await replaceSegments(this.#env, this.#open, cleaned.made, this.#deadline);
      if (outcome === 'lost') return { kind: 'lost' };
      if (outcome === 'timedOut') return this.#interrupted(old[0]!.baseOffset, mapped.to);
      this.#replacedSeq = this.#live?.replacedSeq ?? -1;
    }
    return { kind: 'cleaned', counts: this.#counts };
  }

  #interrupted(from: Offset, to: Offset): CompactionOutcome {
    return { kind: 'interrupted', cursor: { from, to }, counts: this.#counts };
  }

  #count({ readBytes, made, recordsRead, recordsKept, isUnchanged }: CleanedGroup): void {
    const counts = this.#counts;
    counts.readBytes += readBytes;
    counts.recordsRead += recordsRead;
    counts.recordsKept += recordsKept;
    if (!isUnchanged) counts.writtenBytes += made.set.size;
  }

  /**
   * The earliest of the timestamps of the segments' first batches; -1 if there is none, or no lag is
   * set (Kafka: LogCleanerManager.maxCompactionDelay). Of several that have waited too long it may be
   * any.
   */
  async #earliestTimestamp(segments: readonly LiveSegment[], now: number): Promise<number> {
    const { maxCompactionLagMs } = this.#request.config;
    if (maxCompactionLagMs >= NO_LAG_MS) return -1;
    const { blobs } = this.#open.journal.env.stores;
    let first = -1;
    for (let at = 0; at < segments.length; at += FIRST_BATCHES_AT_ONCE) {
      const some = segments.slice(at, at + FIRST_BATCHES_AT_ONCE);
      const times = await Promise.all(some.map((segment) => firstTimestamp(blobs, segment)));
      for (const time of times) if (time > 0 && (first < 0 || time < first)) first = time;
      if (first > 0 && first < now - maxCompactionLagMs) break;
    }
    return first;
  }

  #abortedFrom(begin: number): AbortedAhead {
    const { blobs } = this.#open.journal.env.stores;
    return new AbortedAhead(this.#segments.slice(begin), this.#view.aborted, (segment) =>
      transactionsOf(blobs, segment),
    );
  }

  readonly #windows = (segment: LiveSegment) =>
    batchWindows(this.#open.journal.env.stores.blobs, segment, this.#request.limits.windowBytes);

  readonly #pause = (): Promise<void> | undefined => this.#open.journal.env.turns.turn();

  readonly #isLate = (): boolean => this.#open.journal.env.clock.monotonic() >= this.#deadline;
}

function nothingDue(...times: readonly (StoreTime | undefined)[]): CompactionOutcome {
  const nextAt = earliest(times);
  return { kind: 'nothingDue', ...(nextAt !== undefined && { nextAt }) };
}

function factsOf({ baseOffset, nextOffset, log, maxTimestamp, cleanedAt }: LiveSegment): SegmentFacts {
  return { baseOffset, nextOffset, bytes: log.length, maxTimestamp, isClean: cleanedAt !== undefined };
}

function sized(segment: LiveSegment) {
  return { segment, baseOffset: segment.baseOffset, nextOffset: segment.nextOffset, bytes: segment.log.length };
}

function mapTooSmall(offset: Offset, capacity: number): CompactionOutcome {
  const message = `the batch at offset ${offset} has more keys than fit into the offset map (${capacity})`;
  return { kind: 'mapTooSmall', message };
}

function noCounts(): CompactionCounts {
  return { mappedBytes: 0, readBytes: 0, writtenBytes: 0, recordsRead: 0, recordsKept: 0 };
}
