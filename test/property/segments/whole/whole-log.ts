import { collectCheckpoints } from '../../../../lib/journal/collect-checkpoints.ts';
import type { BatchToAppend } from '../../../../lib/journal/decide-append.ts';
import { UnreadableItems } from '../../../../lib/kit/unreadable-items.ts';
import { encodeControlBatch } from '../../../../lib/records/control.ts';
import { encodeBatch } from '../../../../lib/records/encode.ts';
import { ENTRY_BYTES } from '../../../../lib/segments/clean/offset-map.ts';
import { collectWal } from '../../../../lib/segments/collect-wal.ts';
import { compactPartition } from '../../../../lib/segments/compact.ts';
import { COMPACTION_LIMITS } from '../../../../lib/segments/compaction-environment.ts';
import { mergeSegments } from '../../../../lib/segments/merge.ts';
import { retainJournal } from '../../../../lib/segments/retain.ts';
import { sealJournal } from '../../../../lib/segments/seal.ts';
import { trimJournal } from '../../../../lib/segments/trim.ts';
import { importAgain } from './import-again.ts';
import { PartitionModel } from './partition-model.ts';
import { expectedLogStart } from './retention-model.ts';
import {
  DAY_MS,
  HOUR_MS,
  JOURNALS,
  PLACES,
  type Place,
  type ProducedBatch,
  type Producer,
  type Step,
} from './steps.ts';
import { liveOf, newestSeal } from './stored.ts';
import { partitionOf, WholeWorld } from './world.ts';

export const ENTRIES_GRACE_MS = 2 * HOUR_MS;

const PRODUCER_IDS: Readonly<Record<Producer, number>> = { i1: 1, t1: 11, t2: 12 };

const COMPACTION = {
  minCleanableDirtyRatio: 0,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  deleteRetentionMs: DAY_MS,
  segmentBytes: 1e6,
  indexIntervalBytes: 4096,
};

/** Slots of a map that takes 4 keys, more than a batch has. */
const SMALL_MAP_SLOTS = 5;

/** A batch that a producer has sent, and may send again. */
interface Sent {
  readonly batch: BatchToAppend;
  readonly records: Parameters<PartitionModel['append']>[0];
  readonly baseOffset: number;
  readonly at: number;
}

/** The engine and, beside it, the lists in memory that say what it has to have. */
export class WholeLog {
  readonly world = new WholeWorld();
  readonly models = new Map<Place, PartitionModel>(PLACES.map((place) => [place, new PartitionModel()]));
  readonly #sequences = new Map<string, number>();
  readonly #sent = new Map<string, Sent>();
  #values = 0;

  start(): Promise<void> {
    return this.world.start();
  }

  model(place: Place): PartitionModel {
    return this.models.get(place)!;
  }

  /** Does a step to both; what became of it, for the report of a failure. */
  async do(step: Step): Promise<string> {
    const outcome = await this.#do(step);
    for (const place of PLACES) this.#learnSeals(place);
    if (step.do === 'seal' && step.sealBytes === 1e6) this.#expectSealed(step.place);
    return outcome;
  }

  async #do(step: Step): Promise<string> {
    const { world } = this;
    switch (step.do) {
      case 'produce':
        return this.#produce(step.batches);
      case 'resend':
        return this.#resend(step.place, step.producer);
      case 'end':
        return this.#end(step.place, step.producer, step.commit);
      case 'seal': {
        const limits = { sealBytes: step.sealBytes, sealMs: HOUR_MS };
        const open = await world.open(step.place);
        const sealed = await world.run(sealJournal(world.tools, open, limits, world.deadline, true));
        return oneOf(sealed.kind, 'sealed', 'nothingDue');
      }
      case 'merge': {
        const limits = { mergeBytes: step.mergeBytes };
        const open = await world.open(step.place);
        const { partition } = partitionOf(step.place);
        const merged = await world.run(mergeSegments(world.tools, open, partition, limits, world.deadline));
        return oneOf(merged.kind, 'merged', 'nothingDue');
      }
      case 'compact':
        return this.#compact(step);
      case 'retain':
        return this.#retain(step);
      case 'delete': {
        const model = this.model(step.place);
        const before = model.logStart + Math.floor(step.part * (model.nextOffset - model.logStart));
        model.logStart = await world.deleteRecords(step.place, before);
        return `below ${oneOf(String(model.logStart), String(before))}`;
      }
      case 'checkpoint': {
        const { checkpointer } = await world.open(step.place);
        await world.run(checkpointer.settled());
        await world.run(checkpointer.write());
        return 'written';
      }
      case 'trim': {
        const open = await world.open(step.place);
        const { counts } = await world.run(trimJournal(open, ENTRIES_GRACE_MS, world.deadline));
        return `${counts.entries} entries`;
      }
      case 'sweep':
        return this.sweep();
      case 'collect':
        return this.collect();
      case 'import': {
        const outcome = await importAgain(this, step.place, step.setBytes);
        const { topic } = partitionOf(step.place);
        // A producer whose last batch has ended, or is old, is not known to the new topic.
        for (const id of this.#sent.keys()) if (id.startsWith(`${topic}-`)) this.#sent.delete(id);
        return outcome;
      }
      case 'restart':
        await world.restart();
        return 'done';
      case 'wait':
        await world.clock.advance(step.ms);
        return 'over';
    }
  }

