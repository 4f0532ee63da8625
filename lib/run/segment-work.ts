import type { EffectiveTopicConfig } from '../core/topic-config.ts';
import { collectImport } from '../imports/unfinished.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import type { JournalView } from '../journal/view.ts';
import { boundedMap } from '../kit/bounded-map.ts';
import { earliest } from '../kit/earliest.ts';
import { Slots } from '../kit/slots.ts';
import type { UnreadableItems } from '../kit/unreadable-items.ts';
import type { LeftTransactions } from '../log/open-transactions.ts';
import { collectObject } from '../segments/collect-object.ts';
import { type CompactionCursor, compactPartition } from '../segments/compact.ts';
import { COMPACTION_LIMITS } from '../segments/compaction-environment.ts';
import { DueList } from '../segments/due-list.ts';
import { mergeWhatIsDue } from '../segments/merge-look.ts';
import { purgeJournal } from '../segments/purge-journal.ts';
import { retainJournal } from '../segments/retain.ts';
import type { SealEnvironment } from '../segments/seal-environment.ts';
import { sealWhatIsDue } from '../segments/seal-look.ts';
import { sealQuiet } from '../segments/seal-quiet.ts';
import { SegmentIndex } from '../segments/segment-index.ts';
import { type DueHandler, type DueOutcome, type SweptDue, sweepDue } from '../segments/sweep.ts';
import { trimJournal } from '../segments/trim.ts';
import type { DueKind } from '../storage/items/due.ts';
import { type JournalId, journalId, topicIdOf } from '../storage/items/journal-entry.ts';
import type { StoreTime } from '../storage/ports.ts';
import type { AdminEnvironment } from '../topics/environment.ts';
import { endLeftOpen } from '../transactions/left-open.ts';
import { type SegmentSettings, sealLimits } from './segment-limits.ts';

/** Interrupted passes that are remembered; one that is not begins again. */
const CURSORS_MAX = 1_024;

/** A journal whose work did not end by its deadline is looked at again after this time; ms. */
const AGAIN_MS = 1_000;

/** A partition that was compacted is looked at again after this time: a pass may leave some dirty; ms. */
const COMPACT_AGAIN_MS = 60_000;

/**
 * The work on journals that are due: ends transactions that nobody has ended in time, seals, merges,
 * compacts, ends what retention no longer keeps, deletes entries that are in segments, and deletes
 * what is left of deleted topics.
 * Every part may be done by several processes at once, and be interrupted at any point.
 */
export class SegmentWork {
  readonly #admin: Pick<AdminEnvironment, 'journals' | 'topics'>;
  readonly #settings: SegmentSettings;
  readonly #transactions: LeftTransactions | undefined;
  readonly due: DueList;
  readonly #index: SegmentIndex;
  readonly #seals = new Slots(1);
  readonly #compactions = new Slots(1);
  /** Where passes that were interrupted go on, by journal and partition. */
  readonly #cursors = boundedMap<string, CompactionCursor>(CURSORS_MAX);

  /** @param transactions Default: open transactions are left to others. */
  constructor(
    admin: Pick<AdminEnvironment, 'journals' | 'topics'>,
    settings: SegmentSettings,
    transactions?: LeftTransactions,
  ) {
    this.#admin = admin;
    this.#settings = settings;
    this.#transactions = transactions;
    const { stores, clock, random } = admin.journals.env;
    const changes = { state: stores.state, clock, random };
    this.due = new DueList(changes);
    this.#index = new SegmentIndex(changes);
  }

  /** Looks at everything that is due. A step of a job (UpkeepJob.step). */
  sweep(unreadable: UnreadableItems, cursor: string | undefined, deadline: number): Promise<SweptDue> {
    const { stores, clock } = this.#admin.journals.env;
    return sweepDue({ state: stores.state, clock, due: this.due, unreadable }, this.#handlers, cursor, deadline);
  }

  readonly #handlers: Readonly<Record<DueKind, DueHandler>> = {
    journal: (name, deadline) => this.#journal(name, deadline),
    object: (name) =>
      collectObject(
        {
          journals: this.#admin.journals,
          index: this.#index,
          due: this.due,
          journalOf: (topicId, partition) => this.#journalOf(topicId, partition),
        },
        name,
      ),
  };

