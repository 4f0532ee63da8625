import { errorCode } from '../../lib/core/errors.ts';
import { randomInt } from '../../lib/core/random.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { ANSWER_TIMEOUT_MS, Caller } from './caller.ts';
import { checkFetched, type FetchedRange } from './client-checks.ts';
import type { Cluster } from './cluster.ts';
import type { Answer } from './connection.ts';
import type { Instance } from './instance.ts';
import { FleetReader } from './leadership/fleet-reader.ts';
import { isRemoved, type LedgerPartition, stableEnd } from './ledger.ts';
import { journalOf, named, type SimTopic } from './topics.ts';
import { HeldReader } from './transactions/held-reader.ts';

export interface ConsumerPlan {
  readonly committed: boolean;
  readonly maxWaitMs: number;
  /** Of one partition in one answer. */
  readonly maxBytes: number;
  /** The chance that it turns to another broker after a poll; clients follow leaders, which move. */
  readonly wander: number;
  /** It stays with the broker in this place, and rests when that does. */
  readonly place?: number;
  /** Reads to the end of the log: no transaction stays open. */
  readonly toEnd?: boolean;
  /** Names the topic by its id, so that nothing of it gets to another of the same name. */
  readonly byId?: boolean;
}

const WITH_IDS = 16;
const WITH_NAMES = 12;
const OUT_OF_RANGE = errorCode('OFFSET_OUT_OF_RANGE');
const STORAGE_ERROR = errorCode('KAFKA_STORAGE_ERROR');
const UNKNOWN_TOPIC = new Set([errorCode('UNKNOWN_TOPIC_OR_PARTITION'), errorCode('UNKNOWN_TOPIC_ID')]);
const EARLIEST = -2;
const LATEST = -1;
/** A segment that was found counts for a minute, and a client waits for its answer; ms. */
const HELD_MS = 60_000 + 2 * ANSWER_TIMEOUT_MS;
/** Now and then the end is asked for, which has to be the newest. */
const ASK_END = 0.04;
/** ... and where an epoch ended. */
const ASK_EPOCH = 0.1;

type FetchAnswer = Exclude<Answer<typeof ApiKey.Fetch>, 'closed'>;
type FetchedPartition = FetchAnswer['responses'][number]['partitions'][number];

/** Reads all partitions of a topic from their beginning, in order, from whichever broker. */
export class Consumer extends Caller {
  readonly topic: SimTopic;
  readonly plan: ConsumerPlan;
  readonly positions: number[];
  readonly #version: number;
  /** Where there is a fleet, it goes to the leaders. */
  #router: FleetReader | undefined;
  readonly #waiting: HeldReader;
  polls = 0;
  ended = false;

  constructor(cluster: Cluster, name: string, topic: SimTopic, plan: ConsumerPlan) {
    super(cluster, name);
    this.topic = topic;
    this.plan = plan;
    this.#waiting = new HeldReader(cluster, name);
    this.positions = Array.from({ length: topic.partitions }, () => 0);
    this.#version = plan.byId === true || this.random.next() < 0.5 ? WITH_IDS : WITH_NAMES;
    if (cluster.plan.fleet !== undefined) this.#router = new FleetReader(this, topic);
  }

