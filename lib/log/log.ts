import type { RequestContext } from '../core/context.ts';
import type { ProduceResult } from './append-batch.ts';
import { type EpochToEnd, leaderEpochEnds, listOffsets, type OffsetToList } from './ask-offsets.ts';
import { type CurrentLeader, currentLeader } from './current-leader.ts';
import { type DeletedRecords, deleteRecords, type RecordsToDelete } from './delete-records.ts';
import { type DescribedProducers, describeProducers, type ProducersToDescribe } from './describe-producers.ts';
import type { AppendEnvironment, LogEnvironment, PartitionsEnvironment, ReadEnvironment } from './environment.ts';
import { type FetchResult, type FetchTerms, fetch, type PartitionToFetch } from './fetch.ts';
import type { EpochEnd } from './leader-epoch.ts';
import type { ListedOffset } from './list-offsets.ts';
import type { Partitions, TopicReference } from './partitions.ts';
import { type BatchToProduce, type ProduceTerms, Producing } from './produce.ts';
import type { IsolationLevel } from './read-partitions.ts';

/**
 * The interface to partitions for the request handlers. Each call is one request of a client: it
 * resolves topics, checks rights, and makes this process lead the journals or answers which node
 * does. A failure for one partition is an error of that partition only. Results are in the order of
 * the request.
 *
 * A function has only the calls that its handlers make, so that its bundle has no others.
 */
export interface Log extends AppendCalls, ReadCalls, AdminCalls {
  /** For background work, which checks no rights and leads no journals. */
  readonly partitions: Partitions;
}

interface LeaderCalls {
  /**
   * The node that should lead a partition. Reads nothing; undefined if this process does not know
   * it.
   */
  leaderOf(topic: TopicReference, partition: number): CurrentLeader | undefined;
}

export interface AppendCalls extends LeaderCalls {
  /**
   * Appends batches, at most one per partition. A batch has its place in its journal's order before
   * this returns, if its partition is in memory. Otherwise the batches of a topic get their places
   * in the order of the calls. Each result resolves when its batch is durable or refused.
   */
  produce(context: RequestContext, batches: readonly BatchToProduce[], terms: ProduceTerms): Promise<ProduceResult[]>;
}

export interface ReadCalls extends LeaderCalls {
  /**
   * Reads partitions and waits for enough data, as Kafka does (KafkaApis.handleFetchRequest,
   * ReplicaManager.fetchMessages). A read error ends the wait. Partitions that do not exist, or
   * that the client may not read, end it only if the request names no others.
   */
  fetch(context: RequestContext, partitions: readonly PartitionToFetch[], terms: FetchTerms): Promise<FetchResult>;

  /** The offsets at timestamps or special positions, from up-to-date views. */
  listOffsets(
    context: RequestContext,
    asked: readonly OffsetToList[],
    isolation: IsolationLevel,
  ): Promise<ListedOffset[]>;

  /**
   * The end of leader epochs, from up-to-date views. A consumer uses it to check whether its
   * position is still valid.
   */
  leaderEpochEnds(context: RequestContext, asked: readonly EpochToEnd[]): Promise<EpochEnd[]>;
}

export interface AdminCalls {
  /**
   * The producers that partitions remember, with their open transactions, from up-to-date views
   * (Kafka: KafkaApis.handleDescribeProducersRequest).
   */
  describeProducers(context: RequestContext, asked: readonly ProducersToDescribe[]): Promise<DescribedProducers[]>;

  /**
   * Deletes the records of partitions below an offset: raises their log starts. Reads see the new
   * start once this resolves; the space is given back later. A partition whose topic's
   * cleanup.policy has no `delete` gets POLICY_VIOLATION, an offset beyond the end
   * OFFSET_OUT_OF_RANGE.
   *
   * @param timeoutMs how long the client waits for the response; ms
   */
  deleteRecords(
    context: RequestContext,
    asked: readonly RecordsToDelete[],
    timeoutMs: number,
  ): Promise<DeletedRecords[]>;
}

export function openLog(env: LogEnvironment): Log {
  return { partitions: env.partitions, ...appendCalls(env), ...readCalls(env), ...adminCalls(env) };
}

export function appendCalls(env: AppendEnvironment): AppendCalls {
  const producing = new Producing(env);
  return {
    produce: (context, batches, terms) => producing.produce(context, batches, terms),
    leaderOf: (topic, partition) => currentLeader(env, topic, partition),
  };
}

export function readCalls(env: ReadEnvironment): ReadCalls {
  return {
    fetch: (context, partitions, terms) => fetch(env, context, partitions, terms),
    listOffsets: (context, asked, isolation) => listOffsets(env, context, asked, isolation),
    leaderEpochEnds: (context, asked) => leaderEpochEnds(env, context, asked),
    leaderOf: (topic, partition) => currentLeader(env, topic, partition),
  };
}

export function adminCalls(env: PartitionsEnvironment): AdminCalls {
  return {
    describeProducers: (context, asked) => describeProducers(env, context, asked),
    deleteRecords: (context, asked, timeoutMs) => deleteRecords(env, context, asked, timeoutMs),
  };
}
