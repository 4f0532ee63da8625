import { assert } from '../core/assert.ts';
import { newNonce } from '../core/nonce.ts';
import type { Offset } from '../core/offset.ts';
import type { ImportedPartition } from '../journal/import-entry.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import type { ProducerState } from '../journal/producers.ts';
import { type BatchView, lastOffset } from '../records/batch.ts';
import { storeObject } from '../segments/due-objects.ts';
import { CorruptFileError } from '../segments/files/corrupt-file.ts';
import { fitsPart } from '../segments/format/part-limits.ts';
import { type SegmentSet, SegmentSetBuilder } from '../segments/format/segment-set.ts';
import type { AbortedTransaction } from '../segments/format/transaction-index.ts';
import { repairLastSeal, writeSealItems } from '../segments/repair-items.ts';
import { segmentSetKey } from '../storage/items/segment-object.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import type { ImportEnvironment } from './environment.ts';
import { PartitionFollower } from './follower.ts';
import { locating, type PartitionLog } from './partition-log.ts';
import { type Counted, LogDigest, type PartitionSurvey } from './survey.ts';

/**
 * Bytes of batches in one object: what a merged segment has. It also bounds the memory of an import;
 * a larger batch is held whole.
 */
const SET_BYTES = 64 * 1024 * 1024;

/** Partitions of one entry, which then stays below a quarter of the size limit of an item. */
const ENTRY_PARTITIONS_MAX = 500;

/** Leader epochs and open transactions that end an entry; about 16 bytes each. */
const ENTRY_FACTS_MAX = 4_000;

/** States of producers in one entry; at most about 150 bytes each. */
const ENTRY_PRODUCERS_MAX = 500;

/** How long one entry may take; ms. */
export const ENTRY_MS_MAX = 10 * 60 * 1000;

/** A partition's files, and what was found in them. */
export interface SurveyedLog {
  readonly log: PartitionLog;
  readonly survey: PartitionSurvey;
}

export interface JournalImportOptions {
  /** When the import began: the time of abort markers, and the time at which producers are forgotten; ms. */
  readonly now: number;
  /** States of producers with smaller ids are left out. */
  readonly producerIdsFrom: number;
  readonly indexIntervalBytes?: number;
  readonly setBytes?: number;
  /** Called after each object, and at the end of each partition. */
  readonly alive: () => Promise<void>;
}

interface OpenPart {
  readonly partition: number;
  readonly baseOffset: Offset;
  readonly aborted: AbortedTransaction[];
  logBytes: number;
}

/**
 * Imports the partitions of one journal: as segment sets, each named by an `import` entry, which go on
 * where the journal's view ends. After a crash at any point the same calls complete it.
 */
export class JournalImport {
  readonly #env: ImportEnvironment;
  readonly #open: OpenJournal;
  readonly #options: JournalImportOptions;
  /** The slot of the view that the parts continue: this import's own last entry, or where it began. */
  #seq: number;
  #builder: SegmentSetBuilder | undefined;
  #key = '';
  #bytes = 0;
  #facts = 0;
  #part: OpenPart | undefined;
  #partitions: ImportedPartition[] = [];
  readonly #producers: { readonly partition: number; readonly producer: readonly [number, ProducerState] }[] = [];

  constructor(env: ImportEnvironment, open: OpenJournal, options: JournalImportOptions) {
    this.#env = env;
    this.#open = open;
    this.#options = options;
    this.#seq = open.journal.view.seq;
  }

