import { errorCode } from '../../lib/core/errors.ts';
import { randomInt } from '../../lib/core/random.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { Caller } from './caller.ts';
import { checkAcknowledged } from './client-checks.ts';
import type { Cluster } from './cluster.ts';
import type { Answer, Connection } from './connection.ts';
import { MOVED, Router } from './leadership/router.ts';
import type { Sent } from './ledger.ts';
import { type KeysPlan, makeBatch } from './make-batch.ts';
import { named, type SimTopic } from './topics.ts';

export interface ProducerPlan {
  readonly idempotent: boolean;
  /** Batches to be acknowledged in each stretch of the run, over all partitions. */
  readonly batches: number;
  readonly recordsMax: number;
  readonly valueBytes: number;
  /** Mean wait before the next batch; ms. */
  readonly thinkMs: number;
  /** How long the broker may take; ms. */
  readonly timeoutMs: number;
  /** The first batch of a stretch is acknowledged before the next is sent. */
  readonly slowStart: boolean;
  /** Names the topic by its id, so that nothing of it gets to another of the same name. */
  readonly byId?: boolean;
  readonly keys?: KeysPlan;
  /** Where there is a fleet: by processes beside it instead of by leaders. */
  readonly via?: 'functions';
}

/**
 * As librdkafka and the Java client do with idempotence; counted from the oldest batch without an answer, since brokers know
 * no more than a producer's last five again.
 */
const IN_FLIGHT_MAX = 5;
const WITH_IDS = 13;
const WITH_NAMES = 9;

const RETRIABLE = new Set([errorCode('REQUEST_TIMED_OUT'), errorCode('KAFKA_STORAGE_ERROR')]);
const OUT_OF_ORDER = errorCode('OUT_OF_ORDER_SEQUENCE_NUMBER');
const UNKNOWN_TOPIC = new Set([errorCode('UNKNOWN_TOPIC_OR_PARTITION'), errorCode('UNKNOWN_TOPIC_ID')]);

/** One partition's batches on their way. */
interface Lane {
  readonly partition: number;
  sequence: number;
  unacked: Sent[];
  /** Batches made so far, and the number of each that is not acknowledged, as `unacked`. */
  made: number;
  numbers: number[];
  /** How many of `unacked` were sent since the last failure. */
  sent: number;
  inFlight: number;
  /** What is in flight goes this way. */
  connection: Connection | undefined;
  failed: boolean;
  /** True once a batch was acknowledged in this stretch. */
  warm: boolean;
}

/**
 * A producer as the usual clients are: up to five requests in flight, per partition in order; after a failure it waits for
 * what is in flight and sends everything unacknowledged again with the same sequences, to whichever broker it finds.
 */
export class Producer extends Caller {
  readonly topic: SimTopic;
  readonly plan: ProducerPlan;
  readonly #version: number;
  readonly #lanes: Lane[] = [];
  #producerId = -1;
  #made = 0;
  acknowledged = 0;
  /** Set when the topic is gone. */
  ended = false;
  /** Where there is a fleet, it goes to the leaders. */
  readonly #router: Router | undefined;
  #wake: () => void = () => {};