  /** Seals and merges an open journal, if a seal is due. Throws StoreUnavailableError. */
  async seal(
    open: OpenJournal,
    config: EffectiveTopicConfig,
    deadline: number,
    isConfirmed = false,
  ): Promise<DueOutcome> {
    const env = this.#sealing;
    const sealed = await sealWhatIsDue(env, open, sealLimits(config, this.#settings), deadline, isConfirmed);
    const { sealed: seals = 0 } = sealed.counts ?? {};
    if (seals === 0) return sealed;
    const { indexIntervalBytes } = config;
    const { mergeBytes } = this.#settings;
    const merged = await mergeWhatIsDue(env, open, { mergeBytes, indexIntervalBytes }, deadline);
    return { next: sealed.next, counts: { ...sealed.counts, ...merged } };
  }

  get #sealing(): SealEnvironment {
    return { index: this.#index, due: this.due, slots: this.#seals };
  }

  async #journal(id: JournalId, deadline: number): Promise<DueOutcome> {
    const { journals, topics } = this.#admin;
    const open = await journals.open(id);
    // The item of an import may be there without the journal.
    if (open === undefined) await collectImport(this.#admin, topicIdOf(id));
    if (open === undefined) return { next: undefined };
    // Once for all that follows: each part decides on this view, or on an own entry after it.
    await open.journal.catchUp(true);
    const { entriesGraceMs } = this.#settings;
    if (open.journal.view.closed) return this.#purge(open, deadline);
    const topic = await topics.getById(topicIdOf(id));
    // The topic is being created, imported or deleted.
    if (topic === undefined) await collectImport(this.#admin, topicIdOf(id));
    if (topic === undefined) return { next: this.#now(open) + entriesGraceMs };
    const { config } = topic;
    // First, since what is open keeps history from being compacted.
    const transactions = this.#transactions;
    const left = transactions === undefined ? NOTHING_OPEN : await endLeftOpen(transactions, open.journal);
    const sealed = await this.seal(open, config, deadline, true);
    // Before compaction, which ends where entries are still read.
    const quiet = await sealQuiet(this.#sealing, open, deadline);
    const compacted = config.compacted ? await this.#compact(open, config, deadline) : NOTHING;
    const retained = await retainJournal({ index: this.#index, due: this.due }, open, config, deadline, true);
    const trimmed = await trimJournal(open, entriesGraceMs, deadline, true);
    const isLate = !retained.isComplete || !trimmed.isComplete;
    const late = isLate ? this.#now(open) + AGAIN_MS : undefined;
    return {
      next: earliest([left.next, sealed.next, quiet.next, compacted.next, retained.nextAt, trimmed.nextAt, late]),
      counts: {
        ...sealed.counts,
        transactionsEnded: left.ended,
        quiet: quiet.isSealed ? 1 : 0,
        ...compacted.counts,
        ...named('retained', retained.counts),
        trimmed: trimmed.counts.entries,
      },
    };
  }

  async #compact(open: OpenJournal, config: EffectiveTopicConfig, deadline: number): Promise<DueOutcome> {
    const env = { index: this.#index, due: this.due, slots: this.#compactions };
    let compacted = 0;
    const next: (StoreTime | undefined)[] = [];
    for (const partition of sealedPartitions(open.journal.view)) {
      const id = `${open.journal.id}/${partition}`;
      const cursor = this.#cursors.get(id);
      const fixed = { config, limits: COMPACTION_LIMITS, isConfirmed: true };
      const request = { partition, ...fixed, ...(cursor !== undefined && { cursor }) };
      const outcome = await compactPartition(env, open, request, deadline);
      const { kind } = outcome;
      if (kind === 'cleaned') compacted += 1;
      if (kind === 'interrupted' && outcome.cursor !== undefined) this.#cursors.set(id, outcome.cursor);
      else this.#cursors.delete(id);
      if (kind === 'nothingDue') next.push(outcome.nextAt);
      if (kind === 'interrupted') next.push(this.#now(open) + AGAIN_MS);
      if (kind === 'cleaned' || kind === 'lost') next.push(this.#now(open) + COMPACT_AGAIN_MS);
    }
    return { next: earliest(next), counts: { compacted } };
  }

  async #purge(open: OpenJournal, deadline: number): Promise<DueOutcome> {
    const { isComplete, nextAt, counts } = await purgeJournal(open, this.#settings.entriesGraceMs, deadline);
    if (isComplete && nextAt === undefined) this.#admin.journals.forget(open.journal.id);
    return { next: nextAt ?? (isComplete ? undefined : this.#now(open) + AGAIN_MS), counts: named('purged', counts) };
  }

  async #journalOf(topicId: string, partition: number): Promise<JournalId | undefined> {
    const topic = await this.#admin.topics.getById(topicId);
    return topic === undefined ? undefined : journalId(topicId, partition % topic.record.journals);
  }

  #now({ journal }: OpenJournal): StoreTime {
    return journal.env.stores.journal.now();
  }
}

const NOTHING: DueOutcome = { next: undefined };
const NOTHING_OPEN: Awaited<ReturnType<typeof endLeftOpen>> = { next: undefined, ended: 0 };

function sealedPartitions({ partitions }: JournalView): number[] {
  return [...partitions.values()].filter(({ segments }) => segments > 0).map(({ partition }) => partition);
}

/** Counts under names of their own. */
function named(prefix: string, counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [`${prefix}${name[0]!.toUpperCase()}${name.slice(1)}`, count]),
  );
}
