import { ERROR_CODES } from '../../core/errors.ts';
import { ApiKey } from '../../wire/apis.ts';
import { brokerRefusal, CommandError, isRetriable } from '../failure.ts';
import { Attempts } from './attempts.ts';
import { type CoordinatorLookup, findCoordinator, KeyType } from './coordinator.ts';
import type { KafkaClient } from './kafka-client.ts';
import { askMetadata, partitionsByLeader, type Topic, type TopicPartition } from './topics.ts';

/** A transactional id in the answer to ListTransactions. */
export interface ListedTransaction {
  readonly transactionalId: string;
  readonly coordinator: number;
  readonly producerId: number;
  readonly state: string;
}

/** The state of a transactional id. */
export interface DescribedTransaction extends ListedTransaction {
  readonly producerEpoch: number;
  readonly timeoutMs: number;
  /** Ms since the Unix epoch; undefined if the id has no transaction yet. */
  readonly startedAt: number | undefined;
  /** Topic -> partitions of the open transaction. */
  readonly partitions: ReadonlyMap<string, readonly number[]>;
}

/** An open transaction as a partition's leader sees it. */
export interface OpenTransaction {
  readonly topic: string;
  readonly partition: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly coordinatorEpoch: number;
  readonly startOffset: number;
  /** Timestamp of its newest batch; ms since the Unix epoch. */
  readonly lastTimestamp: number;
}

export interface TransactionsFilter {
  readonly states: readonly string[];
  readonly producerIds: readonly number[];
  /** Only transactions that began longer ago; ms; undefined: all. */
  readonly longerThanMs: number | undefined;
  /** In RE2's syntax; matches whole ids. */
  readonly pattern: string | undefined;
}

const FIRST_WITH_DURATION = 1;
const FIRST_WITH_PATTERN = 2;
const RETRY_MS = 100;

/** Time-out of the transactions that a fence would begin; there are none. */
const FENCE_TIMEOUT_MS = 60_000;

/** Abort, in WriteTxnMarkers. */
const ABORT = false;

/** The transactions of a cluster. All methods throw CommandError. */
export class TransactionClient {
  readonly #client: KafkaClient;
  readonly #lookup: CoordinatorLookup;

  constructor(client: KafkaClient, lookup: CoordinatorLookup) {
    this.#client = client;
    this.#lookup = lookup;
  }