  constructor(cluster: Cluster, name: string, topic: SimTopic, plan: ProducerPlan) {
    super(cluster, name);
    this.topic = topic;
    this.plan = plan;
    if (plan.via === 'functions') this.askFunctions();
    else if (cluster.plan.fleet !== undefined) this.#router = new Router(this, topic);
    this.#version = plan.byId === true || this.random.next() < 0.5 ? WITH_IDS : WITH_NAMES;
    for (let partition = 0; partition < topic.partitions; partition++) {
      this.#lanes.push({
        partition,
        sequence: 0,
        unacked: [],
        made: 0,
        numbers: [],
        sent: 0,
        inFlight: 0,
        connection: undefined,
        failed: false,
        warm: false,
      });
    }
  }

  /** Has `plan.batches` more batches acknowledged. */
  async run(): Promise<void> {
    const { plan } = this;
    if (plan.idempotent && this.#producerId < 0) this.#producerId = await this.#initProducerId();
    for (const lane of this.#lanes) lane.warm = !plan.slowStart;
    await this.#router?.refresh();
    // Whoever comes back after hours may find itself at any broker.
    this.leave();
    await this.sleep(this.random.next() * 2 * plan.thinkMs);
    let left = plan.batches;
    const goal = this.acknowledged + plan.batches;
    while (this.acknowledged < goal && !this.ended && this.cluster.world.violations.length === 0) {
      const lane = this.#lanes[randomInt(this.random, 0, this.#lanes.length)]!;
      if (left > 0 && lane.made - (lane.numbers[0] ?? lane.made) < IN_FLIGHT_MAX) {
        lane.unacked.push(this.#make(lane));
        lane.numbers.push(lane.made++);
        left--;
        this.#pump(lane);
        if (plan.thinkMs > 0) await this.sleep(this.random.next() * 2 * plan.thinkMs);
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  #initProducerId(): Promise<number> {
    const body = { transactionalId: null, transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 };
    return this.insist(ApiKey.InitProducerId, 4, body, (answer) =>
      answer.errorCode === 0 ? answer.producerId : undefined,
    );
  }

  #make(lane: Lane): Sent {
    const records = randomInt(this.random, 1, this.plan.recordsMax + 1);
    const sent = makeBatch(this.cluster.world, this.random, {
      id: `${this.name}/${lane.partition}/${this.#made++}`,
      kind: this.plan.idempotent ? 'idempotent' : 'plain',
      partition: lane.partition,
      records,
      valueBytes: this.plan.valueBytes,
      keys: this.plan.keys,
      producerId: this.#producerId,
      producerEpoch: this.#producerId < 0 ? -1 : 0,
      baseSequence: this.#producerId < 0 ? -1 : lane.sequence,
    });
    lane.sequence += records;
    return sent;
  }

  #pump(lane: Lane): void {
    if (lane.failed || this.ended) return;
    const window = lane.warm ? IN_FLIGHT_MAX : 1;
    while (lane.sent < lane.unacked.length && lane.inFlight < window) {
      const connection = this.#router?.connectionTo(lane.partition) ?? this.connection;
      // Nothing overtakes on another connection what is still under way on this one.
      if (lane.inFlight > 0 && connection !== lane.connection) return;
      lane.connection = connection;
      const batch = lane.unacked[lane.sent++]!;
      lane.inFlight++;
      void this.#send(connection, lane, batch).then((answer) => this.#answered(lane, batch, answer));
    }
  }

  #send(connection: Connection, lane: Lane, batch: Sent): Promise<Answer<typeof ApiKey.Produce>> {
    const { random } = this;
    batch.sends++;
    const copied = () => {
      batch.sends++;
    };
    const copyTo = lane.warm ? { instance: this.cluster.pick(random), copied } : undefined;
    return connection.ask(
      ApiKey.Produce,
      this.#version,
      {
        transactionalId: null,
        acks: -1,
        timeoutMs: this.plan.timeoutMs,
        topicData: [
          {
            ...named(this.topic, this.#version, 'name'),
            partitionData: [{ index: lane.partition, records: [batch.bytes] }],
          },
        ],
      },
      this.plan.timeoutMs + 2_000,
      copyTo,
    );
  }

  #answered(lane: Lane, batch: Sent, answer: Answer<typeof ApiKey.Produce>): void {
    const { world } = this.cluster;
    lane.inFlight--;
    world.events++;
    const told = answer === 'closed' ? undefined : answer.responses[0]!.partitionResponses[0]!;
    world.note('answer', batch.id, told === undefined ? 'closed' : told.errorCode, told?.baseOffset ?? '');
    if (told?.errorCode === 0) {
      checkAcknowledged(world, this.topic, batch, told.baseOffset);
      const index = lane.unacked.indexOf(batch);
      lane.unacked.splice(index, 1);
      lane.numbers.splice(index, 1);
      lane.sent--;
      lane.warm = true;
      this.acknowledged++;
    } else {
      lane.failed = true;
      if (told !== undefined) this.#failed(lane, batch, told.errorCode);
    }
    if (!lane.failed) this.#pump(lane);
    else if (lane.inFlight === 0) void this.#again(lane);
    this.#wake();
  }

  #failed(lane: Lane, batch: Sent, code: number): void {
    if (RETRIABLE.has(code) || (this.#router !== undefined && MOVED.has(code))) return;
    const { world } = this.cluster;
    if (code === OUT_OF_ORDER && this.plan.idempotent) {
      if (batch === lane.unacked[0])
        world.report('wronglyRefused', `${batch.id} is next, and was refused as out of order`);
    } else if (UNKNOWN_TOPIC.has(code)) {
      if (this.topic.deleting) this.ended = true;
      else world.report('unknownTopic', `${batch.id} was refused: topic ${this.topic.name} is there`);
    } else {
      world.report('unexpectedError', `${batch.id} was answered ${code}`);
    }
  }

  async #again(lane: Lane): Promise<void> {
    if (this.random.next() < 0.7) await this.pause();
    // What the other partitions have in flight on this connection goes on, unless it broke.
    if (this.random.next() < 0.3) this.leave();
    await this.#router?.refresh();
    lane.sent = 0;
    lane.failed = false;
    this.#pump(lane);
  }
}
