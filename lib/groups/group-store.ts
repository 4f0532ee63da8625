import { assert } from '../core/assert.ts';
import { MalformedBytesError } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { newNonce } from '../core/nonce.ts';
import type { Random } from '../core/random.ts';
import {
  bodyWrittenAt,
  decodeGroupBody,
  deflateBody,
  encodeGroupBody,
  GROUP_BODIES,
  groupBodySk,
  inflateBody,
} from '../storage/items/group-body.ts';
import {
  decodeGroupHead,
  encodeGroupHead,
  GROUP_HEAD_SK,
  type GroupHead,
  type StoredBody,
} from '../storage/items/group-head.ts';
import { groupPk } from '../storage/items/group-keys.ts';
import { FIRST_PUT_SIGNED_WITHIN_MS } from '../storage/late-puts.ts';
import { type Item, type ItemStore, type StoreTime, StoreUnavailableError } from '../storage/ports.ts';
import { putItem } from '../storage/put-item.ts';
import type { DeleteOffsets } from './environment.ts';
import type { Group } from './group.ts';
import { finishDeletion } from './group-deletion.ts';
import type { GroupIndex } from './group-index.ts';
import { protocolOf, protocolOfType } from './protocols.ts';

/** The dependencies of GroupStore. */
export interface GroupStoreEnvironment {
  readonly state: ItemStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly index: GroupIndex;
  readonly deleteOffsets: DeleteOffsets;
}

/**
 * A group and the version of its stored head. `group` undefined: the group does not exist. Version
 * 0: there is no head either, not even that of a deleted group.
 */
export interface LoadedGroup {
  readonly group: Group | undefined;
  /**
   * When the group, or the deleted group of this id, was created. A change of protocol keeps it.
   */
  readonly since: StoreTime;
  readonly version: number;
  readonly nonce: string;
  readonly body: StoredBody | undefined;
  /** The sweep marked the group for removal (see unused-groups.ts). */
  readonly isUnused: boolean;
  /** JSON of a body in its own item, kept so that it is read once. Undefined for other bodies. */
  readonly bodyJson: unknown;
  /** Stored size of head and body; bytes. */
  readonly bytes: number;
}

export type CommitOutcome =
  | { readonly kind: 'committed'; readonly loaded: LoadedGroup }
  /** Another writer won; `existing` is the current head. */
  | { readonly kind: 'conflict'; readonly existing: Item | undefined }
  /** The group exceeds the item size; nothing was written. */
  | { readonly kind: 'tooLarge'; readonly bytes: number }
  /** The store refused the write, or its outcome is unknown. */
  | { readonly kind: 'failed'; readonly message: string };

/**
 * Upper bound of a head or a body: DynamoDB's 400 KB less the keys, the nonce and the rest of a
 * head.
 */
export const GROUP_BYTES_MAX = 390 * 1024;

/**
 * A body up to this size is part of the head. Both together stay below the 4 KB of one read unit.
 */
const INLINE_BYTES_MAX = 3_000;

/**
 * A head that names a new body is signed within this time after the body's put (as rule R5 requires
 * for objects); ms.
 */
const NAMED_WITHIN_MS = 10 * 60 * 1000;

/**
 * A body that no head names is an orphan of a crash once it is this old: longer than
 * NAMED_WITHIN_MS plus the lifetime of a signature; ms.
 */
const ORPHAN_AGE_MS = 30 * 60 * 1000;

/** Reads and writes groups. The conditional put of the head commits a change. */
export class GroupStore {
  readonly env: GroupStoreEnvironment;

  constructor(env: GroupStoreEnvironment) {
    this.env = env;
  }

  /**
   * Reads the group, strongly consistent. Parts that did not change since `known` are neither read
   * nor decoded again. Throws StoreUnavailableError, and MalformedBytesError for a group that this
   * program cannot read.
   */
  async load(groupId: string, known: LoadedGroup | undefined): Promise<LoadedGroup> {
    const { item } = await this.env.state.get(groupPk(groupId), GROUP_HEAD_SK, true);
    return this.take(groupId, item, known);
  }

