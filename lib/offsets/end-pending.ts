import { assert } from '../core/assert.ts';
import { inRounds, type RoundLimits } from '../kit/rounds.ts';
import type { OffsetsBlock } from '../storage/items/committed-offsets.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import type { BlockKey, BlockStore, StoredBlock } from './block-store.ts';
import type { OffsetsEnvironment } from './environment.ts';
import { decideEndPending, isOf, type TransactionOf } from './pending.ts';
import type { OffsetTransactions, PendingToEnd } from './transactions.ts';

export interface PendingRoom {
  readonly env: OffsetsEnvironment;
  readonly blocks: BlockStore;
}

interface OpenBlock {
  readonly key: BlockKey;
  stored: StoredBlock;
}

/**
 * Ends a prepared transaction for one of its groups: applies its pending offsets, or voids them. One
 * query finds them. Each block is changed by a conditional put, so that of several finishers one
 * applies an offset. A commit follows rule R6: read the block, read that the transaction is still
 * prepared, put; after a conflict, all three again. So a finisher that is late applies nothing: a
 * pending offset that lands after the end is void, and may be older than what the group has committed
 * since. A void offset needs no such check. Idempotent. Throws StoreUnavailableError.
 */
export async function endPending({ env, blocks }: PendingRoom, end: PendingToEnd): Promise<void> {
  let open: OpenBlock[] = [];
  for await (const { key, stored } of blocks.list(end.groupId)) {
    if (decided(stored) !== undefined) open.push({ key, stored });
  }
  if (open.length === 0) return;
  await finish(env, {}, async () => {
    if (end.commit && !(await end.isPrepared())) return 'done';
    const left = await Promise.all(
      open.map(async (one) => {
        const block = decided(one.stored);
        if (block === undefined) return undefined;
        const stored = await put({ env, blocks }, one.key, one.stored, block);
        return stored === 'committed' ? undefined : { ...one, stored };
      }),
    );
    open = left.filter((one) => one !== undefined);
    return open.length === 0 ? 'done' : 'again';
  });

  function decided({ block }: StoredBlock): OffsetsBlock | undefined {
    return block === undefined ? undefined : decideEndPending(block, end, end.commit);
  }
}

/**
 * The block without the pending offsets of transactions that have ended. Asks the coordinator for
 * each transaction that has one in `partitions` (null for all), which finishes those that are
 * prepared or have timed out. What is still pending in a read that begins afterwards is void; it is
 * removed before anybody is told that the offset is stable, since a late finisher might apply it.
 * Throws StoreUnavailableError.
 */
export async function dropEnded(
  { env, blocks, transactions }: PendingRoom & { readonly transactions: OffsetTransactions },
  key: BlockKey,
  stored: StoredBlock,
  partitions: readonly number[] | null,
  limits: RoundLimits,
): Promise<StoredBlock> {
  const open: TransactionOf[] = [];
  const over: TransactionOf[] = [];
  const isKnown = (one: TransactionOf) => open.some((of) => isOf(one, of)) || over.some((of) => isOf(one, of));
  let current = stored;
  await finish(env, limits, async () => {
    const asked: TransactionOf[] = [];
    for (const one of current.block?.pending ?? []) {
      const isWanted = partitions === null || partitions.includes(one.partition);
      if (isWanted && !isKnown(one) && !asked.some((of) => isOf(one, of))) asked.push(one);
    }
    if (asked.length > 0) {
      const met = await Promise.all(asked.map((of) => transactions.meet(of.transactionalId, of.transaction)));
      const ended = asked.filter((_, index) => met[index] === 'over');
      open.push(...asked.filter((_, index) => met[index] === 'open'));
      if (ended.length === 0) return 'done';
      over.push(...ended);
      current = await blocks.read(key);
      return 'againAtOnce';
    }
    const { block } = current;
    const isOver = (one: TransactionOf) => over.some((of) => isOf(one, of));
    if (block === undefined || !block.pending.some(isOver)) return 'done';
    const pending = block.pending.filter((one) => !isOver(one));
    const outcome = await put({ env, blocks }, key, current, { ...block, pending });
    if (outcome !== 'committed') {
      current = outcome;
      return 'again';
    }
    current = blocks.peek(key) ?? (await blocks.read(key));
    return 'done';
  });
  return current;
}

/** Replaces the block if it is unchanged; otherwise the block as it is now. */
async function put(
  { env, blocks }: PendingRoom,
  key: BlockKey,
  stored: StoredBlock,
  block: OffsetsBlock,
): Promise<'committed' | StoredBlock> {
  const outcome = await blocks.apply(key, stored, { kind: 'put', block }, env.state.now());
  switch (outcome.kind) {
    case 'committed':
      return 'committed';
    case 'conflict':
      return outcome.stored;
    case 'uncertain':
      return blocks.read(key);
    case 'tooLarge':
      assert(false, 'a block is larger after the end of a transaction');
  }
}

async function finish(
  env: OffsetsEnvironment,
  limits: RoundLimits,
  round: () => Promise<'done' | 'again' | 'againAtOnce'>,
): Promise<void> {
  if (await inRounds(env, limits, round)) return;
  throw new StoreUnavailableError('too many conflicting writes to pending offsets');
}
