import { type ErrorName, errorCode } from '../../../lib/core/errors.ts';
import { randomInt } from '../../../lib/core/random.ts';
import { ApiKey, type RequestInput } from '../../../lib/wire/apis.ts';
import { ANSWER_TIMEOUT_MS, Caller } from '../caller.ts';
import { checkAcknowledged } from '../client-checks.ts';
import type { Cluster } from '../cluster.ts';
import type { Answer } from '../connection.ts';
import { NOBODY } from '../groups/group-ledger.ts';
import { partitionKey } from '../groups/stored-group.ts';
import type { Sent } from '../ledger.ts';
import { makeBatch } from '../make-batch.ts';
import type { SimTopic } from '../topics.ts';
import type { SimTransaction, TransactionOffset } from './sim-transaction.ts';

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
}

/** Where transactional producers read from, write to and commit to. */
export interface TransactionalScene {
  readonly input: SimTopic;
  readonly outputs: readonly SimTopic[];
  readonly groups: readonly string[];
}

const ATTEMPTS_MAX = 8;
/** Others are asked to begin or end a transaction while the first still works on it; ms. */
const END_TIMEOUT_MS = 4_000;
const COMMIT_CHANCE = 0.7;
/** What befalls a client within a transaction, per step and while there are troubles. */
const DIES = 0.04;
const SLEEPS = 0.05;
/** The chance to give up what had no answer. */
const GIVES_UP = 0.3;
/** ... how long, as a part of its time-out. */
const SLEEP_TIMEOUTS_MAX = 2.5;
/** Before it takes its id back from whoever has it. */
const AWAY_MS = [200, 6_000] as const;

const OK = errorCode('NONE');

const RETRIED = codes([
  'REQUEST_TIMED_OUT',
  'KAFKA_STORAGE_ERROR',
  'NOT_ENOUGH_REPLICAS',
  'CONCURRENT_TRANSACTIONS',
  'COORDINATOR_NOT_AVAILABLE',
  'UNSTABLE_OFFSET_COMMIT',
]);

/** What somebody may be told who has lost its id or its transaction. */
const LOST = codes([
  'INVALID_PRODUCER_EPOCH',
  'PRODUCER_FENCED',
  'INVALID_PRODUCER_ID_MAPPING',
  'INVALID_TXN_STATE',
  'TRANSACTION_ABORTABLE',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
]);

const GONE = codes(['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID', 'OPERATION_NOT_ATTEMPTED']);

type Outcome = 'done' | 'failed' | 'lost';

/** A client that consumes, transforms and produces, or something that believes to be that client. */
export class TransactionalProducer extends Caller {
  readonly plan: TransactionalPlan;
  readonly scene: TransactionalScene;
  #producerId = -1;
  #producerEpoch = -1;
  /** The next sequence by topic and partition. */
  #sequences = new Map<string, number>();
  /** By group: where it reads on. */
  readonly #positions = new Map<string, number>();
  /** Partitions and groups that are in the transaction; only version 1 has to know. */
  #added = new Set<string>();
  /** Something of this epoch may be on its way that a later transaction could take for its own. */
  #inDoubt = false;
  #made = 0;
  acknowledged = 0;

  constructor(cluster: Cluster, name: string, plan: TransactionalPlan, scene: TransactionalScene) {
    super(cluster, name);
    this.plan = plan;
    this.scene = scene;
  }

  async run(): Promise<void> {
    await this.sleep(this.random.next() * 2_000);
    for (let left = this.plan.transactions; left > 0 && !this.#isOver; left--) {
      if (this.#producerId < 0 && !(await this.#begin(false))) continue;
      const outcome = await this.#transaction();
      if (outcome === 'lost') {
        this.#producerId = -1;
        await this.sleep(randomInt(this.random, ...AWAY_MS));
      } else if (this.#inDoubt && !(await this.#begin(true))) this.#producerId = -1;
      if (this.random.next() < 0.3) this.leave();
    }
    await this.#checkStable();
  }

  get #isOver(): boolean {
    return this.cluster.world.violations.length > 0;
  }

  get #ledger() {
    return this.cluster.world.transactions;
  }

