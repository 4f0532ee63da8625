import type { RequestContext } from '../../core/context.ts';
import type { ErrorName } from '../../core/errors.ts';
import type { Offset } from '../../core/offset.ts';
import { randomInt } from '../../core/random.ts';
import { NO_PRODUCER_ID, NO_SEQUENCE } from '../../records/batch.ts';
import { encodeBatch } from '../../records/encode.ts';
import type { Topic } from '../../topics/topics.ts';
import type { RestEnvironment } from '../environment.ts';
import { kafkaMessage } from '../errors.ts';
import { type Plan, planBatches, type RecordToProduce } from './plan.ts';

/** What became of a record. */
export type ProducedRecord =
  | { readonly kind: 'stored'; readonly partition: number; readonly offset: Offset; readonly timestamp: number }
  | { readonly kind: 'noPartition' }
  | { readonly kind: 'failed'; readonly error: ErrorName; readonly message: string };

/**
 * What a repetition of a request has to have in common with the first attempt, so that its batches
 * are the same.
 */
export interface ProduceIdentity {
  readonly producerId: number;
  /** The number of partitions at the first attempt. */
  readonly partitions: number;
  /** The partition of records without a key. */
  readonly sticky: number;
  /** The timestamp of records without one; ms. */
  readonly timestamp: number;
}

/** How long an append may take; ms. */
const TIMEOUT_MS = 30_000;

/** An identity of a request that is not repeated: its batches have no producer id. */
export function newIdentity({ random, clock }: RestEnvironment, { record }: Topic, producerId = NO_PRODUCER_ID) {
  const sticky = randomInt(random, 0, record.partitions);
  return { producerId, partitions: record.partitions, sticky, timestamp: clock.now() };
}

/** The batches of a request. */
export function planFor(topic: Topic, records: readonly RecordToProduce[], identity: ProduceIdentity): Plan {
  return planBatches(records, identity.partitions, identity.sticky, topic.config.maxMessageBytes);
}

/**
 * Appends the records of a request, in batches by partition. Each batch is stored as a whole or not
 * at all, and the batches of a partition in their order. The results are in the order of the records.
 */
export async function produceRecords(
  rest: RestEnvironment,
  context: RequestContext,
  topic: Topic,
  records: readonly RecordToProduce[],
  identity: ProduceIdentity = newIdentity(rest, topic),
  plan: Plan = planFor(topic, records, identity),
): Promise<ProducedRecord[]> {
  const results = new Array<ProducedRecord>(records.length).fill({ kind: 'noPartition' });
  const rounds = Math.max(0, ...plan.partitions.map(({ batches }) => batches.length));
  const sequences = new Map<number, number>();
  const running: Promise<void>[] = [];
  for (let round = 0; round < rounds; round++) {
    const due = plan.partitions.flatMap(({ partition, batches }) => {
      const positions = batches[round];
      return positions === undefined ? [] : [{ partition, positions }];
    });
    const batches = due.map(({ partition, positions }) => {
      const baseSequence = sequences.get(partition) ?? 0;
      sequences.set(partition, baseSequence + positions.length);
      return {
        topic: { name: topic.record.name },
        partition,
        records: encode(records, positions, identity, baseSequence),
      };
    });
    // A round has its place in the order before this returns; the next need not wait for it.
    const appended = rest.log.produce(context, batches, { timeoutMs: TIMEOUT_MS, allowsZstd: true });
    running.push(
      appended.then((outcomes) => {
        for (const [index, { partition, positions }] of due.entries()) {
          const outcome = outcomes[index]!;
          for (const [at, position] of positions.entries()) {
            if (outcome.kind === 'appended') {
              const own = records[position]!.timestamp ?? identity.timestamp;
              const timestamp = outcome.logAppendTime >= 0 ? outcome.logAppendTime : own;
              results[position] = { kind: 'stored', partition, offset: outcome.baseOffset + at, timestamp };
            } else {
              const wrong = outcome.recordErrors?.find(({ batchIndex }) => batchIndex === at)?.message ?? undefined;
              const message = kafkaMessage(outcome.error, wrong ?? outcome.message);
              results[position] = { kind: 'failed', error: outcome.error, message };
            }
          }
        }
      }),
    );
  }
  await Promise.all(running);
  return results;
}

function encode(
  records: readonly RecordToProduce[],
  positions: readonly number[],
  { producerId, timestamp }: ProduceIdentity,
  baseSequence: number,
): Buffer {
  const inputs = positions.map((position) => {
    const record = records[position]!;
    return { ...record, timestamp: record.timestamp ?? timestamp };
  });
  const sequenced = producerId !== NO_PRODUCER_ID;
  return encodeBatch(inputs, {
    producerId,
    ...(sequenced ? { producerEpoch: 0 } : {}),
    baseSequence: sequenced ? baseSequence : NO_SEQUENCE,
  });
}
