import { changeItem } from '../../kit/change-item.ts';
import {
  decodeRestConsumer,
  encodeRestConsumer,
  type RestConsumer,
  restConsumerKey,
} from '../../storage/items/rest-consumer.ts';
import { MAX_ITEM_BYTES, StoreUnavailableError } from '../../storage/ports.ts';
import { type Refusal, refused } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { illegalState, kafkaFailure, RestCode } from '../errors.ts';

/** An instance as it was read, with the version that a change of it has to meet. */
export interface LoadedInstance {
  readonly instance: RestConsumer;
  readonly version: number;
}

export const INSTANCE_NOT_FOUND = refused(404, RestCode.CONSUMER_INSTANCE_NOT_FOUND, 'Consumer instance not found.');

const ALREADY_EXISTS = refused(
  409,
  RestCode.CONSUMER_ALREADY_EXISTS,
  'Consumer with specified consumer ID already exists in the specified consumer group.',
);

/** The answer to the later of two requests that use an instance at the same time. */
const USED_BY_ANOTHER = illegalState('Another request uses this consumer instance at the same time.');

/** Keys and attributes of an item beside its body; bytes. */
const ITEM_RESERVE_BYTES = 1_024;

/** An instance that was used within its time-out. Throws StoreUnavailableError. */
export async function loadInstance(
  { state, settings }: RestEnvironment,
  group: string,
  name: string,
): Promise<LoadedInstance | Refusal> {
  const { pk, sk } = restConsumerKey(group, name);
  const { item } = await state.get(pk, sk, true);
  if (item === undefined) return INSTANCE_NOT_FOUND;
  const instance = decodeRestConsumer(item.body);
  return isAbandoned(instance, state.now(), settings.instanceTimeoutMs)
    ? INSTANCE_NOT_FOUND
    : { instance, version: item.version };
}

/** Whether an instance was not used for longer than its time-out. No timer ends it: whoever looks sees it. */
export function isAbandoned({ usedAt }: RestConsumer, now: number, timeoutMs: number): boolean {
  return usedAt + timeoutMs < now;
}

/** Stores a new instance. Refused if one of its name is in use. Throws StoreUnavailableError. */
export async function createInstance(rest: RestEnvironment, instance: RestConsumer): Promise<Refusal | undefined> {
  const { state, settings } = rest;
  const place = restConsumerKey(instance.group, instance.name);
  const changed = await changeItem<Refusal>(rest, place, (item) => {
    const now = state.now();
    if (item !== undefined && !isAbandoned(decodeRestConsumer(item.body), now, settings.instanceTimeoutMs)) {
      return { kind: 'keep', result: ALREADY_EXISTS };
    }
    // Versions follow the store's time, so that they go on after the item was deleted: an instance is
    // changed less than once in a millisecond.
    const version = Math.max(Math.floor(now), (item?.version ?? 0) + 1);
    return { kind: 'put', version, body: encodeRestConsumer({ ...instance, usedAt: Math.floor(now) }) };
  });
  return changed.kind === 'kept' ? changed.result : undefined;
}

/**
 * Stores an instance on condition that no other request changed it since it was read. Nothing is
 * written if nothing changed and the last use is noted recently enough. Throws StoreUnavailableError
 * if it is not known whether it was stored.
 */
export async function saveInstance(
  rest: RestEnvironment,
  { instance: before, version }: LoadedInstance,
  instance: RestConsumer,
): Promise<Refusal | undefined> {
  const { state, settings } = rest;
  const now = Math.floor(state.now());
  const isFresh = now - before.usedAt < settings.instanceTimeoutMs / 3;
  if (isFresh && JSON.stringify(before) === JSON.stringify(instance)) return undefined;
  const body = encodeRestConsumer({ ...instance, usedAt: now });
  if (body.length > MAX_ITEM_BYTES - ITEM_RESERVE_BYTES) {
    return kafkaFailure({ error: 'POLICY_VIOLATION', message: 'A consumer instance cannot read so many partitions.' });
  }
  const place = restConsumerKey(instance.group, instance.name);
  const put = { kind: 'put', version: version + 1, body } as const;
  const changed = await changeItem<Refusal>(
    rest,
    place,
    (item) => (item?.version === version ? put : { kind: 'keep', result: USED_BY_ANOTHER }),
    { ...put, condition: { kind: 'version', version } },
  );
  return changed.kind === 'kept' ? changed.result : undefined;
}

/** Removes an instance. Throws StoreUnavailableError. */
export async function removeInstance(
  { state }: RestEnvironment,
  { instance, version }: LoadedInstance,
): Promise<Refusal | undefined> {
  const { pk, sk } = restConsumerKey(instance.group, instance.name);
  const outcome = await state.delete(pk, sk, version);
  switch (outcome.kind) {
    case 'committed':
      return undefined;
    case 'conflict':
      return USED_BY_ANOTHER;
    case 'refused':
    case 'unknown':
      throw new StoreUnavailableError(outcome.message);
  }
}
