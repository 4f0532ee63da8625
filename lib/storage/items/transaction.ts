import { createHash } from 'node:crypto';
import { ByteReader, ByteWriter, MalformedBytesError } from '../../core/bytes.ts';
import type { Uuid } from '../../core/uuid.ts';

/** Kafka's states of a transactional id (TransactionState). */
export const TRANSACTION_STATUSES = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
] as const;

export type TransactionStatus = (typeof TRANSACTION_STATUSES)[number];

/** Kafka's value for "no producer id" and "no producer epoch". */
export const NO_PRODUCER = -1;

/** The partitions of a transaction: topic id to partition numbers. */
export type TransactionPartitions = ReadonlyMap<Uuid, ReadonlySet<number>>;

/** The coordinator item of one transactional id (Kafka: TransactionMetadata). */
export interface TransactionState {
  /** In the body because the key of a long id is its hash. */
  readonly transactionalId: string;
  readonly status: TransactionStatus;
  /**
   * The number of the current or latest transaction. Starts at the store time of the first
   * InitProducerId and never restarts (rule R9).
   */
  readonly transaction: number;
  readonly producerId: number;
  /** In a Prepare status this is the epoch of the markers. */
  readonly producerEpoch: number;
  /** The epoch before the latest bump, to recognise a repeated request; NO_PRODUCER for none. */
  readonly lastProducerEpoch: number;
  /** The producer id before the latest change of the item, which may have rolled it over. */
  readonly previousProducerId: number;
  /** The id that takes effect when the prepared transaction completes; NO_PRODUCER for none. */
  readonly nextProducerId: number;
  /** The transaction version (KIP-890) that ended the latest transaction. */
  readonly protocol: 1 | 2;
  readonly timeoutMs: number;
  readonly partitions: TransactionPartitions;
  /** Ids of the groups whose offsets the transaction may commit. */
  readonly groups: ReadonlySet<string>;
  /** Store time of the first partition or group of the latest transaction; ms; -1 for none. */
  readonly startedAt: number;
  /** Store time of the latest change; ms. */
  readonly updatedAt: number;
}

export const TRANSACTION_SK = 'transaction';

/**
 * Ids up to this size stand in keys as they are; bytes. A sort key holds 512, and that of the due
 * list has a time before the id.
 */
const PLAIN_ID_BYTES_MAX = 480;

/** A transactional id as part of a key. A long id, or one with `~` first, is hashed. */
export function transactionKey(transactionalId: string): string {
  const isPlain = Buffer.byteLength(transactionalId) <= PLAIN_ID_BYTES_MAX && !transactionalId.startsWith('~');
  return isPlain ? transactionalId : `~${createHash('sha256').update(transactionalId).digest('hex')}`;
}

/** The partition key of the item with that `transactionKey`. */
export function keyedTransactionPk(key: string): string {
  return `transaction/${key}`;
}

/** The partition key of a transactional id's item. */
export function transactionPk(transactionalId: string): string {
  return keyedTransactionPk(transactionKey(transactionalId));
}

const FORMAT = 1;
const FLAG_PROTOCOL_2 = 2;
const UUID_BYTES = 16;

/**
 * Encodes the item's body. Binary, because a transaction may have 10,000 partitions: those take
 * about 10 KB in one topic, and 190 KB if each is of another topic.
 */
export function encodeTransaction(state: TransactionState): Buffer {
  const writer = new ByteWriter();
  writer.u8(FORMAT);
  writer.u8(TRANSACTION_STATUSES.indexOf(state.status));
  writer.u8(state.protocol === 2 ? FLAG_PROTOCOL_2 : 0);
  writer.string(state.transactionalId);
  writer.uint(state.transaction);
  writer.int(state.producerId);
  writer.int(state.producerEpoch);
  writer.int(state.lastProducerEpoch);
  writer.int(state.previousProducerId);
  writer.int(state.nextProducerId);
  writer.uint(state.timeoutMs);
  writer.int(state.startedAt);
  writer.uint(state.updatedAt);
  writer.uint(state.partitions.size);
  for (const [topicId, partitions] of state.partitions) {
    writer.raw(Buffer.from(topicId, 'base64url'));
    writer.uint(partitions.size);
    let next = 0;
    for (const partition of [...partitions].sort((a, b) => a - b)) {
      writer.uint(partition - next);
      next = partition + 1;
    }
  }
  writer.uint(state.groups.size);
  for (const group of state.groups) writer.string(group);
  return writer.finish();
}

/** Throws MalformedBytesError. */
export function decodeTransaction(body: Buffer): TransactionState {
  const reader = new ByteReader(body);
  const format = reader.u8();
  if (format !== FORMAT) throw new MalformedBytesError(`item format ${format} is unknown to this program`);
  const code = reader.u8();
  const status = TRANSACTION_STATUSES[code];
  if (status === undefined) throw new MalformedBytesError(`transaction status ${code} is unknown to this program`);
  const flags = reader.u8();
  return {
    status,
    protocol: (flags & FLAG_PROTOCOL_2) === 0 ? 1 : 2,
    transactionalId: reader.string(),
    transaction: reader.uint(),
    producerId: reader.int(),
    producerEpoch: reader.int(),
    lastProducerEpoch: reader.int(),
    previousProducerId: reader.int(),
    nextProducerId: reader.int(),
    timeoutMs: reader.uint(),
    startedAt: reader.int(),
    updatedAt: reader.uint(),
    partitions: readPartitions(reader),
    groups: readGroups(reader),
  };
}

function readPartitions(reader: ByteReader): TransactionPartitions {
  const topics = new Map<Uuid, ReadonlySet<number>>();
  for (let left = reader.uint(); left > 0; left--) {
    const id = Buffer.alloc(UUID_BYTES);
    for (let index = 0; index < UUID_BYTES; index++) id[index] = reader.u8();
    const partitions = new Set<number>();
    let next = 0;
    for (let count = reader.uint(); count > 0; count--) {
      const partition = next + reader.uint();
      partitions.add(partition);
      next = partition + 1;
    }
    topics.set(id.toString('base64url'), partitions);
  }
  return topics;
}

function readGroups(reader: ByteReader): ReadonlySet<string> {
  const groups = new Set<string>();
  for (let left = reader.uint(); left > 0; left--) groups.add(reader.string());
  return groups;
}
