import { ApiKey } from '../../lib/wire/apis.ts';
import type { KafkaClient } from './kafka-client.ts';
import { type CommitOptions, NOBODY } from './offset-requests.ts';
import { batchOf, type Produced, produce, type TopicName } from './requests.ts';

export interface RawTransactorOptions {
  /** 2 (KIP-890): batches add their partitions, and each end bumps the epoch. */
  readonly protocol?: 1 | 2;
  readonly timeoutMs?: number;
  /** Of its records; ms. Default: now. */
  readonly timestamp?: number;
}

/** A transactional producer that sends its requests one by one, and right or wrong ones as it is told. */
export class RawTransactor {
  client: KafkaClient;
  readonly transactionalId: string;
  readonly protocol: 1 | 2;
  readonly timeoutMs: number;
  readonly timestamp: number | undefined;
  producerId = -1;
  producerEpoch = -1;
  /** The next sequence by topic and partition. */
  sequences = new Map<string, number>();

  constructor(client: KafkaClient, transactionalId: string, options: RawTransactorOptions = {}) {
    this.client = client;
    this.transactionalId = transactionalId;
    this.protocol = options.protocol ?? 2;
    this.timeoutMs = options.timeoutMs ?? 60_000;
    this.timestamp = options.timestamp;
  }

  /** A producer that believes what this one does: a zombie, if this one goes on. */
  copy(client = this.client): RawTransactor {
    const { protocol, timeoutMs } = this;
    const copy = new RawTransactor(client, this.transactionalId, { protocol, timeoutMs });
    copy.#take(this);
    copy.sequences = new Map(this.sequences);
    return copy;
  }

  /** InitProducerId; the error code. */
  async init(): Promise<number> {
    const answer = await this.client.ask(ApiKey.InitProducerId, 5, {
      transactionalId: this.transactionalId,
      transactionTimeoutMs: this.timeoutMs,
      producerId: -1,
      producerEpoch: -1,
    });
    if (answer.errorCode === 0) this.#take(answer);
    return answer.errorCode;
  }

  /** AddPartitionsToTxn in version 3; the error codes of the partitions. */
  async add(topic: Pick<TopicName, 'name'>, partitions: readonly number[] = [0]): Promise<number[]> {
    const { resultsByTopicV3AndBelow: topics } = await this.client.ask(ApiKey.AddPartitionsToTxn, 3, {
      v3AndBelowTransactionalId: this.transactionalId,
      v3AndBelowProducerId: this.producerId,
      v3AndBelowProducerEpoch: this.producerEpoch,
      v3AndBelowTopics: [{ name: topic.name, partitions: [...partitions] }],
    });
    return topics.flatMap(({ resultsByPartition }) => resultsByPartition.map((one) => one.partitionErrorCode));
  }

  /** A batch with the next sequence, which goes up if it was appended. */
  async send(topic: TopicName, values: readonly string[], partition = 0): Promise<Produced> {
    const key = `${topic.id}/${partition}`;
    const baseSequence = this.sequences.get(key) ?? 0;
    const produced = await this.sendAs(topic, values, { partition, baseSequence });
    if (produced.errorCode === 0) this.sequences.set(key, baseSequence + values.length);
    return produced;
  }

  sendAs(
    topic: TopicName,
    values: readonly string[],
    { partition = 0, baseSequence = 0, version = this.protocol === 2 ? 12 : 11 } = {},
  ): Promise<Produced> {
    const { transactionalId, producerId, producerEpoch, timestamp = Date.now() } = this;
    const records = batchOf(values, { timestamp, producerId, producerEpoch, baseSequence, isTransactional: true });
    return produce(this.client, topic, records, { version, transactionalId, partition });
  }

  /** AddOffsetsToTxn; the error code. */
  async addOffsets(groupId: string): Promise<number> {
    const { transactionalId, producerId, producerEpoch } = this;
    const request = { transactionalId, producerId, producerEpoch, groupId };
    return (await this.client.ask(ApiKey.AddOffsetsToTxn, 4, request)).errorCode;
  }

  /** TxnOffsetCommit for one topic; the error codes of the partitions. */
  async commitOffsets(
    groupId: string,
    topic: Pick<TopicName, 'name'>,
    offsets: Readonly<Record<number, number>>,
    { by = NOBODY, version = this.protocol === 2 ? 5 : 3, metadata = '' }: CommitOptions = {},
  ): Promise<number[]> {
    const { transactionalId, producerId, producerEpoch } = this;
    const { topics } = await this.client.ask(ApiKey.TxnOffsetCommit, version, {
      ...{ transactionalId, producerId, producerEpoch, groupId },
      ...(version < 3
        ? {}
        : {
            generationIdOrMemberEpoch: by.generation,
            memberId: by.memberId,
            groupInstanceId: by.instanceId ?? null,
          }),
      topics: [
        {
          name: topic.name,
          partitions: Object.entries(offsets).map(([partition, committedOffset]) => ({
            ...{ partitionIndex: Number(partition), committedOffset, committedMetadata: metadata },
          })),
        },
      ],
    });
    return topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode));
  }

  commit(): Promise<number> {
    return this.end(true);
  }

  abort(): Promise<number> {
    return this.end(false);
  }

  /** EndTxn; the error code. */
  async end(committed: boolean): Promise<number> {
    const { transactionalId, producerId, producerEpoch } = this;
    const version = this.protocol === 2 ? 5 : 4;
    const answer = await this.client.ask(ApiKey.EndTxn, version, {
      transactionalId,
      producerId,
      producerEpoch,
      committed,
    });
    if (answer.errorCode === 0 && version >= 5) this.#take(answer);
    return answer.errorCode;
  }

  #take({ producerId, producerEpoch }: { readonly producerId: number; readonly producerEpoch: number }): void {
    if (producerId !== this.producerId || producerEpoch !== this.producerEpoch) this.sequences.clear();
    this.producerId = producerId;
    this.producerEpoch = producerEpoch;
  }
}
