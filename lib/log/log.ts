import type { RequestContext } from '../core/context.ts';
import type { ProduceResult } from './append-batch.ts';
import { type EpochToEnd, leaderEpochEnds, listOffsets, type OffsetToList } from './ask-offsets.ts';
import type { LogEnvironment } from './environment.ts';
import { type FetchResult, type FetchTerms, fetch, type PartitionToFetch } from './fetch.ts';
import type { EpochEnd } from './leader-epoch.ts';
import type { ListedOffset } from './list-offsets.ts';
import type { Partitions, TopicReference } from './partitions.ts';
import { type BatchToProduce, type ProduceTerms, Producing } from './produce.ts';
import type { IsolationLevel } from './read-partitions.ts';

/** The node that a client is to ask instead, and the epoch under which it leads, as far as this process knows. */
export interface CurrentLeader {
  readonly leaderId: number;
  readonly leaderEpoch: number;
}

/**
 * The one door to partitions, for whoever serves clients. Each call is one request of a client: its topics are resolved,
 * its rights are checked, and this process leads the journals or answers which node does. What a call cannot do for a
 * partition is that partition's error. Results come in the order of what was asked.
 */
export class Log {
  readonly #env: LogEnvironment;
  readonly #producing: Producing;

  constructor(env: LogEnvironment) {
    this.#env = env;
    this.#producing = new Producing(env);
  }

  /** For work that no client asked for, which checks no rights and leads nothing. */
  get partitions(): Partitions {
    return this.#env.partitions;
  }

  /**
   * Appends batches, at most one for each partition. A batch has its place in its journal's order before this returns, if
   * the partition is at hand; the batches of a topic that is not get their places in the order of the calls. Each result
   * comes when its batch is durable, or refused.
   */
  produce(context: RequestContext, batches: readonly BatchToProduce[], terms: ProduceTerms): Promise<ProduceResult[]> {
    return this.#producing.produce(context, batches, terms);
  }

  /**
   * Reads partitions and waits until there is enough, as Kafka does (KafkaApis.handleFetchRequest,
   * ReplicaManager.fetchMessages). An error found while reading ends the wait. Partitions that do not exist or that the
   * client may not read end it only if the request names no others.
   */
  fetch(context: RequestContext, partitions: readonly PartitionToFetch[], terms: FetchTerms): Promise<FetchResult> {
    return fetch(this.#env, context, partitions, terms);
  }

  /** The offsets at timestamps or at named positions, by the newest views. */
  listOffsets(
    context: RequestContext,
    asked: readonly OffsetToList[],
    isolation: IsolationLevel,
  ): Promise<ListedOffset[]> {
    return listOffsets(this.#env, context, asked, isolation);
  }

  /** Where leader epochs ended, by the newest views: a consumer learns from it whether its position is still valid. */
  leaderEpochEnds(context: RequestContext, asked: readonly EpochToEnd[]): Promise<EpochEnd[]> {
    return leaderEpochEnds(this.#env, context, asked);
  }

  /** Which node should lead a partition. Reads nothing; undefined if this process does not know. */
  leaderOf(topic: TopicReference, partition: number): CurrentLeader | undefined {
    const open = this.#env.partitions.peek(topic, partition)?.open;
    if (open === undefined) return undefined;
    const leaderId = this.#env.leadership.nodeOf(open.journal.id);
    return leaderId === undefined ? undefined : { leaderId, leaderEpoch: open.journal.view.leaderEpoch };
  }
}