  /** Polls until `mayStop` and everything that may be read has been. */
  async run(mayStop: () => boolean): Promise<void> {
    const { place } = this.plan;
    if (place !== undefined) {
      if (place < this.cluster.resting) return;
      this.stayWith(this.cluster.instances[place]!);
    }
    await this.#router?.refresh();
    while (!this.ended && this.cluster.world.violations.length === 0) {
      if (mayStop() && this.#caughtUp()) return;
      await this.#poll();
      if (this.#router !== undefined && this.random.next() < ASK_EPOCH) await this.#router.askEpochEnd();
      if (this.random.next() < ASK_END) await this.#askEnd(randomInt(this.random, 0, this.topic.partitions));
      if (this.random.next() < this.plan.wander) this.leave();
    }
  }

  /** Begins anew, at one broker. */
  restart(instance: Instance): void {
    this.positions.fill(0);
    this.#router = instance.leads ? new FleetReader(this, this.topic) : undefined;
    if (this.#router === undefined) this.stayWith(instance);
  }

  #partition(index: number): LedgerPartition | undefined {
    return this.cluster.world.ledger.partition(journalOf(this.topic, index), index);
  }

  #caughtUp(): boolean {
    const { committed, toEnd = false } = this.plan;
    return this.positions.every((position, index) => {
      const partition = this.#partition(index);
      if (partition === undefined) return true;
      return isRemoved(partition, position, committed && !toEnd ? stableEnd(partition) : partition.next);
    });
  }

  async #poll(): Promise<void> {
    this.polls++;
    const asked = [...this.positions];
    const target = this.#router?.target();
    const body = {
      maxWaitMs: this.plan.maxWaitMs,
      minBytes: 1,
      maxBytes: 4 * this.plan.maxBytes,
      isolationLevel: this.plan.committed ? 1 : 0,
      topics: [
        {
          ...named(this.topic, this.#version, 'topic'),
          partitions: (target?.partitions ?? asked.map((_, index) => ({ index, epoch: -1 }))).map(
            ({ index, epoch }) => ({
              partition: index,
              currentLeaderEpoch: epoch,
              fetchOffset: asked[index]!,
              partitionMaxBytes: this.plan.maxBytes,
            }),
          ),
        },
      ],
      forgottenTopicsData: [],
    };
    const connection = target?.connection ?? this.connection;
    const gone = asked.map((_, index) => this.#gone(connection.instance, index));
    const answer = await connection.ask(ApiKey.Fetch, this.#version, body, ANSWER_TIMEOUT_MS);
    if (answer === 'closed') {
      this.#waiting.interrupted();
      await this.pause();
      return this.#router?.refresh();
    }
    for (const told of answer.responses[0]?.partitions ?? []) {
      const offset = asked[told.partitionIndex]!;
      if (target !== undefined && (await target.isMoved(told.partitionIndex, told.errorCode))) continue;
      if (told.errorCode === 0) this.#read(told, offset, connection.instance, gone[told.partitionIndex]);
      else await this.#failed(told, offset);
    }
  }

  #read(told: FetchedPartition, offset: number, instance: Instance, gone: FetchedRange['gone']): void {
    const { world } = this.cluster;
    const partition = this.#partition(told.partitionIndex);
    const records = told.records ?? Buffer.alloc(0);
    if (partition === undefined) {
      if (records.length > 0) world.report('readOther', `${this.name} read from an empty partition`);
      return;
    }
    const next = checkFetched(world, this.name, partition, {
      offset,
      committed: this.plan.committed,
      records,
      highWatermark: told.highWatermark,
      lastStableOffset: told.lastStableOffset,
      aborted: told.abortedTransactions ?? [],
      ...(gone !== undefined && { gone }),
    });
    if (this.plan.committed) this.#waiting.waits(partition, next, instance);
    if (next !== offset) world.note('read', this.name, told.partitionIndex, offset, next);
    this.positions[told.partitionIndex] = next;
  }

  /**
   * What a process must not read any more of a partition: of the segments that its view knows of, what was removed a while ago.
   * One whose clocks stood still does not know how old it is what it has found.
   */
  #gone({ engine, process }: Instance, index: number): FetchedRange['gone'] {
    const view = engine?.broker.admin.journals.peek(journalOf(this.topic, index))?.journal.view;
    const below = view?.partitions.get(index)?.entriesOffset;
    if (process.hasLagged || below === undefined) return undefined;
    return { before: this.cluster.world.clock.now() - HELD_MS, below };
  }

  async #failed(told: FetchedPartition, offset: number): Promise<void> {
    const { world } = this.cluster;
    const index = told.partitionIndex;
    const code = told.errorCode;
    world.note('fetchFailed', this.name, index, offset, code);
    if (code === STORAGE_ERROR) return this.pause();
    if (UNKNOWN_TOPIC.has(code)) {
      if (this.topic.deleting) this.ended = true;
      else world.report('unknownTopic', `${this.name} was told that topic ${this.topic.name} is not there`);
      return;
    }
    if (code !== OUT_OF_RANGE) return world.report('unexpectedError', `${this.name} was answered ${code}`);
    const partition = this.#partition(index);
    if ((partition?.logStart ?? 0) <= offset) {
      const within = `${partition?.logStart ?? 0} to ${partition?.next ?? 0}`;
      return world.report(
        'wronglyOutOfRange',
        `${this.name}, partition ${index}: offset ${offset} is within ${within}`,
      );
    }
    const earliest = await this.#list(index, EARLIEST);
    if (earliest !== undefined) this.positions[index] = earliest;
  }

  async #askEnd(index: number): Promise<void> {
    await this.#list(index, LATEST);
  }

  async #list(index: number, timestamp: number): Promise<number | undefined> {
    const { world } = this.cluster;
    const read = (): number => {
      const partition = this.#partition(index);
      if (partition === undefined) return 0;
      if (timestamp === EARLIEST) return partition.logStart;
      return this.plan.committed ? stableEnd(partition) : partition.next;
    };
    const atLeast = read();
    const answer = await this.ask(ApiKey.ListOffsets, 7, {
      replicaId: -1,
      isolationLevel: this.plan.committed ? 1 : 0,
      topics: [{ name: this.topic.name, partitions: [{ partitionIndex: index, currentLeaderEpoch: -1, timestamp }] }],
    });
    const told = answer === 'closed' ? undefined : answer.topics[0]!.partitions[0]!;
    if (told?.errorCode !== 0) return undefined;
    const atMost = read();
    if (told.offset < atLeast || told.offset > atMost) {
      const what = timestamp === EARLIEST ? 'start' : 'end';
      world.report('staleList', `${this.name}: ${what} ${told.offset} is not from ${atLeast} to ${atMost}`);
    }
    return told.offset;
  }
}
