import { randomInt } from '../../lib/core/random.ts';
import type { Entry } from '../../lib/journal/entry.ts';
import type { JournalView } from '../../lib/journal/view.ts';
import { encodeControlBatch } from '../../lib/records/control.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { Caller } from './caller.ts';
import { checkAcknowledged } from './client-checks.ts';
import type { Cluster } from './cluster.ts';
import { appendVerified, insistOnEntry } from './direct.ts';
import { type KeysPlan, makeBatch } from './make-batch.ts';
import { journalOf, type SimTopic } from './topics.ts';

export interface TransactorPlan {
  /** Transactions in each stretch of the run. */
  readonly transactions: number;
  readonly batchesMax: number;
  readonly valueBytes: number;
  readonly keys?: KeysPlan;
}

const ATTEMPTS_MAX = 6;
const COMMIT_CHANCE = 0.6;

/**
 * A transactional producer and its coordinator in one, by the rules of transactions v2: each transaction has an epoch of its
 * own, and its markers carry the next one, in every partition that was tried, so that nothing late gets in behind them.
 */
export class Transactor extends Caller {
  readonly topic: SimTopic;
  readonly plan: TransactorPlan;
  #producerId = -1;
  #epoch = 0;
  #made = 0;
  acknowledged = 0;

  constructor(cluster: Cluster, name: string, topic: SimTopic, plan: TransactorPlan) {
    super(cluster, name);
    this.topic = topic;
    this.plan = plan;
  }

  async run(): Promise<void> {
    if (this.#producerId < 0) {
      const body = { transactionalId: null, transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 };
      this.#producerId = await this.insist(ApiKey.InitProducerId, 4, body, (answer) =>
        answer.errorCode === 0 ? answer.producerId : undefined,
      );
    }
    for (let left = this.plan.transactions; left > 0 && this.cluster.world.violations.length === 0; left--) {
      await this.#transaction();
    }
  }

  async #transaction(): Promise<void> {
    const { world } = this.cluster;
    const tried = new Map<number, number>();
    let complete = true;
    for (let left = randomInt(this.random, 1, this.plan.batchesMax + 1); left > 0 && complete; left--) {
      const partition = randomInt(this.random, 0, this.topic.partitions);
      const sequence = tried.get(partition) ?? 0;
      const records = randomInt(this.random, 1, 4);
      tried.set(partition, sequence + records);
      complete = await this.#append(partition, sequence, records);
    }
    const commit = complete && this.random.next() < COMMIT_CHANCE;
    const epoch = this.#epoch++;
    world.note('ending', this.name, epoch, commit ? 'commit' : 'abort');
    const journals = new Map<string, number[]>();
    for (const partition of tried.keys()) {
      const id = journalOf(this.topic, partition);
      journals.set(id, [...(journals.get(id) ?? []), partition]);
    }
    for (const partitions of journals.values()) await this.#mark(partitions, commit);
    for (const partition of tried.keys()) {
      const open = world.ledger.partition(journalOf(this.topic, partition), partition)?.open;
      if (open?.has(this.#producerId)) world.report('torn', `${this.name}/${epoch} is open after its markers`);
    }
    world.note('ended', this.name, epoch);
  }

  async #append(partition: number, baseSequence: number, records: number): Promise<boolean> {
    const { world } = this.cluster;
    const batch = makeBatch(world, this.random, {
      id: `${this.name}/${partition}/e${this.#epoch}/${this.#made++}`,
      kind: 'transactional',
      partition,
      records,
      valueBytes: this.plan.valueBytes,
      keys: this.plan.keys,
      producerId: this.#producerId,
      producerEpoch: this.#epoch,
      baseSequence,
    });
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const result = await appendVerified(this, this.topic, batch);
      const told = result === 'failed' || result.kind === 'appended' ? undefined : result.error;
      world.note('answer', batch.id, told ?? (result === 'failed' ? 'failed' : 0));
      if (result !== 'failed' && result.kind === 'appended') {
        checkAcknowledged(world, this.topic, batch, result.baseOffset);
        this.acknowledged++;
        return true;
      }
      if (told !== undefined && told !== 'REQUEST_TIMED_OUT' && told !== 'KAFKA_STORAGE_ERROR') {
        world.report('wronglyRefused', `${batch.id} is next, and was refused: ${told}`);
      }
      await this.pause();
    }
    return false;
  }

  /** Ends the transaction in one journal, wherever that has not been done yet. */
  async #mark(partitions: readonly number[], commit: boolean): Promise<void> {
    const producerId = this.#producerId;
    const producerEpoch = this.#epoch;
    const make = (view: JournalView, time: number): Entry | undefined => {
      if (view.closed) return undefined;
      const due = partitions.filter((partition) => {
        const state = view.partitions.get(partition)?.producers.get(producerId);
        return state === undefined || state.epoch < producerEpoch;
      });
      if (due.length === 0) return undefined;
      let position = 0;
      const payloads: Buffer[] = [];
      const batches = due.map((partition) => {
        const baseOffset = view.partitions.get(partition)?.nextOffset ?? 0;
        const bytes = encodeControlBatch({
          type: commit ? 'commit' : 'abort',
          producerId,
          producerEpoch,
          coordinatorEpoch: 0,
          timestamp: time,
          baseOffset,
          partitionLeaderEpoch: view.leaderEpoch,
        });
        payloads.push(bytes);
        const meta = {
          partition,
          baseOffset,
          lastOffsetDelta: 0,
          maxTimestamp: time,
          producerId,
          producerEpoch,
          baseSequence: -1,
          transactional: true,
          control: true,
          position,
          size: bytes.length,
        };
        position += bytes.length;
        return meta;
      });
      const payload = { kind: 'inline', bytes: Buffer.concat(payloads) } as const;
      return { kind: 'markers', time, producerId, producerEpoch, commit, batches, payload };
    };
    await insistOnEntry(this, this.topic, partitions[0]!, make);
  }
}