  /** The same for a head that was already read, for example by a conflict. */
  async take(groupId: string, item: Item | undefined, known: LoadedGroup | undefined): Promise<LoadedGroup> {
    for (let head = item; ; ) {
      if (head === undefined) return ABSENT;
      if (known !== undefined && head.version === known.version && head.nonce === known.nonce) return known;
      const stored = decodeGroupHead(head.body);
      const { version, nonce } = head;
      if (stored.kind === 'deleted') return { ...ABSENT, since: stored.since, version, nonce };
      if (stored.kind === 'deleting') {
        await finishDeletion(this.env, groupId, version, stored.since);
      } else {
        const protocol = protocolOfType(stored.type);
        const body = await this.#readBody(groupId, stored.body, known);
        if (body !== undefined) {
          const group = protocol.decode(stored.head, body.json);
          const bytes = head.body.length + body.bytes;
          const bodyJson = stored.body.kind === 'item' ? body.json : undefined;
          const isUnused = stored.isUnused === true;
          return { group, since: stored.since, version, nonce, body: stored.body, isUnused, bodyJson, bytes };
        }
      }
      // The group was deleted, or its body replaced, during the read.
      head = (await this.env.state.get(groupPk(groupId), GROUP_HEAD_SK, true)).item;
    }
  }