  async #produce(batches: readonly ProducedBatch[]): Promise<string> {
    const { world } = this;
    const opened = new Map(await inOrder(batches, async ({ place }) => [place, await world.open(place)] as const));
    const sent = batches.map((one) => ({ place: one.place, producer: one.producer, ...this.#batchOf(one) }));
    const results = await world.run(
      Promise.all(sent.map(({ place, batch }) => opened.get(place)!.writer.append(batch, Number.POSITIVE_INFINITY))),
    );
    return sent
      .map(({ place, producer, batch, records }, at) => {
        const result = results[at]!;
        const model = this.model(place);
        const { nextOffset: baseOffset } = model;
        if (result.kind !== 'appended' || result.baseOffset !== baseOffset) {
          throw new Error(`${place}: ${JSON.stringify(result)} instead of offset ${baseOffset}`);
        }
        model.append(records, batch.bytes.length, producer, batch.transactional);
        if (producer !== undefined) {
          this.#sent.set(`${place}/${producer}`, { batch, records, baseOffset, at: world.clock.now() });
        }
        return `${place} at ${baseOffset}`;
      })
      .join(', ');
  }

  #batchOf({ place, keys, size, codec, producer, age }: ProducedBatch) {
    const timestamp = this.world.clock.now() - age;
    const records = keys.map((name, index) => ({
      key: name.toLowerCase(),
      value: name === name.toLowerCase() ? `${this.#values++}`.padEnd(size, '.') : null,
      timestamp: timestamp + index,
    }));
    const id = `${place}/${producer}`;
    const baseSequence = producer === undefined ? -1 : (this.#sequences.get(id) ?? 0);
    if (producer !== undefined) this.#sequences.set(id, baseSequence + records.length);
    const fields = {
      producerId: producer === undefined ? -1 : PRODUCER_IDS[producer],
      producerEpoch: producer === undefined ? -1 : 0,
      baseSequence,
    };
    const transactional = producer?.startsWith('t') === true;
    const encoded = records.map(({ key, value, timestamp: time }) => ({
      timestamp: time,
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
    }));
    const batch: BatchToAppend = {
      ...fields,
      partition: partitionOf(place).partition,
      lastOffsetDelta: records.length - 1,
      maxTimestamp: timestamp + records.length - 1,
      transactional,
      transactionVerified: transactional,
      bytes: encodeBatch(encoded, { ...fields, codec, isTransactional: transactional }),
    };
    return { batch, records };
  }

  async #resend(place: Place, producer: Producer): Promise<string> {
    const sent = this.#sent.get(`${place}/${producer}`);
    const { clock } = this.world;
    // A producer that was silent for long is forgotten, and a transactional one may have ended its transaction.
    if (sent === undefined || clock.now() - sent.at > HOUR_MS || sent.batch.transactional) return 'nothing to send';
    const { writer } = await this.world.open(place);
    const result = await this.world.run(writer.append(sent.batch, Number.POSITIVE_INFINITY));
    if (result.kind !== 'duplicate' || result.baseOffset !== sent.baseOffset) {
      throw new Error(`${place}: ${JSON.stringify(result)} instead of a duplicate at ${sent.baseOffset}`);
    }
    return `is the one at ${sent.baseOffset}`;
  }

  async #end(place: Place, producer: Producer, commit: boolean): Promise<string> {
    const model = this.model(place);
    if (!model.hasOpen(producer)) return 'nothing to end';
    const { writer } = await this.world.open(place);
    const { partition } = partitionOf(place);
    const producerId = PRODUCER_IDS[producer];
    let size = 0;
    let timestamp = 0;
    const written = writer.appendEntry((view, time) => {
      const { nextOffset: baseOffset } = view.partitions.get(partition)!;
      const marker = { producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: time, baseOffset };
      const bytes = encodeControlBatch({ ...marker, type: commit ? 'commit' : 'abort' });
      size = bytes.length;
      timestamp = time;
      const meta = {
        partition,
        baseOffset,
        lastOffsetDelta: 0,
        maxTimestamp: time,
        producerId,
        producerEpoch: 0,
        baseSequence: -1,
        transactional: true,
        control: true,
        position: 0,
        size,
      };
      const payload = { kind: 'inline', bytes } as const;
      return { kind: 'markers', time, producerId, producerEpoch: 0, commit, batches: [meta], payload };
    }, Number.POSITIVE_INFINITY);
    oneOf(await this.world.run(written), 'written');
    model.end(producer, commit, timestamp, size);
    return `at ${model.nextOffset - 1}`;
  }