  /** The transactional ids of all coordinators that pass the filter, by id. */
  async list(filter: TransactionsFilter): Promise<ListedTransaction[]> {
    const { brokers } = await askMetadata(this.#client, [], false);
    const listed = await Promise.all(brokers.map(({ nodeId }) => this.#listOf(nodeId, filter)));
    return listed.flat().sort((a, b) => (a.transactionalId < b.transactionalId ? -1 : 1));
  }

  async #listOf(node: number, { states, producerIds, longerThanMs, pattern }: TransactionsFilter) {
    const { version, body } = await this.#client.askWithVersion(
      ApiKey.ListTransactions,
      (version) => ({
        stateFilters: [...states],
        producerIdFilters: [...producerIds],
        ...(longerThanMs !== undefined && version >= FIRST_WITH_DURATION && { durationFilter: longerThanMs }),
        ...(pattern !== undefined && version >= FIRST_WITH_PATTERN && { transactionalIdPattern: pattern }),
      }),
      { node },
    );
    const lacking = lackingFilter(version, longerThanMs, pattern);
    if (lacking !== undefined) {
      throw new CommandError(`The broker is too old for ${lacking}: it serves ListTransactions up to ${version}.`, {
        kafkaError: 'UNSUPPORTED_VERSION',
      });
    }
    if (body.errorCode !== 0) throw brokerRefusal('The transactions are not known', body.errorCode);
    const [unknown] = body.unknownStateFilters;
    if (unknown !== undefined) {
      throw new CommandError(`There is no state ${unknown}: ${STATES.join(', ')}.`, { kafkaError: 'INVALID_REQUEST' });
    }
    return body.transactionStates.map(({ transactionalId, producerId, transactionState }) => ({
      ...{ transactionalId, coordinator: node, producerId, state: transactionState },
    }));
  }

  /** The state of a transactional id; undefined if it is unknown. */
  async describe(transactionalId: string): Promise<DescribedTransaction | undefined> {
    const node = await this.#coordinator(transactionalId);
    const body = { transactionalIds: [transactionalId] };
    const { transactionStates } = await this.#client.ask(ApiKey.DescribeTransactions, body, { node });
    const state = transactionStates[0]!;
    if (state.errorCode === ERROR_CODES.TRANSACTIONAL_ID_NOT_FOUND) return undefined;
    if (state.errorCode !== 0) throw brokerRefusal(`${transactionalId} cannot be described`, state.errorCode);
    return {
      transactionalId,
      coordinator: node,
      producerId: state.producerId,
      producerEpoch: state.producerEpoch,
      state: state.transactionState,
      timeoutMs: state.transactionTimeoutMs,
      startedAt: state.transactionStartTimeMs < 0 ? undefined : state.transactionStartTimeMs,
      partitions: new Map(state.topics.map(({ topic, partitions }) => [topic, partitions])),
    };
  }

  /**
   * Aborts the open transaction of a transactional id, if there is one, and fences its producer
   * (Kafka: Admin.forceTerminateTransaction).
   */
  async terminate(transactionalId: string): Promise<void> {
    const node = await this.#coordinator(transactionalId);
    const attempts = new Attempts(this.#lookup.clock, this.#lookup.timeoutMs, RETRY_MS);
    for (;;) {
      const request = { transactionalId, transactionTimeoutMs: FENCE_TIMEOUT_MS };
      const { errorCode } = await this.#client.ask(ApiKey.InitProducerId, request, { node });
      if (errorCode === 0) return;
      const isTransient = errorCode === ERROR_CODES.CONCURRENT_TRANSACTIONS || isRetriable(errorCode);
      if (!isTransient || attempts.areOver) {
        throw brokerRefusal(`The transaction of ${transactionalId} was not aborted`, errorCode);
      }
      await attempts.wait();
    }
  }

  /** The open transactions in partitions of a topic, as their leaders see them. */
  async openIn(topic: Topic, partitions: readonly TopicPartition[]): Promise<OpenTransaction[]> {
    const open: OpenTransaction[] = [];
    await Promise.all(
      [...partitionsByLeader(partitions)].map(async ([node, led]) => {
        const request = { topics: [{ name: topic.name, partitionIndexes: led.map(({ index }) => index) }] };
        const { topics } = await this.#client.ask(ApiKey.DescribeProducers, request, { node });
        for (const { partitionIndex, errorCode, errorMessage, activeProducers } of topics[0]?.partitions ?? []) {
          const where = `${topic.name}-${partitionIndex}`;
          if (errorCode !== 0) throw brokerRefusal(`The producers of ${where} are not known`, errorCode, errorMessage);
          for (const { producerId, producerEpoch, coordinatorEpoch, ...rest } of activeProducers) {
            const { currentTxnStartOffset: startOffset, lastTimestamp } = rest;
            if (startOffset < 0) continue;
            const identity = { producerId, producerEpoch, coordinatorEpoch };
            open.push({ topic: topic.name, partition: partitionIndex, ...identity, startOffset, lastTimestamp });
          }
        }
      }),
    );
    return open.sort((a, b) => a.partition - b.partition || a.startOffset - b.startOffset);
  }

  /** Writes an abort marker for a transaction that no coordinator ends (Kafka: Admin.abortTransaction). */
  async abortHanging(open: OpenTransaction, leader: number): Promise<void> {
    const { topic, partition, producerId, producerEpoch, coordinatorEpoch } = open;
    const topics = [{ name: topic, partitionIndexes: [partition] }];
    const marker = { producerId, producerEpoch, coordinatorEpoch: Math.max(0, coordinatorEpoch), topics };
    const request = { markers: [{ ...marker, transactionResult: ABORT }] };
    const { markers } = await this.#client.ask(ApiKey.WriteTxnMarkers, request, { node: leader });
    const code = markers[0]?.topics[0]?.partitions[0]?.errorCode ?? ERROR_CODES.UNKNOWN_SERVER_ERROR;
    if (code !== 0) throw brokerRefusal(`The transaction in ${topic}-${partition} was not aborted`, code);
  }

  #coordinator(transactionalId: string): Promise<number> {
    return findCoordinator(this.#client, this.#lookup, KeyType.transaction, transactionalId, transactionalId);
  }
}

/** What can be asked for (org.apache.kafka.clients.admin.TransactionState). */
export const STATES = ['Empty', 'Ongoing', 'PrepareCommit', 'PrepareAbort', 'CompleteCommit', 'CompleteAbort'] as const;

function lackingFilter(version: number, longerThanMs: number | undefined, pattern: string | undefined) {
  if (longerThanMs !== undefined && version < FIRST_WITH_DURATION) return '--longer-than';
  return pattern !== undefined && version < FIRST_WITH_PATTERN ? '--pattern' : undefined;
}

/** The error for a transactional id that does not exist. */
export function unknownTransaction(transactionalId: string): CommandError {
  return new CommandError(
    `There is no transactional id ${transactionalId} (TRANSACTIONAL_ID_NOT_FOUND). tidelog transactions list shows all.`,
    { kafkaError: 'TRANSACTIONAL_ID_NOT_FOUND' },
  );
}
