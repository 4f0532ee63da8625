import type { RequestContext } from '../../../../lib/core/context.ts';
import type { LogFields, LogLevel } from '../../../../lib/core/logger.ts';
import type { OpenJournal } from '../../../../lib/journal/open-journal.ts';
import { Slots } from '../../../../lib/kit/slots.ts';
import type { ListedOffset, OffsetPosition } from '../../../../lib/log/list-offsets.ts';
import type { FetchedPartition, IsolationLevel } from '../../../../lib/log/read-partitions.ts';
import { type ComposedBroker, composeBroker } from '../../../../lib/run/compose-broker.ts';
import { SegmentWork } from '../../../../lib/run/segment-work.ts';
import { DueList } from '../../../../lib/segments/due-list.ts';
import { SegmentIndex } from '../../../../lib/segments/segment-index.ts';
import { type MemoryStores, memoryStores } from '../../../../lib/storage/memory/memory-stores.ts';
import { ADDRESS, CLUSTER_ID } from '../../../support/engine.ts';
import { EngineClient } from '../../../support/kafka-client.ts';
import { createTopic } from '../../../support/requests.ts';
import { seededRandom } from '../../../support/seeded-random.ts';
import { settingsOf } from '../../../support/settings.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';
import { DAY_MS, type Place } from './steps.ts';

const T0 = 1_700_000_000_000;

const CONTEXT: RequestContext = {
  principal: 'User:somebody',
  clientId: '',
  host: '10.0.0.1',
  listener: 'PLAINTEXT',
  deadline: Number.POSITIVE_INFINITY,
  signal: new AbortController().signal,
};

/** Bytes that one fetch returns at most, unless its first batch is larger. */
const FETCH_BYTES = 700;

/** Nothing here fails by itself, so that work which takes longer hangs; ms. */
const WORK_MS_MAX = 2 * DAY_MS;

/** What sealing, merging and compacting need. */
export interface SegmentTools {
  readonly index: SegmentIndex;
  readonly due: DueList;
  readonly slots: Slots;
}

/** A store with two topics, a process that writes and works on history, and one that only reads. */
export class WholeWorld {
  readonly clock = new VirtualClock(T0);
  readonly stores: MemoryStores = memoryStores({ clock: this.clock, random: seededRandom(1) });
  /** Errors that a process has logged. */
  readonly errors: string[] = [];
  readonly topicIds = new Map<string, string>();
  #starts = 0;
  #writer: ComposedBroker | undefined;
  #reader: ComposedBroker | undefined;
  #work: SegmentWork | undefined;
  #tools: SegmentTools | undefined;

  get writer(): ComposedBroker {
    return this.#writer!;
  }

  get work(): SegmentWork {
    return this.#work!;
  }

  get tools(): SegmentTools {
    return this.#tools!;
  }

  /** A time that no work reaches. */
  get deadline(): number {
    return this.clock.monotonic() + WORK_MS_MAX;
  }

  async start(): Promise<void> {
    await this.restart();
    const client = new EngineClient(this.writer.handleFrame);
    const topics = {
      plain: { 'retention.ms': '-1' },
      // Its compaction is a step of its own, which knows when it happens: a look finds none due.
      latest: {
        'cleanup.policy': 'compact,delete',
        'retention.ms': '-1',
        'min.cleanable.dirty.ratio': '1',
      },
    };
    for (const [name, configs] of Object.entries(topics)) {
      const { id } = await this.run(createTopic(client, name, { partitions: name === 'plain' ? 2 : 1, configs }));
      this.topicIds.set(name, id);
    }
  }

  /** New processes. What the old ones had in memory is lost. */
  async restart(): Promise<void> {
    this.#writer = await this.run(this.process());
    await this.newReader();
    const { admin } = this.#writer.broker;
    this.#work = new SegmentWork(admin, this.#writer.segments);
    const { stores, random } = admin.journals.env;
    const change = { state: stores.state, clock: this.clock, random };
    this.#tools = { index: new SegmentIndex(change), due: new DueList(change), slots: new Slots(1) };
  }

  async newReader(): Promise<void> {
    this.#reader = await this.run(this.process());
  }

  process(): Promise<ComposedBroker> {
    return composeBroker({
      stores: this.stores.client(),
      clock: this.clock,
      random: seededRandom(++this.#starts),
      logger: { log: (level, fields) => this.#logged(level, fields) },
      settings: settingsOf({ 'tidelog.store': 'memory', 'cluster.id': CLUSTER_ID }),
      advertised: () => ADDRESS,
    });
  }

  #logged(level: LogLevel, fields: LogFields): void {
    if (level === 'error') this.errors.push(JSON.stringify(fields));
  }

  /** Lets time pass until the work is done. */
  async run<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const end = () => {
      isDone = true;
    };
    work.then(end, end);
    if (!(await this.clock.runUntil(() => isDone, WORK_MS_MAX))) throw new Error('this does not end');
    return work;
  }

  /** The journal of a partition in the process that writes. */
  async open(place: Place): Promise<OpenJournal> {
    const { topic, partition } = partitionOf(place);
    const resolved = await this.run(this.writer.broker.log.partitions.resolve({ name: topic }, partition));
    if (resolved.kind !== 'open') throw new Error(`${place}: ${JSON.stringify(resolved)}`);
    return resolved.open;
  }

  async fetch(
    place: Place,
    offset: number,
    isolation: IsolationLevel,
    by: ComposedBroker = this.#reader!,
  ): Promise<FetchedPartition> {
    const { topic, partition } = partitionOf(place);
    const asked = { topic: { name: topic }, partition, offset, maxBytes: FETCH_BYTES, currentLeaderEpoch: -1 };
    const terms = { isolation, minBytes: 0, maxWaitMs: 0, waitedMs: 0, maxBytes: FETCH_BYTES };
    const result = await this.run(by.broker.log.fetch(CONTEXT, [asked], terms));
    if (result.kind !== 'fetched') throw new Error(result.kind);
    const [outcome] = result.outcomes;
    if (outcome?.kind !== 'read') throw new Error(`${place} at ${offset}: ${JSON.stringify(outcome)}`);
    return outcome.fetched;
  }

  async listOffset(place: Place, position: OffsetPosition, isolation: IsolationLevel): Promise<ListedOffset> {
    const { topic, partition } = partitionOf(place);
    const asked = { topic: { name: topic }, partition, position, currentLeaderEpoch: -1 };
    const [listed] = await this.run(this.#reader!.broker.log.listOffsets(CONTEXT, [asked], isolation));
    return listed!;
  }

  async deleteRecords(place: Place, before: number): Promise<number> {
    const { topic, partition } = partitionOf(place);
    const asked = { topic: { name: topic }, partition, before };
    const [deleted] = await this.run(this.writer.broker.log.deleteRecords(CONTEXT, [asked], 30_000));
    if (deleted!.error !== 'NONE') throw new Error(`${place}: ${deleted!.error}`);
    return deleted!.lowWatermark;
  }
}

export function partitionOf(place: Place): { topic: string; partition: number } {
  const [topic, partition] = place.split('-');
  return { topic: topic!, partition: Number(partition) };
}
