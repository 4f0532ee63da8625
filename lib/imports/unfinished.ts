import type { Uuid } from '../core/uuid.ts';
import { changeItem, type ItemChange } from '../kit/change-item.ts';
import { decodeTopicImport, encodeTopicImport, IMPORTS_PK, type TopicImport } from '../storage/items/topic-import.ts';
import { type Item, type StoreTime, StoreUnavailableError } from '../storage/ports.ts';
import { closeJournals } from '../topics/close-journals.ts';
import type { AdminEnvironment } from '../topics/environment.ts';

/** An import that nobody has gone on with for this long is given up; ms. */
export const ABANDONED_AFTER_MS = 7 * 24 * 60 * 60 * 1000;

/** How long the journals of one topic may take to close; ms. */
const CLOSE_MS_MAX = 60 * 1000;

type Rooms = Pick<AdminEnvironment, 'journals' | 'topics'>;

/** The item of an import, as it was read or put. */
export interface StoredImport {
  readonly record: TopicImport;
  /** Store time at which the import last said that it goes on. */
  readonly version: StoreTime;
}

/** The import of a topic that has not ended. Throws StoreUnavailableError and MalformedBytesError. */
export async function findImport({ journals }: Rooms, name: string): Promise<StoredImport | undefined> {
  const { item } = await journals.env.stores.state.get(IMPORTS_PK, name, true);
  return item === undefined ? undefined : storedIn(item);
}

function storedIn({ version, body }: Item): StoredImport {
  return { record: decodeTopicImport(body), version };
}

/**
 * Puts the item of an import in place of the one that was read (undefined: none). Undefined: another
 * process has changed it. Throws StoreUnavailableError.
 */
export async function putImport(
  { journals }: Rooms,
  record: TopicImport,
  before: StoredImport | undefined,
): Promise<StoredImport | undefined> {
  const { stores, clock, random } = journals.env;
  const key = { pk: IMPORTS_PK, sk: record.topic.name };
  const changed = await changeItem({ state: stores.state, clock, random }, key, (item): ItemChange<undefined> => {
    if (item?.version !== before?.version) return { kind: 'keep', result: undefined };
    const version = Math.max(Math.floor(stores.state.now()), (item?.version ?? -1) + 1);
    return { kind: 'put', version, body: encodeTopicImport(record) };
  });
  return changed.kind === 'put' ? storedIn(changed.item) : undefined;
}

/** Deletes the item of an import unless it was changed since. Throws StoreUnavailableError. */
export async function dropImport({ journals }: Rooms, { record, version }: StoredImport): Promise<void> {
  const { name } = record.topic;
  const outcome = await journals.env.stores.state.delete(IMPORTS_PK, name, version);
  if (outcome.kind === 'committed' || outcome.kind === 'conflict') return;
  throw new StoreUnavailableError(`item ${IMPORTS_PK}/${name} was not deleted: ${outcome.message}`);
}

/**
 * Gives an import up: nothing of it becomes a topic any more, and its closed journals are deleted as
 * those of a deleted topic. The item says so first: whoever goes on with the import changes it too.
 * Throws StoreUnavailableError.
 */
export async function abandonImport(env: Rooms, found: StoredImport): Promise<void> {
  const { record } = found;
  const abandoned = record.isAbandoned ? found : await putImport(env, { ...record, isAbandoned: true }, found);
  // Somebody goes on with it.
  if (abandoned === undefined) return;
  await closeJournals(env, record.topic, env.journals.env.clock.monotonic() + CLOSE_MS_MAX);
  await dropImport(env, abandoned);
}

/**
 * Looks at a journal whose topic does not exist: gives its import up if nobody has gone on with it for
 * ABANDONED_AFTER_MS. Throws StoreUnavailableError and MalformedBytesError.
 */
export async function collectImport(env: Rooms, topicId: Uuid): Promise<void> {
  const { state } = env.journals.env.stores;
  // No name sorts before it.
  let from = '-';
  let isMore = true;
  while (isMore) {
    const { items, more } = await state.query({ pk: IMPORTS_PK, from, consistent: true });
    for (const item of items) {
      const found = storedIn(item);
      const isOver = found.record.isAbandoned || state.now() - found.version > ABANDONED_AFTER_MS;
      if (found.record.topic.id === topicId && isOver) await abandonImport(env, found);
      from = `${item.sk}\0`;
    }
    isMore = more;
  }
}
