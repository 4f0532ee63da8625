import type { RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import { isUnreadable } from '../journal/read.ts';
import { PlaceOrder } from '../kit/place-order.ts';
import { hasProducerId } from '../records/batch.ts';
import { type ProducedBatch, readProducedBatch } from '../records/validate.ts';
import { TopicAccess } from './access.ts';
import { appendBatch, type ProduceResult } from './append-batch.ts';
import type { AppendEnvironment } from './environment.ts';
import { type FoundPartition, findPartition } from './find-partition.ts';
import { Interrupted } from './interrupted.ts';
import { lead } from './leading.ts';
import type { OpenPartition, TopicReference } from './partitions.ts';
import {
  NO_TRANSACTION,
  type ProduceTransaction,
  type TransactionTerms,
  transactionOf,
} from './produce-transaction.ts';
import { type SequencedAppend, sequencedAppend } from './sequenced-append.ts';

/** The batch for one partition. */
export interface BatchToProduce {
  readonly topic: TopicReference;
  readonly partition: number;
  /** Exactly one record batch of magic 2. */
  readonly records: Buffer | null;
}

export interface ProduceTerms {
  /** How long the client waits for the response; ms. */
  readonly timeoutMs: number;
  /** False for a client version without zstd support. */
  readonly allowsZstd: boolean;
  /** Default: the request has no transactional id. */
  readonly transaction?: TransactionTerms;
}

/**
 * Minimum time-out. With a shorter one the answer would be REQUEST_TIMED_OUT before the store can
 * answer; ms.
 */
const TIMEOUT_MIN_MS = 1_000;

/** The parameters that all batches of a request share. */
interface Terms {
  readonly access: TopicAccess;
  readonly allowsZstd: boolean;
  /** Undefined if no batch is transactional. */
  readonly transaction: ProduceTransaction | undefined;
  /** By Clock.monotonic(); ms. */
  readonly deadline: number;
}

/** A batch that is ready to be appended to its journal. */
interface Arrival {
  readonly terms: Terms;
  readonly produced: ProducedBatch;
  /** Undefined for a batch without a sequence. */
  readonly sequenced: SequencedAppend | undefined;
}

/**
 * Appends the batches of producers. There is one per process. It keeps the order of the batches
 * that wait for their topic or journal, and remembers which producers' batches failed.
 */
export class Producing {
  readonly #env: AppendEnvironment;
  readonly #interrupted: Interrupted;
  /**
   * Batches that wait for a read of their topic or journal, or for a takeover, by topic as the
   * requests name it.
   */
  readonly #cold = new PlaceOrder<string>();

  constructor(env: AppendEnvironment) {
    this.#env = env;
    this.#interrupted = new Interrupted(env.clock);
  }

  /** See Log.produce. */
  produce(
    context: RequestContext,
    batches: readonly BatchToProduce[],
    { timeoutMs, allowsZstd, transaction: transactionTerms = NO_TRANSACTION }: ProduceTerms,
  ): Promise<ProduceResult[]> {
    const produced = batches.map(({ records }) => readProducedBatch(records));
    const transaction = transactionOf(this.#env.transactions, transactionTerms, produced);
    if (transaction !== undefined && 'error' in transaction) {
      return Promise.resolve(batches.map(() => ({ kind: 'rejected', ...transaction })));
    }
    const access = new TopicAccess(this.#env, context, 'WRITE', batches, transaction?.access);
    const timeout = Math.max(timeoutMs, TIMEOUT_MIN_MS);
    const deadline = Math.min(this.#env.clock.monotonic() + timeout, context.deadline);
    const terms = { access, allowsZstd, transaction, deadline };
    return Promise.all(batches.map((batch, index) => this.#place(batch, produced[index]!, terms)));
  }

  /**
   * Appends at once if this process has the journal open and leads it, the client's rights are
   * known, and no earlier batch of the topic waits. Otherwise the batch waits for its place, in the
   * order of the calls.
   */
  #place(batch: BatchToProduce, produced: ProducedBatch, terms: Terms): Promise<ProduceResult> {
    const { topic, partition } = batch;
    const key = topic.name ?? topic.id;
    const arrival = { terms, produced, sequenced: this.#sequenced(key, partition, produced) };
    if (!this.#cold.isHeld(key)) {
      const target = this.#env.partitions.peek(topic, partition);
      const mayTransact = terms.access.peekAlso();
      if (mayTransact === false) return Promise.resolve(MAY_NOT_TRANSACT);
      const isAllowed = mayTransact && target && terms.access.peek(target.topic.record.name);
      if (isAllowed === false) return NOT_AUTHORIZED;
      const leads = isAllowed && this.#env.leadership.peek(target.open);
      if (leads !== undefined) return this.#append(target, leads.epoch, arrival);
    }
    return this.#cold.place(key, () => this.#placeCold(batch, arrival));
  }

  #sequenced(topic: string, partition: number, produced: ProducedBatch): SequencedAppend | undefined {
    if (produced.kind !== 'batch' || !hasProducerId(produced.header)) return undefined;
    const { producerId, producerEpoch, baseSequence } = produced.header;
    const stream = `${topic}/${partition}/${producerId}/${producerEpoch}`;
    return sequencedAppend(this.#interrupted, stream, baseSequence);
  }

  /**
   * Opens the journal, makes this process lead it, and appends. Resolves once the place is taken.
   */
  async #placeCold(
    { topic, partition }: BatchToProduce,
    arrival: Arrival,
  ): Promise<{ result: Promise<ProduceResult> }> {
    const { turns, partitions, leadership } = this.#env;
    const refuse = (error: ErrorName, reason?: string) => {
      const result: ProduceResult = { kind: 'rejected', error, reason };
      // The batches queued behind this one are decided before the promise's callbacks run.
      arrival.sequenced?.onResult(result);
      return { result: Promise.resolve(result) };
    };
    await turns.turn();
    const { access } = arrival.terms;
    if (!(access.peekAlso() ?? (await access.allowsAlso()))) return refuse(MAY_NOT_TRANSACT.error);
    let found: FoundPartition;
    try {
      found = await findPartition(partitions, arrival.terms.access, topic, partition);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      return refuse('KAFKA_STORAGE_ERROR', error.message);
    }
    if (found.kind === 'failed') return refuse(found.error);
    if (found.kind === 'internal') return refuse('INVALID_TOPIC_EXCEPTION');
    const led = await lead(leadership, found.open);
    return led.kind === 'leads' ? { result: this.#append(found, led.epoch, arrival) } : refuse(led.error);
  }

  #append(
    { open, partition, topic }: OpenPartition,
    leaderEpoch: number | undefined,
    { terms, produced, sequenced }: Arrival,
  ): Promise<ProduceResult> {
    const { validation, batchBytesMax } = this.#env;
    const { transaction } = terms;
    return appendBatch({
      open,
      partition,
      config: topic.config,
      produced,
      allowsZstd: terms.allowsZstd,
      validation,
      batchBytesMax,
      deadline: terms.deadline,
      transactionVerified: false,
      enterTransaction: transaction && (() => transaction.entering(topic.record.id, partition)),
      leaderEpoch,
      isBehindFailure: sequenced?.isBehindFailure,
      onResult: sequenced?.onResult,
    });
  }
}

const MAY_NOT_TRANSACT = { kind: 'rejected', error: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED' } as const;

const NOT_AUTHORIZED: Promise<ProduceResult> = Promise.resolve({
  kind: 'rejected',
  error: 'TOPIC_AUTHORIZATION_FAILED',
});
