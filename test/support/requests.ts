import { type BatchHeader, readBatchHeader } from '../../lib/records/batch.ts';
import type { BatchOptions, RecordInput } from '../../lib/records/encode.ts';
import { encodeBatch } from '../../lib/records/encode.ts';
import type { Record as KafkaRecord } from '../../lib/records/record.ts';
import { ApiKey, type ResponseBody } from '../../lib/wire/apis.ts';
import type { KafkaClient } from './kafka-client.ts';
import { readRecords } from './read-records.ts';

/** A topic as requests name it: by name up to certain versions, by id from then on. */
export interface TopicName {
  readonly name: string;
  readonly id: string;
}

export interface TopicOptions {
  readonly partitions?: number;
  readonly configs?: Readonly<Record<string, string>>;
}

/** Creates a topic; throws unless it was created. */
export async function createTopic(client: KafkaClient, name: string, options: TopicOptions = {}): Promise<TopicName> {
  const configs = Object.entries(options.configs ?? {}).map(([key, value]) => ({ name: key, value }));
  const { topics } = await client.ask(ApiKey.CreateTopics, 7, {
    topics: [{ name, numPartitions: options.partitions ?? 1, replicationFactor: 1, assignments: [], configs }],
    timeoutMs: 5_000,
  });
  const [created] = topics;
  if (created?.errorCode !== 0) throw new Error(`${name}: ${created?.errorCode} ${created?.errorMessage}`);
  return { name, id: created.topicId };
}

/** Deletes a topic; throws unless it was deleted. */
export async function deleteTopic(client: KafkaClient, name: string): Promise<void> {
  const { responses } = await client.ask(ApiKey.DeleteTopics, 5, { topicNames: [name], timeoutMs: 5_000 });
  if (responses[0]?.errorCode !== 0) throw new Error(`${name}: ${responses[0]?.errorCode}`);
}

/** A batch of records with these values, their timestamps from `timestamp` on, one ms apart. */
export function batchOf(values: readonly string[], options: BatchOptions & { timestamp?: number } = {}): Buffer {
  const { timestamp = Date.now(), ...rest } = options;
  const records: RecordInput[] = values.map((value, index) => ({
    timestamp: timestamp + index,
    key: Buffer.from(`key of ${value}`),
    value: Buffer.from(value),
  }));
  return encodeBatch(records, rest);
}

export interface ProduceOptions {
  readonly version?: number;
  readonly acks?: number;
  readonly partition?: number;
  readonly transactionalId?: string;
  readonly timeoutMs?: number;
}

/** The request that appends one batch to one partition. */
export function produceRequest(topic: TopicName, records: Buffer | null, options: ProduceOptions = {}) {
  const { version = 9, partition = 0 } = options;
  return {
    transactionalId: options.transactionalId ?? null,
    acks: options.acks ?? -1,
    timeoutMs: options.timeoutMs ?? 5_000,
    topicData: [
      {
        ...(version >= 13 ? { topicId: topic.id } : { name: topic.name }),
        partitionData: [{ index: partition, records: records === null ? null : [records] }],
      },
    ],
  };
}

export type Produced = ResponseBody<typeof ApiKey.Produce>['responses'][number]['partitionResponses'][number];

/** Appends one batch; the partition's answer, whatever it is. */
export async function produce(
  client: KafkaClient,
  topic: TopicName,
  records: Buffer | null,
  options: ProduceOptions = {},
): Promise<Produced> {
  const version = options.version ?? 9;
  const { responses } = await client.ask(ApiKey.Produce, version, produceRequest(topic, records, options));
  return responses[0]!.partitionResponses[0]!;
}

export interface FetchOptions {
  readonly version?: number;
  readonly partition?: number;
  readonly offset?: number;
  readonly maxWaitMs?: number;
  readonly minBytes?: number;
  readonly maxBytes?: number;
  readonly partitionMaxBytes?: number;
  readonly committed?: boolean;
  readonly leaderEpoch?: number;
  readonly sessionId?: number;
  readonly sessionEpoch?: number;
}

/** The request that reads partitions (one, unless `offsets` names several from partition 0 on). */
export function fetchRequest(topic: TopicName, options: FetchOptions = {}, offsets?: readonly number[]) {
  const { version = 12, partition = 0, offset = 0, leaderEpoch } = options;
  const wanted = offsets?.map((at, index) => ({ at, index })) ?? [{ at: offset, index: partition }];
  return {
    maxWaitMs: options.maxWaitMs ?? 0,
    minBytes: options.minBytes ?? 1,
    maxBytes: options.maxBytes ?? 50 * 1024 * 1024,
    isolationLevel: options.committed === true ? 1 : 0,
    ...(options.sessionId === undefined ? {} : { sessionId: options.sessionId }),
    ...(options.sessionEpoch === undefined ? {} : { sessionEpoch: options.sessionEpoch }),
    topics: [
      {
        ...(version >= 13 ? { topicId: topic.id } : { topic: topic.name }),
        partitions: wanted.map(({ at, index }) => ({
          partition: index,
          fetchOffset: at,
          partitionMaxBytes: options.partitionMaxBytes ?? 1024 * 1024,
          ...(leaderEpoch === undefined ? {} : { currentLeaderEpoch: leaderEpoch }),
        })),
      },
    ],
    forgottenTopicsData: [],
  };
}

export type Fetched = ResponseBody<typeof ApiKey.Fetch>['responses'][number]['partitions'][number];

/** Reads one partition; its answer, whatever it is. */
export async function fetch(client: KafkaClient, topic: TopicName, options: FetchOptions = {}): Promise<Fetched> {
  const version = options.version ?? 12;
  const { responses } = await client.ask(ApiKey.Fetch, version, fetchRequest(topic, options));
  return responses[0]!.partitions[0]!;
}

/** The whole batches in the records of a Fetch answer. */
export function batchesIn(records: Buffer | null): { header: BatchHeader; bytes: Buffer }[] {
  const all = records ?? Buffer.alloc(0);
  const batches = [];
  for (let position = 0; position < all.length; ) {
    const header = readBatchHeader(all, position);
    batches.push({ header, bytes: all.subarray(position, position + header.sizeInBytes) });
    position += header.sizeInBytes;
  }
  return batches;
}

/** The records in a Fetch answer, in order. */
export function recordsIn(records: Buffer | null): KafkaRecord[] {
  return batchesIn(records).flatMap(({ bytes }) => readRecords(bytes));
}

/** The values of the records in a Fetch answer. */
export function valuesIn(records: Buffer | null): string[] {
  return recordsIn(records).map(({ value }) => String(value));
}

/** Finds one partition's offset for a timestamp. */
export async function listOffset(
  client: KafkaClient,
  topic: TopicName,
  timestamp: number,
  options: { version?: number; partition?: number; committed?: boolean; leaderEpoch?: number } = {},
) {
  const { version = 8, partition = 0, leaderEpoch } = options;
  const { topics } = await client.ask(ApiKey.ListOffsets, version, {
    replicaId: -1,
    ...(version >= 2 ? { isolationLevel: options.committed === true ? 1 : 0 } : {}),
    topics: [
      {
        name: topic.name,
        partitions: [
          {
            partitionIndex: partition,
            timestamp,
            ...(leaderEpoch === undefined ? {} : { currentLeaderEpoch: leaderEpoch }),
          },
        ],
      },
    ],
  });
  return topics[0]!.partitions[0]!;
}

/** A name for a topic that is not there. */
export const NOWHERE: TopicName = { name: 'nowhere', id: 'nowherenowherenowhereA' };
