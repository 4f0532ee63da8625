import type { RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import type { Offset } from '../core/offset.ts';
import { isForgotten, type ProducerState } from '../journal/producers.ts';
import type { JournalView } from '../journal/view.ts';
import { each } from '../kit/each.ts';
import { NO_SEQUENCE } from '../records/batch.ts';
import type { StoreTime } from '../storage/ports.ts';
import { topicNameProblem } from '../topics/topic-name.ts';
import { TopicAccess } from './access.ts';
import { askPartition } from './ask-partition.ts';
import type { PartitionsEnvironment } from './environment.ts';
import type { TopicReference } from './partitions.ts';

/** A request for the producers of a partition. */
export interface ProducersToDescribe {
  readonly topic: TopicReference;
  readonly partition: number;
}

/** A producer that the partition remembers. */
export interface ActiveProducer {
  readonly producerId: number;
  readonly producerEpoch: number;
  /** -1 without a batch of this epoch. */
  readonly lastSequence: number;
  /** Timestamp of its last batch, or time of its last marker; ms. */
  readonly lastTimestamp: number;
  /** First offset of its open transaction; NO_OFFSET if there is none. */
  readonly transactionStart: Offset;
}

export interface DescribedProducers {
  readonly error: ErrorName;
  /** Why the store could not be read, for operators; only with KAFKA_STORAGE_ERROR. */
  readonly reason?: string | undefined;
  readonly producers: readonly ActiveProducer[];
}

/** See Log.describeProducers. */
export function describeProducers(
  env: PartitionsEnvironment,
  context: RequestContext,
  asked: readonly ProducersToDescribe[],
): Promise<DescribedProducers[]> {
  const access = new TopicAccess(env, context, 'READ', asked);
  return each(
    env,
    asked,
    (one) => {
      const { name } = one.topic;
      if (name !== undefined && topicNameProblem(name) !== undefined) return notDescribed('INVALID_TOPIC_EXCEPTION');
      return askPartition<DescribedProducers>(env, access, one, {
        ask: async ({ journal }) => {
          await journal.catchUp(true);
          const { view } = journal;
          if (view.closed) return notDescribed('UNKNOWN_TOPIC_OR_PARTITION');
          const producers = activeProducers(view, one.partition, journal.env.stores.journal.now());
          return { error: 'NONE', producers };
        },
        withoutRecords: () => ({ error: 'NONE', producers: [] }),
        failed: notDescribed,
      });
    },
    ({ topic, partition }) => `${topic.name ?? topic.id}/${partition}`,
  );
}

/** The producers of a partition that are not forgotten, by id (Kafka: UnifiedLog.activeProducers). */
export function activeProducers(view: JournalView, partition: number, now: StoreTime): ActiveProducer[] {
  const producers = view.partitions.get(partition)?.producers ?? new Map<number, ProducerState>();
  return [...producers]
    .filter(([, state]) => !isForgotten(state, now))
    .sort(([a], [b]) => a - b)
    .map(([producerId, { epoch, batches, lastTime, transactionStart }]) => {
      const last = batches.at(-1);
      const lastTimestamp = last?.timestamp ?? lastTime;
      return {
        producerId,
        producerEpoch: epoch,
        lastSequence: last?.lastSequence ?? NO_SEQUENCE,
        lastTimestamp,
        transactionStart,
      };
    });
}

function notDescribed(error: ErrorName, reason?: string): DescribedProducers {
  return { error, reason, producers: [] };
}
