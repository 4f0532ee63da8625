import { errorCode } from '../../../lib/core/errors.ts';
import { randomInt } from '../../../lib/core/random.ts';
import { OFFSETS_BLOCK_PARTITIONS } from '../../../lib/storage/items/committed-offsets.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { Caller } from '../caller.ts';
import { checkAcknowledged } from '../client-checks.ts';
import type { Cluster } from '../cluster.ts';
import type { Answer } from '../connection.ts';
import { NOBODY } from '../groups/group-ledger.ts';
import { partitionKey } from '../groups/stored-group.ts';
import { makeBatch } from '../make-batch.ts';
import type { SimTopic } from '../topics.ts';
import type { SimTransaction, TransactionOffset } from './sim-transaction.ts';
import {
  type Habits,
  LOST,
  OFFSETS_OF,
  OK,
  type Outcome,
  RETRIED,
  type Step,
  TransactionalCaller,
} from './transactional-caller.ts';

export interface TransactionalPlan {
  readonly transactionalId: string;
  /** 2 (KIP-890): batches and offsets add what they belong to, and each end bumps the epoch. */
  readonly protocol: 1 | 2;
  /** Clients with this id, which take it from each other. */
  readonly clients: number;
  /** In each stretch of the run and of each client. */
  readonly transactions: number;
  readonly batchesMax: number;
  /** transaction.timeout.ms. */
  readonly timeoutMs: number;
  /** Its partition of the topic that it reads. */
  readonly place: number;
  readonly habits: Habits;
}

/** Where transactional producers read from, write to and commit to. */
export interface TransactionalScene {
  readonly input: SimTopic;
  readonly outputs: readonly SimTopic[];
  readonly groups: readonly string[];
}

const COMMIT_CHANCE = 0.7;
/** What befalls a client within a transaction, per step and while there are troubles. */
const DIES = 0.04;
const SLEEPS = 0.05;
/** ... while it adds offsets. */
const USURPED = 0.04;
/** The chance to leave a transaction open at last, which somebody else has to end. */
const ABANDONS = 0.4;
/** ... how long, as a part of its time-out. */
const SLEEP_TIMEOUTS_MAX = 2.5;
const AROUND_TIMEOUT_MS = [-300, 300] as const;
/** Before it takes its id back from whoever has it; at most this part of its time-out. */
const AWAY_MIN_MS = 200;
const AWAY_TIMEOUTS_MAX = 0.8;

/** A client that consumes, transforms and produces, or something that believes to be that client. */
export class TransactionalProducer extends TransactionalCaller {
  readonly plan: TransactionalPlan;
  readonly scene: TransactionalScene;
  #producerId = -1;
  #producerEpoch = -1;
  /** The next sequence by topic and partition. */
  #sequences = new Map<string, number>();
  /** By group and partition: where it reads on. */
  readonly #positions = new Map<string, number>();
  /** Partitions and groups that are in the transaction; only version 1 has to know. */
  #added = new Set<string>();
  /** Something of this epoch may be on its way that a later transaction could take for its own. */
  #inDoubt = false;
  #made = 0;
  #current: SimTransaction | undefined;
  acknowledged = 0;

  constructor(cluster: Cluster, name: string, plan: TransactionalPlan, scene: TransactionalScene) {
    super(cluster, name, plan.transactionalId, plan.habits);
    this.plan = plan;
    this.scene = scene;
  }

  async run(): Promise<void> {
    await this.sleep(this.random.next() * 2_000);
    for (let left = this.plan.transactions; left > 0 && !this.isOver; left--) {
      if (this.#producerId < 0 && !(await this.#begin(false))) continue;
      const outcome = await this.#transaction();
      if (outcome === 'lost') {
        this.#producerId = -1;
        this.#current = undefined;
        await this.sleep(randomInt(this.random, AWAY_MIN_MS, AWAY_TIMEOUTS_MAX * this.plan.timeoutMs));
      } else if (this.#inDoubt && !(await this.#begin(true))) this.#producerId = -1;
      if (this.random.next() < 0.3) this.leave();
    }
    if (this.random.next() < ABANDONS) {
      await this.#abandon();
      this.#producerId = -1;
      this.#current = undefined;
    }
    if (!this.isOver) await this.#fetchPositions();
  }

  /** Its partitions of the input: one in each item that a group's offsets of the topic take. */
  get #places(): readonly number[] {
    const places: number[] = [];
    const { partitions } = this.scene.input;
    for (let place = this.plan.place; place < partitions; place += OFFSETS_BLOCK_PARTITIONS) places.push(place);
    return places;
  }

  /** InitProducerId, and where its groups stand. `again`: with the epoch that it has (KIP-360). */
  async #begin(again: boolean): Promise<boolean> {
    const { transactionalId, timeoutMs } = this.plan;
    const body = {
      transactionalId,
      transactionTimeoutMs: timeoutMs,
      producerId: again ? this.#producerId : -1,
      producerEpoch: again ? this.#producerEpoch : -1,
    };
    for (;;) {
      const answer = await this.#init(() => this.askCopied(ApiKey.InitProducerId, 5, body));
      if (this.isOver) return false;
      if (answer !== 'closed') {
        const { errorCode: code, producerId, producerEpoch } = answer;
        if (code === OK) {
          this.#take(producerId, producerEpoch);
          break;
        }
        if (LOST.has(code)) return false;
        if (!RETRIED.has(code)) this.unexpected('InitProducerId', code);
      }
      this.leave();
      await this.pause();
    }
    this.#inDoubt = false;
    await this.#fetchPositions();
    return true;
  }

