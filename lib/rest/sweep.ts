import type { Clock } from '../core/clock.ts';
import type { UnreadableItems } from '../kit/unreadable-items.ts';
import { decodeRestConsumer, REST_CONSUMER_PKS } from '../storage/items/rest-consumer.ts';
import { decodeRestIdempotency, REST_IDEMPOTENCY_PKS } from '../storage/items/rest-idempotency.ts';
import { type Item, type ItemStore, StoreUnavailableError } from '../storage/ports.ts';
import { isAbandoned } from './consumers/instances.ts';
import { KEY_LIFETIME_MS } from './produce/idempotency.ts';

export interface SweepEnvironment {
  readonly state: ItemStore;
  readonly clock: Clock;
  readonly unreadable: UnreadableItems;
  /** consumer.instance.timeout.ms */
  readonly instanceTimeoutMs: number;
}

export interface SweptRest {
  readonly cursor: string | undefined;
  readonly isComplete: boolean;
  readonly counts: { readonly looked: number; readonly deleted: number; readonly skipped: number };
}

/**
 * How long an item stays after its end; ms. No put that was sent before can land after that (rule
 * R3: signatures are 15 minutes old at most), so that one of the old item never meets a new one.
 */
const GRACE_MS = 60 * 60 * 1000;

const PKS = [...REST_CONSUMER_PKS, ...REST_IDEMPOTENCY_PKS];
const PAGE = 100;

/**
 * Deletes abandoned consumer instances and forgotten idempotency keys. Their group members have left
 * long before: the group removes a member whose session ended. Goes on after `cursor` and ends by
 * `deadline` (Clock.monotonic()). Throws StoreUnavailableError.
 */
export async function sweepRest(
  env: SweepEnvironment,
  cursor: string | undefined,
  deadline: number,
): Promise<SweptRest> {
  const { state, clock } = env;
  const counts = { looked: 0, deleted: 0, skipped: 0 };
  let [shard, after] = placeOf(cursor);
  for (; shard < PKS.length; shard++, after = undefined) {
    const pk = PKS[shard]!;
    for (;;) {
      if (clock.monotonic() >= deadline) return { cursor: cursorOf(shard, after), isComplete: false, counts };
      const from = after === undefined ? {} : { from: `${after}\0` };
      const page = await state.query({ pk, ...from, limit: PAGE, consistent: false });
      for (const item of page.items) {
        counts.looked++;
        after = item.sk;
        const outcome = await sweepItem(env, item);
        if (outcome !== 'kept') counts[outcome]++;
      }
      if (!page.more) break;
    }
  }
  return { cursor: undefined, isComplete: true, counts };
}

async function sweepItem(env: SweepEnvironment, item: Item): Promise<'kept' | 'deleted' | 'skipped'> {
  const { state, unreadable } = env;
  const name = `${item.pk}/${item.sk}`;
  try {
    if (!isOver(env, item, state.now() - GRACE_MS)) return 'kept';
    // An item that is used again meanwhile has another version.
    const outcome = await state.delete(item.pk, item.sk, item.version);
    unreadable.readable(name);
    if (outcome.kind === 'unknown' || outcome.kind === 'refused') throw new StoreUnavailableError(outcome.message);
    return outcome.kind === 'committed' ? 'deleted' : 'kept';
  } catch (error) {
    if (error instanceof StoreUnavailableError) throw error;
    unreadable.skip(name, error);
    return 'skipped';
  }
}

function isOver({ instanceTimeoutMs }: SweepEnvironment, { pk, body }: Item, now: number): boolean {
  return REST_CONSUMER_PKS.includes(pk)
    ? isAbandoned(decodeRestConsumer(body), now, instanceTimeoutMs)
    : decodeRestIdempotency(body).at + KEY_LIFETIME_MS < now;
}

function cursorOf(shard: number, after: string | undefined): string {
  return `${shard}:${after ?? ''}`;
}

function placeOf(cursor: string | undefined): [shard: number, after: string | undefined] {
  const [shard = '0', after = ''] = cursor?.split(':') ?? [];
  return [/^\d+$/.test(shard) ? Number(shard) : 0, after === '' ? undefined : after];
}
