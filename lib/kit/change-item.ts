import type { Clock } from '../core/clock.ts';
import { newNonce } from '../core/nonce.ts';
import type { Random } from '../core/random.ts';
import {
  type Item,
  type ItemStore,
  type PutCondition,
  type PutOptions,
  StoreUnavailableError,
} from '../storage/ports.ts';
import { putItem } from '../storage/put-item.ts';
import { inRounds } from './rounds.ts';

/**
 * Changes that are put without an answer before the call gives up. Each has been repeated already
 * (putItem), and a caller may have a deadline.
 */
const UNANSWERED_MAX = 2;

export interface ChangeEnvironment {
  readonly state: ItemStore;
  readonly clock: Clock;
  readonly random: Random;
}

/** The new content of an item. `version` is higher than that of the previous item (rule R9). */
export interface ItemPut {
  readonly kind: 'put';
  readonly version: number;
  readonly body: Buffer;
  readonly options?: PutOptions;
}

export type ItemChange<Kept> = ItemPut | { readonly kind: 'keep'; readonly result: Kept };

export type ItemChanged<Kept> =
  | {
      readonly kind: 'put';
      readonly item: Item;
      /** False if the store never answered this put and a read found the item. */
      readonly isAnswered: boolean;
    }
  | { readonly kind: 'kept'; readonly result: Kept };

/**
 * Changes one item: read it, decide, and put it on condition that it is unchanged since the read.
 * After a conflict the change is decided again from the item that won. After a put without an
 * answer the item is read back: its nonce shows whether the put landed (rule R2), even if it lands
 * later. If it did not land, the change is decided again.
 *
 * @param decide pure; called with the current item, undefined if there is none
 * @param first put without a read before it, for callers that can predict the item
 * @throws StoreUnavailableError if the store does not take the put, or after too many conflicts
 */
export async function changeItem<Kept>(
  { state, clock, random }: ChangeEnvironment,
  { pk, sk }: Pick<Item, 'pk' | 'sk'>,
  decide: (current: Item | undefined) => ItemChange<Kept>,
  first?: ItemPut & { readonly condition: PutCondition },
): Promise<ItemChanged<Kept>> {
  const unanswered = new Set<string>();
  let changed: ItemChanged<Kept> | undefined;
  let planned = first;
  let current: Item | undefined;
  let isRead = false;
  let conflicts = 0;
  await inRounds({ clock, random }, {}, async () => {
    if (planned === undefined) {
      if (!isRead) current = (await state.get(pk, sk, true)).item;
      isRead = true;
      if (current !== undefined && unanswered.has(current.nonce)) {
        changed = { kind: 'put', item: current, isAnswered: false };
        return 'done';
      }
      const change = decide(current);
      if (change.kind === 'keep') {
        changed = { kind: 'kept', result: change.result };
        return 'done';
      }
      planned = { ...change, condition: conditionOn(current) };
    }
    const { version, body, condition, options } = planned;
    planned = undefined;
    const item: Item = { pk, sk, version, nonce: newNonce(random), body };
    const outcome = await putItem(state, item, condition, clock, random, options);
    switch (outcome.kind) {
      case 'committed':
        changed = { kind: 'put', item, isAnswered: true };
        return 'done';
      case 'conflict':
        current = outcome.existing;
        isRead = true;
        conflicts += 1;
        // One conflict only means that the expected item was wrong. Further ones suggest that other
        // writers are active.
        return conflicts === 1 ? 'againAtOnce' : 'again';
      case 'uncertain':
        unanswered.add(item.nonce);
        if (unanswered.size === UNANSWERED_MAX) throw new StoreUnavailableError(outcome.message);
        isRead = false;
        return 'again';
      case 'refused':
        throw new StoreUnavailableError(`${pk}/${sk} was not stored: ${outcome.message}`);
    }
  });
  if (changed === undefined) throw new StoreUnavailableError(`${pk}/${sk} is changed by others all the time`);
  return changed;
}

function conditionOn(current: Item | undefined): PutCondition {
  return current === undefined ? { kind: 'absent' } : { kind: 'version', version: current.version };
}
