import { type Clock, sleep } from '../core/clock.ts';
import { type Random, randomInt } from '../core/random.ts';
import type { Item, ItemStore, PutCondition, PutOptions } from './ports.ts';

const ATTEMPTS_MAX = 8;
const RETRY_BASE_MS = 10;

/**
 * `uncertain`: neither the put nor its repetitions were answered; the item may be there or may
 * still appear. The caller reads before it decides.
 */
export type SettledPut =
  | { readonly kind: 'committed' }
  | { readonly kind: 'conflict'; readonly existing: Item | undefined }
  | { readonly kind: 'uncertain'; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string };

/**
 * Puts an item of the state table under its condition and repeats the same put until its outcome is
 * known: a conflict with its own nonce is success (rule R2). `options` hold for each attempt.
 */
export async function putItem(
  store: ItemStore,
  item: Item,
  condition: PutCondition,
  clock: Clock,
  random: Random,
  options: PutOptions = {},
): Promise<SettledPut> {
  let message = '';
  let unsure = false;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (attempt > 0) await sleep(clock, randomInt(random, 1, RETRY_BASE_MS * 2 ** attempt));
    const outcome = await store.put(item, condition, options);
    switch (outcome.kind) {
      case 'committed':
        return { kind: 'committed' };
      case 'conflict':
        if (outcome.existing?.nonce === item.nonce) return { kind: 'committed' };
        return { kind: 'conflict', existing: outcome.existing };
      case 'refused':
        message = outcome.message;
        if (outcome.reason !== 'throttled' && outcome.reason !== 'unavailable') {
          return unsure ? { kind: 'uncertain', message } : { kind: 'refused', message };
        }
        break;
      case 'unknown':
        message = outcome.message;
        unsure = true;
        break;
    }
  }
  return unsure ? { kind: 'uncertain', message } : { kind: 'refused', message };
}