  async #init(ask: () => Promise<Answer<typeof ApiKey.InitProducerId>>): Promise<Answer<typeof ApiKey.InitProducerId>> {
    const { transactionalId } = this.plan;
    const answered = this.ledger.inits(transactionalId);
    const answer = await ask();
    if (answer === 'closed') return answer;
    answered();
    if (answer.errorCode === OK) this.ledger.fences(transactionalId, answer.producerId, answer.producerEpoch);
    return answer;
  }

  /** Somebody takes the id at this moment, and is not heard of again. */
  async #usurp(): Promise<void> {
    const { transactionalId, timeoutMs } = this.plan;
    const rival = new Caller(this.cluster, `${this.name}!`);
    const body = { transactionalId, transactionTimeoutMs: timeoutMs, producerId: -1, producerEpoch: -1 };
    await this.#init(() => rival.ask(ApiKey.InitProducerId, 5, body));
  }

  #take(producerId: number, producerEpoch: number): void {
    if (producerId !== this.#producerId || producerEpoch !== this.#producerEpoch) this.#sequences = new Map();
    this.#producerId = producerId;
    this.#producerEpoch = producerEpoch;
    if (this.plan.protocol === 1) this.cluster.world.ledger.ofVersion1.add(producerId);
    this.cluster.world.note('producer', this.name, producerId, producerEpoch);
  }

  async #fetchPositions(): Promise<void> {
    for (const groupId of this.scene.groups) {
      while (!this.isOver && !(await this.#fetchPosition(groupId))) {
        this.leave();
        await this.pause();
      }
    }
  }

  async #fetchPosition(groupId: string): Promise<boolean> {
    const { world } = this.cluster;
    const { input } = this.scene;
    const topics = [{ name: input.name, topicId: input.id, partitionIndexes: [...this.#places] }];
    const sentAt = world.clock.monotonic();
    const answer = await this.ask(ApiKey.OffsetFetch, 7, { groupId, topics, requireStable: true });
    if (answer === 'closed') return false;
    const rows = answer.topics.flatMap(({ partitions }) => partitions);
    const code = [answer.errorCode, ...rows.map((row) => row.errorCode)].find((one) => one !== OK);
    if (code !== undefined) {
      if (!RETRIED.has(code)) this.unexpected('OffsetFetch', code);
      return false;
    }
    for (const { partitionIndex, committedOffset: offset, metadata } of rows) {
      const key = partitionKey(input.id, partitionIndex);
      world.groups.fetched(groupId, key, { offset, metadata: metadata ?? '' }, sentAt);
      this.#positions.set(`${groupId} ${key}`, Math.max(offset, 0));
    }
    return true;
  }

  async #transaction(): Promise<Outcome> {
    const { protocol } = this.plan;
    const sim = this.#newTransaction();
    const steps = this.#steps(sim);
    let outcome: Outcome = 'done';
    for (const step of steps) {
      if (await this.#befall(sim, step)) return 'lost';
      await this.think();
      outcome = await step();
      if (outcome !== 'done' || this.isOver) break;
    }
    // A client of version 2 that has lost its transaction to a time-out may learn its new epoch by an abort of its own.
    if (outcome === 'lost' && (protocol === 1 || this.random.next() < 0.5)) return 'lost';
    if (outcome === 'failed') this.#inDoubt ||= protocol === 1;
    if (await this.#befall(sim, () => this.#end(sim, false))) return 'lost';
    return this.#end(sim, outcome === 'done' && this.random.next() < COMMIT_CHANCE);
  }

  #newTransaction(): SimTransaction {
    const { world } = this.cluster;
    const { transactionalId, protocol } = this.plan;
    const sim: SimTransaction = {
      name: `${this.name}/${this.#made++}`,
      transactionalId,
      producerId: this.#producerId,
      producerEpoch: this.#producerEpoch,
      protocol,
      asked: 'nothing',
      batches: [],
      offsets: [],
      number: undefined,
      outcome: undefined,
      over: false,
    };
    this.#added = new Set();
    world.note('begins', sim.name, sim.producerId, sim.producerEpoch);
    this.#current = sim;
    return sim;
  }

  async #abandon(): Promise<void> {
    if (this.#producerId < 0 && !(await this.#begin(false))) return;
    const sim = this.#newTransaction();
    // Where it has no offsets, only readers of its partitions meet it.
    const steps = this.random.next() < 0.5 ? this.#batches(sim) : this.#steps(sim);
    for (const step of steps) if ((await step()) !== 'done') return;
  }

  #steps(sim: SimTransaction): Step[] {
    const steps = this.#batches(sim);
    for (const groupId of this.scene.groups) {
      for (const place of this.#places) {
        if (this.random.next() < 0.4) steps.push(() => this.#commitOffset(sim, groupId, place));
      }
    }
    return steps;
  }

  #batches(sim: SimTransaction): Step[] {
    const { outputs } = this.scene;
    const steps: Step[] = [];
    for (let left = randomInt(this.random, 1, this.plan.batchesMax + 1); left > 0; left--) {
      const topic = outputs[randomInt(this.random, 0, outputs.length)]!;
      if (topic.deleting && this.random.next() < 0.8) continue;
      const partition = randomInt(this.random, 0, topic.partitions);
      steps.push(() => this.#produce(sim, topic, partition));
    }
    return steps;
  }

  /** True if its process is gone in the middle; what it has sent last may come in at any time. */
  async #befall(sim: SimTransaction, last: Step): Promise<boolean> {
    if (!this.isTroubled) return false;
    const chance = this.random.next();
    if (chance < DIES) {
      this.cluster.world.note('clientDies', sim.name);
      if (this.random.next() < 0.7) void last();
      return true;
    }
    if (chance < DIES + SLEEPS) {
      const ms = this.random.next() < 0.6 ? this.#untilTimeout(sim) : this.#asLongAs(SLEEP_TIMEOUTS_MAX);
      this.cluster.world.note('clientSleeps', sim.name, ms);
      await this.sleep(ms);
    }
    return false;
  }

  #asLongAs(timeouts: number): number {
    return Math.ceil(this.random.next() * timeouts * this.plan.timeoutMs);
  }

  /** Until about the moment at which the transaction times out. */
  #untilTimeout({ transactionalId }: SimTransaction): number {
    const state = this.ledger.state(transactionalId);
    if (state?.status !== 'Ongoing') return this.#asLongAs(1);
    const dueAt = state.startedAt + state.timeoutMs;
    const [low, high] = AROUND_TIMEOUT_MS;
    return Math.max(0, Math.ceil(dueAt - this.cluster.world.clock.now() + randomInt(this.random, low, high)));
  }

  async #produce(sim: SimTransaction, topic: SimTopic, partition: number): Promise<Outcome> {
    const sequences = this.#sequences;
    const place = `${topic.name}/${partition}`;
    const added = await this.#add(sim, place, () => this.#addPartition(sim, topic, partition));
    if (added !== 'done') return added;
    const records = randomInt(this.random, 1, 4);
    const baseSequence = sequences.get(place) ?? 0;
    const sent = makeBatch(this.cluster.world, this.random, {
      id: `${sim.name}/${place}/${baseSequence}`,
      kind: 'transactional',
      partition,
      records,
      valueBytes: 50,
      producerId: sim.producerId,
      producerEpoch: sim.producerEpoch,
      baseSequence,
      of: sim,
    });
    sequences.set(place, baseSequence + records);
    const version = sim.protocol === 2 ? 12 : 11;
    return this.attempt(sim, `a batch to ${place}`, topic, async () => {
      const answer = await this.askCopied(
        ApiKey.Produce,
        version,
        {
          transactionalId: sim.transactionalId,
          acks: -1,
          timeoutMs: 2_000,
          topicData: [{ name: topic.name, partitionData: [{ index: partition, records: [sent.bytes] }] }],
        },
        { sent, arrives: () => this.ledger.zombies.arrives('lateBatch', sim) },
      );
      if (answer === 'closed') return undefined;
      const told = answer.responses[0]!.partitionResponses[0]!;
      this.cluster.world.note('answer', sent.id, told.errorCode, told.baseOffset);
      if (told.errorCode === OK) {
        if (!topic.deleting) checkAcknowledged(this.cluster.world, topic, sent, told.baseOffset);
        sim.batches.push({ sent, topic });
        this.acknowledged++;
      }
      return told.errorCode;
    });
  }

  async #commitOffset(sim: SimTransaction, groupId: string, place: number): Promise<Outcome> {
    if (this.isTroubled && this.random.next() < USURPED) void this.#usurp();
    const added = await this.#add(sim, groupId, async () => {
      const { transactionalId, producerId, producerEpoch } = sim;
      const body = { transactionalId, producerId, producerEpoch, groupId };
      const answer = await this.askCopied(ApiKey.AddOffsetsToTxn, 3, body);
      return answer === 'closed' ? undefined : answer.errorCode;
    });
    if (added !== 'done') return added;
    const key = partitionKey(this.scene.input.id, place);
    const from = this.#positions.get(`${groupId} ${key}`)!;
    const to = from + randomInt(this.random, 1, 4);
    const { number } = this.cluster.world.groups.commit(groupId, NOBODY, key, to);
    const offset: TransactionOffset = { number, groupId, key, from, to };
    this.ledger.sends(sim, offset);
    const { transactionalId, producerId, producerEpoch } = sim;
    const row = { partitionIndex: place, committedOffset: to, committedMetadata: `#${number}` };
    const topics = [{ name: this.scene.input.name, partitions: [row] }];
    return this.attempt(sim, `${OFFSETS_OF} ${groupId}`, this.scene.input, async () => {
      const body = { transactionalId, groupId, producerId, producerEpoch, topics };
      const version = sim.protocol === 2 ? 5 : 3;
      const answer =
        sim.protocol === 2
          ? await this.askCopied(ApiKey.TxnOffsetCommit, version, body)
          : await this.ask(ApiKey.TxnOffsetCommit, version, body, this.patienceMs());
      if (answer === 'closed') {
        this.#inDoubt ||= sim.protocol === 1;
        return undefined;
      }
      const code = answer.topics[0]!.partitions[0]!.errorCode;
      if (code === OK) sim.offsets.push(offset);
      else if (code === errorCode('COORDINATOR_NOT_AVAILABLE')) this.#inDoubt ||= sim.protocol === 1;
      return code;
    });
  }

  /** Version 1 adds what it writes to before it does. */
  async #add(sim: SimTransaction, what: string, ask: () => Promise<number | undefined>): Promise<Outcome> {
    const added = this.#added;
    if (sim.protocol === 2 || added.has(what)) return 'done';
    const topic = this.scene.outputs.find(({ name }) => what.startsWith(`${name}/`));
    const outcome = await this.attempt(
      sim,
      topic === undefined ? `${OFFSETS_OF} ${what}, added` : `adding ${what}`,
      topic,
      ask,
    );
    if (outcome === 'done') added.add(what);
    return outcome;
  }

  async #addPartition(sim: SimTransaction, topic: SimTopic, partition: number): Promise<number | undefined> {
    const answer = await this.askCopied(ApiKey.AddPartitionsToTxn, 3, {
      v3AndBelowTransactionalId: sim.transactionalId,
      v3AndBelowProducerId: sim.producerId,
      v3AndBelowProducerEpoch: sim.producerEpoch,
      v3AndBelowTopics: [{ name: topic.name, partitions: [partition] }],
    });
    if (answer === 'closed') return undefined;
    return answer.resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!.partitionErrorCode;
  }

  async #end(sim: SimTransaction, commit: boolean): Promise<Outcome> {
    const { world } = this.cluster;
    const { transactionalId, producerId, producerEpoch, protocol } = sim;
    const body = { transactionalId, producerId, producerEpoch, committed: commit };
    const hasSome = sim.batches.length + sim.offsets.length > 0;
    if (commit && !hasSome) return 'done';
    sim.asked = commit ? 'commit' : 'abort';
    world.note('ending', sim.name, sim.asked);
    const arrives = () => this.ledger.zombies.arrives('lateEnd', sim);
    while (!this.isOver) {
      this.ledger.zombies.ends(sim, this.ledger.state(transactionalId), world.clock.now());
      const answer =
        protocol === 2
          ? await this.askCopied(ApiKey.EndTxn, 5, body, { arrives })
          : await this.ask(ApiKey.EndTxn, 3, body, this.patienceMs());
      const code = answer === 'closed' ? undefined : answer.errorCode;
      world.note('ended', sim.name, code ?? 'closed');
      if (code === OK && answer !== 'closed') {
        this.ledger.ended(sim);
        // A client that has died in between has a life of its own.
        if (this.#current !== sim) return 'done';
        for (const { groupId, key, to } of commit ? sim.offsets : []) this.#positions.set(`${groupId} ${key}`, to);
        if (protocol === 2) this.#take(answer.producerId, answer.producerEpoch);
        return 'done';
      }
      if (code !== undefined && LOST.has(code)) {
        // An abort of a transaction of which nothing has come in.
        const isNothing = protocol === 1 && code === errorCode('INVALID_TXN_STATE') && !commit;
        this.#inDoubt ||= isNothing;
        return isNothing ? 'failed' : 'lost';
      }
      if (code !== undefined && !RETRIED.has(code)) this.unexpected('EndTxn', code);
      this.#inDoubt ||= protocol === 1;
      this.leave();
      await this.pause();
    }
    return 'lost';
  }
}
