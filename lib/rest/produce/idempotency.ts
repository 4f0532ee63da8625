import { createHash } from 'node:crypto';
import type { RequestContext } from '../../core/context.ts';
import { REMEMBERED_BATCHES } from '../../journal/producers.ts';
import { changeItem } from '../../kit/change-item.ts';
import {
  decodeRestIdempotency,
  encodeRestIdempotency,
  type RestIdempotency,
  restIdempotencyKey,
} from '../../storage/items/rest-idempotency.ts';
import type { Topic } from '../../topics/topics.ts';
import type { Refusal } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { badRequest, refusedWith, unprocessable } from '../errors.ts';
import type { Plan } from './plan.ts';
import { newIdentity, type ProduceIdentity } from './produce.ts';

/**
 * How long a key is remembered; ms. Half of the time after which the log forgets a producer without
 * batches (PRODUCER_EXPIRATION_MS): until then it knows the batches of the first attempt.
 */
export const KEY_LIFETIME_MS = 12 * 60 * 60 * 1000;

/** Longest key; characters. A UUID has 36. */
const KEY_CHARS_MAX = 256;

/**
 * The identity of a request with an `Idempotency-Key`. The first request with the key stores it,
 * with a producer id of its own; a repetition gets the stored one, and its batches are duplicates to
 * the log. A key is remembered per principal and topic for KEY_LIFETIME_MS. Another body under the
 * same key is refused. Throws StoreUnavailableError.
 */
export async function identityForKey(
  rest: RestEnvironment,
  context: RequestContext,
  topic: Topic,
  key: string,
  text: string,
): Promise<ProduceIdentity | Refusal> {
  if (key.length > KEY_CHARS_MAX) return badRequest(`Idempotency-Key has more than ${KEY_CHARS_MAX} characters.`);
  const { state } = rest;
  const place = restIdempotencyKey(context.principal, topic.record.id, key);
  const bodyHash = createHash('sha256').update(text).digest('base64url');
  const known = (await state.get(place.pk, place.sk, true)).item;
  const current = known === undefined ? undefined : decodeRestIdempotency(known.body);
  if (current !== undefined && isRemembered(current, state.now())) return judged(current, bodyHash);
  const identity = newIdentity(rest, topic, await rest.producerIds.next());
  const changed = await changeItem<RestIdempotency>(rest, place, (item) => {
    const stored = item === undefined ? undefined : decodeRestIdempotency(item.body);
    const now = state.now();
    if (stored !== undefined && isRemembered(stored, now)) return { kind: 'keep', result: stored };
    const at = Math.floor(now);
    // Versions follow the store's time, so that they go on after a sweep has deleted the item.
    const version = Math.max(at, (item?.version ?? 0) + 1);
    return { kind: 'put', version, body: encodeRestIdempotency({ ...identity, bodyHash, at }) };
  });
  return changed.kind === 'kept' ? judged(changed.result, bodyHash) : identity;
}

function isRemembered({ at }: RestIdempotency, now: number): boolean {
  return now - at < KEY_LIFETIME_MS;
}

function judged(stored: RestIdempotency, bodyHash: string): ProduceIdentity | Refusal {
  if (stored.bodyHash === bodyHash) return stored;
  return unprocessable('This Idempotency-Key was used for another body.');
}

/**
 * Why a request cannot be repeated safely: the log knows only the last batches of a producer in each
 * partition.
 */
export function planProblem({ partitions }: Plan): Refusal | undefined {
  return partitions.some(({ batches }) => batches.length > REMEMBERED_BATCHES)
    ? refusedWith(413, `With an Idempotency-Key, a partition takes at most ${REMEMBERED_BATCHES} batches of a request.`)
    : undefined;
}
