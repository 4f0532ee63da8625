import { MalformedBytesError } from '../../core/bytes.ts';
import type { Offset } from '../../core/offset.ts';
import type { Uuid } from '../../core/uuid.ts';
import { decodeJsonBody, encodeJsonBody } from './json-body.ts';

/** A group's committed offset of one partition. */
export interface CommittedOffset {
  readonly offset: Offset;
  /** -1 if the client gave none. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  /** Store time of the commit that wrote this; ms. */
  readonly at: number;
  /**
   * Store time at which it expires, where the client gave a retention time (OffsetCommit 2 to 4);
   * ms.
   */
  readonly expiresAt?: number;
}

/** An offset that takes effect when its transaction commits. */
export interface PendingOffset {
  readonly partition: number;
  readonly transactionalId: string;
  /**
   * The transaction's number, so that a later transaction of the same id does not adopt the offset.
   */
  readonly transaction: number;
  /**
   * What the end of the transaction commits; undefined if a later commit of the partition has taken
   * effect. The partition's offset is unstable until the end in both cases.
   */
  readonly offset: CommittedOffset | undefined;
}

/**
 * The offsets of one group in up to OFFSETS_BLOCK_PARTITIONS partitions of one topic. Changed by
 * conditional puts on its version, which begins at the store's time and never restarts (rule R9).
 */
export interface OffsetsBlock {
  /** The topic's name when the block was written; the key has its id. */
  readonly topicName: string;
  /**
   * When the group was created (store time): offsets of an earlier group of the same name do not
   * count.
   */
  readonly groupSince: number;
  /**
   * Rule R13: the highest generation to whose members these offsets were shown; -1 for none.
   * Commits of earlier ones are refused. For all partitions of the block; `stamps` is for single
   * ones, and the higher of both counts.
   */
  readonly stamp: number;
  readonly stamps: ReadonlyMap<number, number>;
  /**
   * The group's last replacement of a static member when the offsets were last shown; fences it as
   * the generation does.
   */
  readonly replacedAt?: number;
  readonly committed: ReadonlyMap<number, CommittedOffset>;
  /** In the order in which they were written; at most one per transaction and partition. */
  readonly pending: readonly PendingOffset[];
}

/**
 * Partitions per item. Sixteen rows without metadata take less than 1 KB, which is one write unit,
 * and as many members can meet in an item at most.
 */
export const OFFSETS_BLOCK_PARTITIONS = 16;

/** The block that a partition belongs to, counted from 0. */
export function offsetsBlockOf(partition: number): number {
  return Math.floor(partition / OFFSETS_BLOCK_PARTITIONS);
}

/**
 * All offsets of a group share a partition key: they are read together when a group is described.
 */
export function offsetsPk(groupId: string): string {
  return `offsets/${groupId}`;
}

/** Enough for 160,000 partitions of a topic. */
const BLOCK_DIGITS = 4;

export function offsetsSk(topicId: Uuid, block: number): string {
  return `${topicId}/${String(block).padStart(BLOCK_DIGITS, '0')}`;
}

/** The sort keys of all blocks of a topic: [from, to). */
export function offsetsSkRange(topicId: Uuid): { readonly from: string; readonly to: string } {
  // '0' follows '/'.
  return { from: `${topicId}/`, to: `${topicId}0` };
}

/** Throws MalformedBytesError. */
export function parseOffsetsSk(sk: string): { readonly topicId: Uuid; readonly block: number } {
  const match = /^(.+)\/(\d{4,})$/.exec(sk);
  if (match === null) throw new MalformedBytesError(`not the key of committed offsets: ${sk}`);
  return { topicId: match[1]!, block: Number(match[2]) };
}

const FORMAT = 1;

/** Rows instead of named fields: names would be most of the item. */
type Row = readonly [partition: number, offset: number, leaderEpoch: number, at: number, ...CommitRest];
type CommitRest = readonly [] | readonly [metadata: string] | readonly [metadata: string, expiresAt: number];
/** Only the partition, if nothing is left to commit. */
type PendingRow = readonly [transactionalId: string, transaction: number, row: Row | number];

interface Stored {
  readonly topic: string;
  readonly since: number;
  readonly stamp?: number;
  readonly stamps?: readonly (readonly [partition: number, stamp: number])[];
  readonly replacedAt?: number;
  readonly offsets: readonly Row[];
  readonly pending?: readonly PendingRow[];
}

export function encodeOffsetsBlock(block: OffsetsBlock): Buffer {
  const stored: Stored = {
    topic: block.topicName,
    since: block.groupSince,
    ...(block.stamp < 0 ? {} : { stamp: block.stamp }),
    ...(block.stamps.size === 0 ? {} : { stamps: [...block.stamps].sort(byPartition) }),
    ...(block.replacedAt === undefined ? {} : { replacedAt: block.replacedAt }),
    offsets: [...block.committed].sort(byPartition).map(([partition, committed]) => toRow(partition, committed)),
    ...(block.pending.length === 0 ? {} : { pending: block.pending.map(toPendingRow) }),
  };
  return encodeJsonBody(FORMAT, stored);
}

/** Throws MalformedBytesError. */
export function decodeOffsetsBlock(body: Buffer): OffsetsBlock {
  const stored = decodeJsonBody(FORMAT, body) as Stored | null;
  if (typeof stored?.topic !== 'string' || !Number.isFinite(stored.since) || !Array.isArray(stored.offsets)) {
    throw new MalformedBytesError('the item of committed offsets lacks what all of them have');
  }
  return {
    topicName: stored.topic,
    groupSince: stored.since,
    stamp: stored.stamp ?? -1,
    stamps: new Map(stored.stamps ?? []),
    ...(stored.replacedAt === undefined ? {} : { replacedAt: stored.replacedAt }),
    committed: new Map(stored.offsets.map((row) => [checked(row)[0], fromRow(row)])),
    pending: (stored.pending ?? []).map(fromPendingRow),
  };
}

function byPartition([a]: readonly [number, unknown], [b]: readonly [number, unknown]): number {
  return a - b;
}

function toRow(partition: number, { offset, leaderEpoch, at, metadata, expiresAt }: CommittedOffset): Row {
  if (expiresAt !== undefined) return [partition, offset, leaderEpoch, at, metadata, expiresAt];
  return metadata === '' ? [partition, offset, leaderEpoch, at] : [partition, offset, leaderEpoch, at, metadata];
}

function toPendingRow({ transactionalId, transaction, partition, offset }: PendingOffset): PendingRow {
  return [transactionalId, transaction, offset === undefined ? partition : toRow(partition, offset)];
}

function fromPendingRow([transactionalId, transaction, row]: PendingRow): PendingOffset {
  const of = { transactionalId, transaction };
  if (typeof row === 'number') return { ...of, partition: row, offset: undefined };
  return { ...of, partition: checked(row)[0], offset: fromRow(row) };
}

function fromRow(row: Row): CommittedOffset {
  const [, offset, leaderEpoch, at, metadata = '', expiresAt] = row;
  return { offset, leaderEpoch, metadata, at, ...(expiresAt === undefined ? {} : { expiresAt }) };
}

function checked(row: Row): Row {
  if (!Array.isArray(row) || !row.slice(0, 4).every(Number.isSafeInteger)) {
    throw new MalformedBytesError(`not a row of committed offsets: ${JSON.stringify(row)}`);
  }
  return row;
}