  /**
   * The next partition, ascending. Throws StoreUnavailableError, and CorruptFileError also for files
   * that have changed since the survey.
   */
  async partition({ log, survey }: SurveyedLog, counted: Counted): Promise<void> {
    const { partition } = log.source;
    const { now, producerIdsFrom } = this.#options;
    const follower = new PartitionFollower(log.contents.epochs, now);
    const digest = new LogDigest();
    for await (const items of log.read()) {
      await this.#open.journal.env.turns.turn();
      for (const item of items) {
        if (item.kind === 'end') {
          if (digest.end(log, item.nextOffset) !== survey.digest) {
            throw new CorruptFileError(log.source.name, 0, 'the files have changed while they were imported');
          }
          const markers = follower.abortMarkers(item.nextOffset);
          for (const marker of markers) await this.#add(partition, survey, follower, marker);
          await this.#endPartition(partition, survey, follower, item.nextOffset + markers.length);
          continue;
        }
        const { batch, at } = item;
        digest.add(batch);
        await this.#add(partition, survey, follower, batch, (work) => locating(at, work));
        counted.records += batch.header.recordCount;
        counted.bytes += batch.header.sizeInBytes;
      }
    }
    for (const producer of follower.producers) {
      if (producer[0] >= producerIdsFrom) this.#producers.push({ partition, producer });
    }
    await this.#options.alive();
  }

