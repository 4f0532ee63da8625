import type { CommittedOffset, OffsetsBlock, PendingOffset } from '../storage/items/committed-offsets.ts';

// Pending offsets of a block, as pure functions. Kafka orders commits by the positions of their
// records in __consumer_offsets, and a marker applies a pending offset only if no later commit of
// the partition has taken effect (OffsetMetadataManager.replayEndTransactionMarker). Here the order
// of the list is that order, and a pending offset that was overtaken has nothing left to commit.

/** One transaction of a transactional id. */
export type TransactionOf = Pick<PendingOffset, 'transactionalId' | 'transaction'>;

type Pending = readonly PendingOffset[];

export function isOf(one: TransactionOf, other: TransactionOf): boolean {
  return one.transactionalId === other.transactionalId && one.transaction === other.transaction;
}

/** Whether the end of a transaction may still change the partition's offset. */
export function mayChange(pending: Pending, partition: number): boolean {
  return pending.some((one) => one.partition === partition && one.offset !== undefined);
}

/**
 * The pending offsets after a commit of the partition has taken effect. The same list if nothing
 * changes.
 */
export function supersede(pending: Pending, partition: number): Pending {
  if (!mayChange(pending, partition)) return pending;
  return pending.map((one) => (one.partition === partition ? { ...one, offset: undefined } : one));
}

/**
 * The pending offsets with one more. It takes the place of an earlier one of the same transaction
 * and partition, and is the latest from now on.
 */
export function stage(pending: Pending, of: TransactionOf, partition: number, offset: CommittedOffset): Pending {
  const { transactionalId, transaction } = of;
  const others = pending.filter((one) => one.partition !== partition || !isOf(one, of));
  return [...others, { partition, transactionalId, transaction, offset }];
}

/** Whether the transaction's offset is the latest commit of the partition, and says the same. */
export function isStaged(
  pending: Pending,
  of: TransactionOf,
  partition: number,
  { offset, leaderEpoch, metadata }: Pick<CommittedOffset, 'offset' | 'leaderEpoch' | 'metadata'>,
): boolean {
  const last = pending.findLast((one) => one.partition === partition);
  if (last?.offset === undefined || !isOf(last, of)) return false;
  return last.offset.offset === offset && last.offset.leaderEpoch === leaderEpoch && last.offset.metadata === metadata;
}

/**
 * Without the offsets of earlier transactions of this id. While a later one is open, they are void:
 * a transaction opens after the one before has ended for all of its groups. The same list if there
 * are none.
 */
export function withoutEarlier(pending: Pending, { transactionalId, transaction }: TransactionOf): Pending {
  const isEarlier = (one: PendingOffset) => one.transactionalId === transactionalId && one.transaction < transaction;
  return pending.some(isEarlier) ? pending.filter((one) => !isEarlier(one)) : pending;
}

/**
 * The block after the end of a transaction: its pending offsets are gone, and a commit has applied
 * them. Undefined if the block has none.
 */
export function decideEndPending(block: OffsetsBlock, of: TransactionOf, commit: boolean): OffsetsBlock | undefined {
  if (!block.pending.some((one) => isOf(one, of))) return undefined;
  const committed = new Map(block.committed);
  let pending: Pending = [];
  for (const one of block.pending) {
    if (!isOf(one, of)) {
      pending = [...pending, one];
    } else if (commit && one.offset !== undefined) {
      committed.set(one.partition, one.offset);
      // Only those that were written before it.
      pending = supersede(pending, one.partition);
    }
  }
  return { ...block, committed, pending };
}