  async #compact({ place, keysMax, objectBytes }: Extract<Step, { do: 'compact' }>): Promise<string> {
    const { world } = this;
    const { partition } = partitionOf(place);
    const slots = keysMax < 100 ? SMALL_MAP_SLOTS : 1_000;
    const limits = { ...COMPACTION_LIMITS, mapBytes: slots * ENTRY_BYTES, windowBytes: 300, objectBytes };
    const open = await world.open(place);
    const now = world.clock.now();
    const request = { partition, config: COMPACTION, limits };
    const { kind } = await world.run(compactPartition(world.tools, open, request, world.deadline));
    oneOf(kind, 'cleaned', 'nothingDue');
    const { cleanTo, rewrittenTo, mayBeCleaned } = this.#cleaned(place);
    if (keysMax === 100 && mayBeCleaned) throw new Error(`${place} was not cleaned behind ${cleanTo}`);
    if (kind === 'cleaned') this.model(place).compact(cleanTo, rewrittenTo, now, COMPACTION.deleteRetentionMs);
    return `${kind}, clean to ${cleanTo}`;
  }

  /** How far a partition says that it is clean. */
  #cleaned(place: Place) {
    const { lastStableOffset, entriesFrom } = this.model(place);
    const live = liveOf(this.world, place);
    const dirty = live.findIndex(({ cleanedAt }) => cleanedAt === undefined);
    const cleanTo = dirty === -1 ? (live.at(-1)?.nextOffset ?? 0) : live[dirty]!.baseOffset;
    const next = live[dirty];
    // A pass that ends inside of an object rewrites the rest of it, too.
    const isOfPass = next !== undefined && next.key === live[dirty - 1]?.key && next.key.includes('/p');
    const limit = Math.min(lastStableOffset, entriesFrom);
    return {
      cleanTo,
      rewrittenTo: isOfPass ? next.nextOffset : cleanTo,
      mayBeCleaned: next !== undefined && next.nextOffset <= limit && next.log.length > 0,
    };
  }

  async #retain({ place, retentionMs, retentionBytes }: Extract<Step, { do: 'retain' }>): Promise<string> {
    const { world } = this;
    const limits = { deletes: true, retentionMs, retentionBytes };
    const places = JOURNALS.find((some) => some.includes(place))!;
    const expected = places.map((one) => expectedLogStart(world, one, this.model(one), limits, world.clock.now()));
    const open = await world.open(place);
    const { isComplete, counts } = await world.run(retainJournal(world.tools, open, limits, world.deadline));
    oneOf(String(isComplete), 'true');
    for (const [at, one] of places.entries()) this.model(one).logStart = expected[at]!;
    return `${counts.starts} raised to ${expected.join(', ')}`;
  }

  /** Looks at everything that is due. */
  async sweep(): Promise<string> {
    const { world } = this;
    const unreadable = new UnreadableItems({ log: (_, fields) => world.errors.push(JSON.stringify(fields)) });
    const { isComplete, counts } = await world.run(world.work.sweep(unreadable, undefined, world.deadline));
    oneOf(String(isComplete), 'true');
    return JSON.stringify(counts);
  }

  /** Deletes the WAL objects and the objects of checkpoints that nothing needs. */
  async collect(): Promise<string> {
    const { world } = this;
    const { journals } = world.writer.broker.admin;
    const unreadable = new UnreadableItems({ log: (_, fields) => world.errors.push(JSON.stringify(fields)) });
    const graces = { graceMs: HOUR_MS, everyMs: 0 };
    const wal = await world.run(collectWal(journals, unreadable, graces, undefined, world.deadline));
    await world.run(collectCheckpoints(journals.env, unreadable, undefined, world.deadline));
    return `${wal.counts.deleted} of ${wal.counts.looked} objects`;
  }

  /** What is sealed by now, by what is stored. */
  #learnSeals(place: Place): void {
    const model = this.model(place);
    const { partition } = partitionOf(place);
    const seal = newestSeal(this.world, place);
    if (seal === undefined) return;
    const part = seal.parts.find((one) => one.partition === partition);
    const ends = liveOf(this.world, place).map(({ nextOffset }) => nextOffset);
    model.sealedTo = Math.max(model.sealedTo, part?.nextOffset ?? 0, ...ends);
    model.entriesFrom = part?.baseOffset ?? model.sealedTo;
  }

  #expectSealed(place: Place): void {
    for (const one of JOURNALS.find((some) => some.includes(place))!) {
      const { sealedTo, nextOffset } = this.model(one);
      if (sealedTo !== nextOffset) throw new Error(`${one} is sealed up to ${sealedTo} of ${nextOffset}`);
    }
  }
}

function oneOf(value: string, ...allowed: readonly string[]): string {
  if (!allowed.includes(value)) throw new Error(`${value} instead of ${allowed.join(' or ')}`);
  return value;
}

async function inOrder<T, U>(values: readonly T[], work: (value: T) => Promise<U>): Promise<U[]> {
  const results: U[] = [];
  for (const value of values) results.push(await work(value));
  return results;
}