  async #add(
    partition: number,
    survey: PartitionSurvey,
    follower: PartitionFollower,
    batch: BatchView,
    located: <T>(work: () => T) => T = (work) => work(),
  ): Promise<void> {
    const { header, bytes } = batch;
    const isThere = lastOffset(header) < this.#doneTo(partition, survey);
    if (!isThere && !this.#fits(batch)) {
      this.#endPart(follower, survey, this.#nextOffset);
      await this.#write([]);
    }
    const aborted = located(() => follower.add(batch));
    if (isThere) return;
    const part = this.#part ?? this.#begin(partition, this.#doneTo(partition, survey));
    assert(header.baseOffset >= part.baseOffset, `a part begins within the batch at ${header.baseOffset}`);
    this.#builder!.append(bytes);
    part.logBytes += bytes.length;
    this.#bytes += bytes.length;
    this.#nextOffset = lastOffset(header) + 1;
    if (aborted !== undefined) part.aborted.push(aborted);
  }

  /** Of the open part. */
  #nextOffset: Offset = 0;

  /** The offset up to which the partition is in the journal. */
  #doneTo(partition: number, { baseOffset }: PartitionSurvey): Offset {
    return this.#open.journal.view.partitions.get(partition)?.nextOffset ?? baseOffset;
  }

  #fits({ header }: BatchView): boolean {
    const { sizeInBytes } = header;
    if (this.#bytes > 0 && this.#bytes + sizeInBytes > (this.#options.setBytes ?? SET_BYTES)) return false;
    return this.#part === undefined || fitsPart(this.#part, { lastOffset: lastOffset(header), sizeInBytes });
  }

  #begin(partition: number, baseOffset: Offset): OpenPart {
    const { journal } = this.#open;
    this.#checkUnchanged();
    if (this.#builder === undefined) {
      const { indexIntervalBytes } = this.#options;
      this.#key = segmentSetKey(journal.id, journal.view.seq, newNonce(journal.env.random));
      this.#builder = new SegmentSetBuilder({
        key: this.#key,
        ...(indexIntervalBytes !== undefined && { indexIntervalBytes }),
      });
    }
    this.#builder.begin(partition, baseOffset);
    this.#nextOffset = baseOffset;
    this.#part = { partition, baseOffset, aborted: [], logBytes: 0 };
    return this.#part;
  }

  #endPart(follower: PartitionFollower, survey: PartitionSurvey, nextOffset: Offset): void {
    const part = this.#part;
    if (part === undefined) return;
    this.#part = undefined;
    const { partition, baseOffset, aborted } = part;
    this.#builder!.end(nextOffset, aborted, follower.epochsOf(baseOffset, nextOffset));
    this.#describe(partition, follower, survey, nextOffset);
  }

  #describe(partition: number, follower: PartitionFollower, survey: PartitionSurvey, nextOffset: Offset): void {
    const { baseOffset, logStartOffset } = survey;
    const known = this.#open.journal.view.partitions.get(partition);
    const newest = known?.epochs.at(-1)?.epoch ?? -1;
    const epochs = follower.epochsOf(baseOffset, nextOffset).filter(({ epoch }) => epoch > newest);
    const openTransactions = [...follower.transactions.open];
    this.#partitions.push({
      partition,
      ...(known === undefined && { start: { baseOffset, logStartOffset } }),
      epochs,
      openTransactions,
      producers: [],
    });
    this.#facts += epochs.length + openTransactions.length;
  }

  async #endPartition(
    partition: number,
    survey: PartitionSurvey,
    follower: PartitionFollower,
    end: Offset,
  ): Promise<void> {
    const done = this.#doneTo(partition, survey);
    if (this.#part === undefined && done < end) this.#begin(partition, done);
    const isNew = !this.#open.journal.view.partitions.has(partition);
    if (this.#part !== undefined) this.#endPart(follower, survey, end);
    else if (isNew) this.#describe(partition, follower, survey, end);
    if (this.#partitions.length >= ENTRY_PARTITIONS_MAX || this.#facts >= ENTRY_FACTS_MAX) await this.#write([]);
  }

  /**
   * Writes what is left, and one entry without parts, after which every segment is read from its item.
   * Throws StoreUnavailableError.
   */
  async finish(): Promise<void> {
    if (this.#partitions.length > 0) await this.#write([]);
    for (let at = 0; at === 0 || at < this.#producers.length; at += ENTRY_PRODUCERS_MAX) {
      const states = new Map<number, [number, ProducerState][]>();
      for (const { partition, producer } of this.#producers.slice(at, at + ENTRY_PRODUCERS_MAX)) {
        states.set(partition, [...(states.get(partition) ?? []), [...producer]]);
      }
      await this.#write(
        [...states].map(([partition, producers]) => ({ partition, epochs: [], openTransactions: [], producers })),
      );
    }
  }

  /** Writes the set, if there is one, and the entry; then the segment items. */
  async #write(added: readonly ImportedPartition[]): Promise<void> {
    const set = this.#builder?.finish();
    const partitions = [...this.#partitions, ...added];
    const key = set === undefined ? '' : this.#key;
    this.#builder = undefined;
    this.#partitions = [];
    this.#bytes = 0;
    this.#facts = 0;
    await this.#name(key, set, partitions);
    await this.#options.alive();
  }

  /** Another importer may have taken the journal on, with other parts. Throws StoreUnavailableError. */
  #checkUnchanged(): void {
    const { id, view } = this.#open.journal;
    if (view.seq !== this.#seq) throw new StoreUnavailableError(`journal ${id} was changed by others`);
  }

  async #name(key: string, set: SegmentSet | undefined, partitions: readonly ImportedPartition[]): Promise<void> {
    const { journal, writer } = this.#open;
    const { stores, clock } = journal.env;
    const seq = this.#seq;
    await journal.catchUp(true);
    this.#checkUnchanged();
    // The view forgets the newest seal with the next one (rule R15).
    await repairLastSeal(this.#env.index, journal);
    const stored = set === undefined ? undefined : await storeObject(this.#env.due, stores, key, set.chunks);
    const result = await writer.appendEntry(
      (view, time) => {
        // The set was built on this view.
        if (view.closed || view.seq !== seq) return undefined;
        const { sealedSeq, time: toTime } = view;
        return {
          kind: 'import',
          time,
          fromSeq: sealedSeq + 1,
          toSeq: seq,
          toTime,
          key,
          parts: set?.parts ?? [],
          partitions,
        };
      },
      clock.monotonic() + ENTRY_MS_MAX,
      stored === undefined ? {} : { signBefore: stored.signBefore },
    );
    if (result !== 'written') {
      throw new StoreUnavailableError(`journal ${journal.id} did not take the entry of an import: ${result}`);
    }
    this.#seq = seq + 1;
    await writeSealItems(this.#env.index, journal);
    if (stored !== undefined) await this.#env.due.done(stored.due);
  }
}