  get #isTroubled(): boolean {
    return this.cluster.world.troubles.on;
  }

  get #key(): string {
    return partitionKey(this.scene.input.id, this.plan.place);
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
      const answered = this.#ledger.inits(transactionalId);
      const answer = await this.#askCopied(ApiKey.InitProducerId, 5, body, END_TIMEOUT_MS);
      if (this.#isOver) return false;
      if (answer !== 'closed') {
        answered();
        const { errorCode: code, producerId, producerEpoch } = answer;
        if (code === OK) {
          this.#ledger.fences(transactionalId, producerId, producerEpoch);
          this.#take(producerId, producerEpoch);
          break;
        }
        if (LOST.has(code)) return false;
        if (!RETRIED.has(code)) this.#unexpected('InitProducerId', code);
      }
      this.leave();
      await this.pause();
    }
    this.#inDoubt = false;
    await this.#fetchPositions();
    return true;
  }

  #take(producerId: number, producerEpoch: number): void {
    if (producerId !== this.#producerId || producerEpoch !== this.#producerEpoch) this.#sequences = new Map();
    this.#producerId = producerId;
    this.#producerEpoch = producerEpoch;
    this.cluster.world.note('producer', this.name, producerId, producerEpoch);
  }

  async #fetchPositions(): Promise<void> {
    const { input, groups } = this.scene;
    for (const groupId of groups) {
      const topics = [{ name: input.name, topicId: input.id, partitionIndexes: [this.plan.place] }];
      for (;;) {
        const sentAt = this.cluster.world.clock.monotonic();
        const answer = await this.ask(ApiKey.OffsetFetch, 7, { groupId, topics, requireStable: true });
        if (this.#isOver) return;
        const told = answer === 'closed' ? undefined : answer.topics[0]?.partitions[0];
        const code = answer === 'closed' ? undefined : answer.errorCode || told?.errorCode;
        if (code === OK && told !== undefined) {
          const { committedOffset: offset, metadata } = told;
          this.cluster.world.groups.fetched(groupId, this.#key, { offset, metadata: metadata ?? '' }, sentAt);
          this.#positions.set(groupId, Math.max(offset, 0));
          break;
        }
        if (code !== undefined && !RETRIED.has(code)) this.#unexpected('OffsetFetch', code);
        this.leave();
        await this.pause();
      }
    }
  }

  async #transaction(): Promise<Outcome> {
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
    const steps = this.#steps(sim);
    let outcome: Outcome = 'done';
    for (const step of steps) {
      if (await this.#befall(sim, step)) return 'lost';
      outcome = await step();
      if (outcome !== 'done' || this.#isOver) break;
    }
    // A client of version 2 that has lost its transaction to a time-out may learn its new epoch by an abort of its own.
    if (outcome === 'lost' && (protocol === 1 || this.random.next() < 0.5)) return 'lost';
    if (outcome === 'failed') this.#inDoubt ||= protocol === 1;
    if (await this.#befall(sim, () => this.#end(sim, false))) return 'lost';
    return this.#end(sim, outcome === 'done' && this.random.next() < COMMIT_CHANCE);
  }

  #steps(sim: SimTransaction): (() => Promise<Outcome>)[] {
    const steps: (() => Promise<Outcome>)[] = [];
    const { outputs, groups } = this.scene;
    for (let left = randomInt(this.random, 1, this.plan.batchesMax + 1); left > 0; left--) {
      const topic = outputs[randomInt(this.random, 0, outputs.length)]!;
      if (topic.deleting && this.random.next() < 0.8) continue;
      const partition = randomInt(this.random, 0, topic.partitions);
      steps.push(() => this.#produce(sim, topic, partition));
    }
    for (const groupId of groups) {
      if (this.random.next() < 0.6) steps.push(() => this.#commitOffset(sim, groupId));
    }
    return steps;
  }

  /** True if its process is gone in the middle; what it has sent last may come in at any time. */
  async #befall(sim: SimTransaction, last: () => Promise<Outcome>): Promise<boolean> {
    if (!this.#isTroubled) return false;
    const chance = this.random.next();
    if (chance < DIES) {
      this.cluster.world.note('clientDies', sim.name);
      if (this.random.next() < 0.7) void last();
      return true;
    }
    if (chance < DIES + SLEEPS) {
      const ms = Math.ceil(this.random.next() * SLEEP_TIMEOUTS_MAX * this.plan.timeoutMs);
      this.cluster.world.note('clientSleeps', sim.name, ms);
      await this.sleep(ms);
    }
    return false;
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
    return this.#attempt(sim, `a batch to ${place}`, topic, async () => {
      const answer = await this.#askCopied(
        ApiKey.Produce,
        version,
        {
          transactionalId: sim.transactionalId,
          acks: -1,
          timeoutMs: 2_000,
          topicData: [{ name: topic.name, partitionData: [{ index: partition, records: [sent.bytes] }] }],
        },
        4_000,
        sent,
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

  async #commitOffset(sim: SimTransaction, groupId: string): Promise<Outcome> {
    const added = await this.#add(sim, groupId, async () => {
      const { transactionalId, producerId, producerEpoch } = sim;
      const body = { transactionalId, producerId, producerEpoch, groupId };
      const answer = await this.#askCopied(ApiKey.AddOffsetsToTxn, 3, body);
      return answer === 'closed' ? undefined : answer.errorCode;
    });
    if (added !== 'done') return added;
    const from = this.#positions.get(groupId)!;
    const to = from + randomInt(this.random, 1, 4);
    const { number } = this.cluster.world.groups.commit(groupId, NOBODY, this.#key, to);
    const offset: TransactionOffset = { number, groupId, key: this.#key, from, to };
    this.#ledger.sends(sim, offset);
    const { transactionalId, producerId, producerEpoch } = sim;
    const row = { partitionIndex: this.plan.place, committedOffset: to, committedMetadata: `#${number}` };
    const topics = [{ name: this.scene.input.name, partitions: [row] }];
    return this.#attempt(sim, `offsets of ${groupId}`, this.scene.input, async () => {
      const body = { transactionalId, groupId, producerId, producerEpoch, topics };
      const version = sim.protocol === 2 ? 5 : 3;
      const answer =
        sim.protocol === 2
          ? await this.#askCopied(ApiKey.TxnOffsetCommit, version, body)
          : await this.ask(ApiKey.TxnOffsetCommit, version, body);
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
    const outcome = await this.#attempt(sim, `adding ${what}`, topic, ask);
    if (outcome === 'done') added.add(what);
    return outcome;
  }

  async #addPartition(sim: SimTransaction, topic: SimTopic, partition: number): Promise<number | undefined> {
    const answer = await this.#askCopied(ApiKey.AddPartitionsToTxn, 3, {
      v3AndBelowTransactionalId: sim.transactionalId,
      v3AndBelowProducerId: sim.producerId,
      v3AndBelowProducerEpoch: sim.producerEpoch,
      v3AndBelowTopics: [{ name: topic.name, partitions: [partition] }],
    });
    if (answer === 'closed') return undefined;
    return answer.resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!.partitionErrorCode;
  }

  /** Sends until there is an answer that stays. `ask` gives the error code; undefined without an answer. */
  async #attempt(
    sim: SimTransaction,
    what: string,
    topic: SimTopic | undefined,
    ask: () => Promise<number | undefined>,
  ): Promise<Outcome> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX && !this.#isOver; attempt++) {
      const wasOpen = this.#ledger.isOpen(sim);
      const code = await ask();
      if (code === OK) return 'done';
      if (code !== undefined && GONE.has(code)) {
        if (topic?.deleting !== true) this.cluster.world.report('unknownTopic', `${sim.name}: ${what}`);
        return 'failed';
      }
      if (code !== undefined && LOST.has(code)) {
        if (wasOpen && this.#ledger.isOpen(sim)) {
          this.cluster.world.report('wronglyRefused', `${sim.name} is open, and ${what} was answered ${code}`);
        }
        return 'lost';
      }
      if (code !== undefined && !RETRIED.has(code)) {
        this.#unexpected(what, code);
        return 'failed';
      }
      // What it gives up may still come in.
      if (this.#isTroubled && this.random.next() < GIVES_UP) return 'failed';
      if (this.random.next() < 0.5) this.leave();
      await this.pause();
    }
    return 'failed';
  }

  async #end(sim: SimTransaction, commit: boolean): Promise<Outcome> {
    const { world } = this.cluster;
    const { transactionalId, producerId, producerEpoch, protocol } = sim;
    const body = { transactionalId, producerId, producerEpoch, committed: commit };
    const hasSome = sim.batches.length + sim.offsets.length > 0;
    if (commit && !hasSome) return 'done';
    sim.asked = commit ? 'commit' : 'abort';
    world.note('ending', sim.name, sim.asked);
    while (!this.#isOver) {
      const answer =
        protocol === 2
          ? await this.#askCopied(ApiKey.EndTxn, 5, body, END_TIMEOUT_MS)
          : await this.ask(ApiKey.EndTxn, 3, body, END_TIMEOUT_MS);
      const code = answer === 'closed' ? undefined : answer.errorCode;
      world.note('ended', sim.name, code ?? 'closed');
      if (code === OK && answer !== 'closed') {
        this.#ledger.ended(sim);
        for (const { groupId, to } of commit ? sim.offsets : []) this.#positions.set(groupId, to);
        if (protocol === 2) this.#take(answer.producerId, answer.producerEpoch);
        return 'done';
      }
      if (code !== undefined && LOST.has(code)) {
        // An abort of a transaction of which nothing has come in.
        const isNothing = protocol === 1 && code === errorCode('INVALID_TXN_STATE') && !commit;
        this.#inDoubt ||= isNothing;
        return isNothing ? 'failed' : 'lost';
      }
      if (code !== undefined && !RETRIED.has(code)) this.#unexpected('EndTxn', code);
      this.#inDoubt ||= protocol === 1;
      this.leave();
      await this.pause();
    }
    return 'lost';
  }

  /** Once all is over, nothing is pending. */
  async #checkStable(): Promise<void> {
    if (!this.#isOver) await this.#fetchPositions();
  }

  /** Asks, and now and then the network keeps a copy that comes later, to any process. */
  #askCopied<Key extends ApiKey>(
    apiKey: Key,
    version: number,
    body: RequestInput<Key>,
    timeoutMs = ANSWER_TIMEOUT_MS,
    sent?: Sent,
  ): Promise<Answer<Key>> {
    const { cluster, random } = this;
    if (sent !== undefined) sent.sends++;
    const copied = () => {
      if (sent !== undefined) sent.sends++;
      // InitProducerId may take the id away from whoever has got it meanwhile.
      if (apiKey === ApiKey.InitProducerId) this.#ledger.inits(this.plan.transactionalId);
    };
    return this.connection.ask(apiKey, version, body, timeoutMs, { instance: cluster.pick(random), copied });
  }

  #unexpected(what: string, code: number): void {
    this.cluster.world.report('unexpectedError', `${this.name} was answered ${code} to ${what}`);
  }
}

function codes(names: readonly ErrorName[]): ReadonlySet<number> {
  return new Set(names.map((name) => errorCode(name)));
}