  async #readBody(
    groupId: string,
    body: StoredBody,
    known: LoadedGroup | undefined,
  ): Promise<{ json: unknown; bytes: number } | undefined> {
    if (body.kind === 'inline') return { json: body.json, bytes: 0 };
    if (body.kind === 'deflated') return { json: inflateBody(body.bytes), bytes: 0 };
    if (known?.body?.kind === 'item' && known.body.sk === body.sk) return { json: known.bodyJson, bytes: known.bytes };
    const { item } = await this.env.state.get(groupPk(groupId), body.sk, true);
    return item === undefined ? undefined : { json: decodeGroupBody(item.body), bytes: item.body.length };
  }

  /**
   * Commits `group` as the successor of `loaded`; undefined deletes the group. `now`: store time of
   * the decision, which becomes the creation time of a new group. Throws StoreUnavailableError.
   */
  async commit(groupId: string, loaded: LoadedGroup, group: Group | undefined, now: StoreTime): Promise<CommitOutcome> {
    if (group === undefined) return this.#delete(groupId, loaded);
    if (loaded.group === undefined) await this.env.index.add(groupId);
    const { state, random } = this.env;
    const protocol = protocolOf(group);
    const nonce = newNonce(random);
    const writtenAt = Math.floor(state.now());
    const body = this.#placeBody(group, loaded, writtenAt, nonce);
    const since = sinceOf(loaded, now);
    const { type } = group;
    const head = encodeGroupHead({ kind: 'group', type, since, head: protocol.encodeHead(group), body: body.stored });
    const largest = Math.max(head.length, body.written?.length ?? 0);
    if (largest > GROUP_BYTES_MAX) return { kind: 'tooLarge', bytes: largest };
    if (body.written !== undefined && body.stored.kind === 'item') {
      const item = { pk: groupPk(groupId), sk: body.stored.sk, version: writtenAt, nonce, body: body.written };
      const put = await putItem(state, item, { kind: 'absent' }, this.env.clock, random);
      if (put.kind !== 'committed') return { kind: 'failed', message: `the body was not stored: ${put.kind}` };
    }
    const version = Math.max(writtenAt, loaded.version + 1);
    const outcome = await this.#putHead(groupId, loaded, { version, nonce, body: head }, body.stored, now);
    const replaced = loaded.body?.kind === 'item' ? loaded.body.sk : undefined;
    if (outcome.kind !== 'committed') {
      // Only after a conflict: a put that failed otherwise may still land, and its head names this
      // body.
      if (outcome.kind === 'conflict' && body.written !== undefined && body.stored.kind === 'item') {
        void this.#deleteBody(groupId, body.stored.sk);
      }
      return outcome;
    }
    const kept = body.stored.kind === 'item' && body.stored.sk === replaced;
    if (replaced !== undefined && !kept) void this.#deleteBody(groupId, replaced);
    const bodyBytes = body.stored.kind === 'item' ? (body.written?.length ?? loaded.bytes) : 0;
    return {
      kind: 'committed',
      loaded: {
        group,
        since,
        version,
        nonce,
        body: body.stored,
        isUnused: false,
        bodyJson: body.stored.kind === 'item' ? (body.json ?? loaded.bodyJson) : undefined,
        bytes: head.length + bodyBytes,
      },
    };
  }

  /**
   * Where to store the group's body. `written`: the bytes of a separate item, which must be put
   * before the head.
   */
  #placeBody(
    group: Group,
    loaded: LoadedGroup,
    writtenAt: StoreTime,
    nonce: string,
  ): { readonly stored: StoredBody; readonly written?: Buffer; readonly json?: unknown } {
    const protocol = protocolOf(group);
    const asBefore = loaded.group?.type === group.type && protocol.bodyOf(loaded.group) === protocol.bodyOf(group);
    if (asBefore && loaded.body !== undefined) return { stored: loaded.body };
    const json = protocol.encodeBody(group);
    const text = JSON.stringify(json);
    if (Buffer.byteLength(text) <= INLINE_BYTES_MAX) return { stored: { kind: 'inline', json } };
    const deflated = deflateBody(text);
    // JSON holds it as base64, a third longer.
    if (deflated.length * (4 / 3) <= INLINE_BYTES_MAX) return { stored: { kind: 'deflated', bytes: deflated } };
    return { stored: { kind: 'item', sk: groupBodySk(writtenAt, nonce) }, written: encodeGroupBody(deflated), json };
  }

  async #putHead(
    groupId: string,
    loaded: LoadedGroup,
    head: { readonly version: number; readonly nonce: string; readonly body: Buffer },
    body: StoredBody,
    now: StoreTime,
  ): Promise<CommitOutcome> {
    const { state, clock, random } = this.env;
    const item: Item = { pk: groupPk(groupId), sk: GROUP_HEAD_SK, ...head };
    const condition =
      loaded.version === 0 ? ({ kind: 'absent' } as const) : ({ kind: 'version', version: loaded.version } as const);
    // Only a body that no head has named yet can be mistaken for an orphan.
    const isNew = body.kind === 'item' && (loaded.body?.kind !== 'item' || loaded.body.sk !== body.sk);
    const signBefore = Math.min(
      isNew ? bodyWrittenAt(body.sk) + NAMED_WITHIN_MS : Number.POSITIVE_INFINITY,
      loaded.version === 0 ? now + FIRST_PUT_SIGNED_WITHIN_MS : Number.POSITIVE_INFINITY,
    );
    const options = Number.isFinite(signBefore) ? { signBefore } : {};
    const put = await putItem(state, item, condition, clock, random, options);
    switch (put.kind) {
      case 'committed':
        return { kind: 'committed', loaded: ABSENT };
      case 'conflict':
        return { kind: 'conflict', existing: put.existing };
      case 'refused':
      case 'uncertain':
        return { kind: 'failed', message: put.message };
    }
  }

  /**
   * Marks a group as unused, unless it changed since it was loaded. The next change of the group
   * clears the mark. Throws StoreUnavailableError.
   */
  async markUnused(groupId: string, loaded: LoadedGroup): Promise<void> {
    const { state, clock, random } = this.env;
    const { group, since, body } = loaded;
    assert(group !== undefined && body !== undefined, 'only an existing group can be marked');
    const head = protocolOf(group).encodeHead(group);
    const item: Item = {
      pk: groupPk(groupId),
      sk: GROUP_HEAD_SK,
      version: Math.max(Math.floor(state.now()), loaded.version + 1),
      nonce: newNonce(random),
      body: encodeGroupHead({ kind: 'group', type: group.type, since, head, body, isUnused: true }),
    };
    const put = await putItem(state, item, { kind: 'version', version: loaded.version }, clock, random);
    if (put.kind === 'committed' || put.kind === 'conflict') return;
    throw new StoreUnavailableError(`the group may not have been marked: ${put.message}`);
  }

  async #delete(groupId: string, loaded: LoadedGroup): Promise<CommitOutcome> {
    assert(loaded.version > 0, 'only an existing group can be deleted');
    const { state, clock, random } = this.env;
    const version = Math.max(Math.floor(state.now()), loaded.version + 1);
    const body = encodeGroupHead({ kind: 'deleting', since: loaded.since });
    const item: Item = { pk: groupPk(groupId), sk: GROUP_HEAD_SK, version, nonce: newNonce(random), body };
    const put = await putItem(state, item, { kind: 'version', version: loaded.version }, clock, random);
    if (put.kind === 'conflict') return { kind: 'conflict', existing: put.existing };
    if (put.kind !== 'committed') return { kind: 'failed', message: put.message };
    await finishDeletion(this.env, groupId, version, loaded.since);
    return { kind: 'committed', loaded: ABSENT };
  }

  /** The decoded head, for the sweep; undefined if there is none. Throws as `load`. */
  async peek(groupId: string): Promise<{ readonly head: GroupHead; readonly version: number } | undefined> {
    const { item } = await this.env.state.get(groupPk(groupId), GROUP_HEAD_SK, true);
    return item === undefined ? undefined : { head: decodeGroupHead(item.body), version: item.version };
  }

  async #deleteBody(groupId: string, sk: string): Promise<void> {
    // The body's version is the store time in its key. If the delete fails, removeOrphans finds the
    // body later.
    await this.env.state.delete(groupPk(groupId), sk, bodyWrittenAt(sk)).catch(() => {});
  }

  /**
   * Removes bodies that no head names and that are too old for a head to name them yet. Throws
   * StoreUnavailableError.
   */
  async removeOrphans(groupId: string): Promise<void> {
    const { state, logger } = this.env;
    const before = state.now() - ORPHAN_AGE_MS;
    const page = await state.query({ pk: groupPk(groupId), ...GROUP_BODIES, consistent: true });
    if (page.items.length < 2) return;
    const { item } = await state.get(groupPk(groupId), GROUP_HEAD_SK, true);
    const head = item === undefined ? undefined : decodeGroupHead(item.body);
    const named = head?.kind === 'group' && head.body.kind === 'item' ? head.body.sk : undefined;
    for (const { sk, version } of page.items) {
      if (sk === named || bodyWrittenAt(sk) >= before) continue;
      logger.log('info', { event: 'orphaned_group_body_removed', groupId, sk });
      await state.delete(groupPk(groupId), sk, version);
    }
  }
}

/**
 * Creation time of a group that is created or changed at `now`. A new group's is later than that of
 * the deleted group of the same id.
 */
export function sinceOf({ group, since }: LoadedGroup, now: StoreTime): StoreTime {
  return group === undefined ? Math.max(now, since + 1) : since;
}

const ABSENT: LoadedGroup = {
  group: undefined,
  since: 0,
  version: 0,
  nonce: '',
  body: undefined,
  isUnused: false,
  bodyJson: undefined,
  bytes: 0,
};

/** Whether the error is an unavailable store or an unreadable item. All other errors are bugs. */
export function isStoreProblem(error: unknown): error is StoreUnavailableError | MalformedBytesError {
  return error instanceof StoreUnavailableError || error instanceof MalformedBytesError;
}
