import { LRUCache } from 'lru-cache';
import { newNonce } from '../core/nonce.ts';
import type { Uuid } from '../core/uuid.ts';
import {
  decodeOffsetsBlock,
  encodeOffsetsBlock,
  type OffsetsBlock,
  offsetsPk,
  offsetsSk,
  offsetsSkRange,
  parseOffsetsSk,
} from '../storage/items/committed-offsets.ts';
import { FIRST_PUT_SIGNED_WITHIN_MS, isSettled } from '../storage/late-puts.ts';
import { type Item, MAX_ITEM_BYTES, type StoreTime } from '../storage/ports.ts';
import { putItem } from '../storage/put-item.ts';
import type { BlockChange } from './decide.ts';
import type { OffsetsEnvironment } from './environment.ts';

export interface BlockKey {
  readonly groupId: string;
  readonly topicId: Uuid;
  readonly block: number;
}

/** A block and the version of its item. No block and version 0: the item does not exist. */
export interface StoredBlock {
  readonly block: OffsetsBlock | undefined;
  readonly version: number;
}

const ABSENT: StoredBlock = { block: undefined, version: 0 };

/**
 * `uncertain`: neither the request nor its retries were answered; the change may have happened or
 * may still happen. `tooLarge`: the block exceeds the item size.
 */
export type BlockOutcome =
  | { readonly kind: 'committed' }
  | { readonly kind: 'conflict'; readonly stored: StoredBlock }
  | { readonly kind: 'tooLarge' }
  | { readonly kind: 'uncertain' };

/** Stored size of the cached blocks; bytes. Decoded they take about five times as much memory. */
const CACHE_BYTES_MAX = 4 * 1024 * 1024;

/** Size of a cached block besides its body, so that empty blocks count as well; bytes. */
const CACHE_OVERHEAD_BYTES = 200;

/** Keys, nonce and the store's own part of an item; bytes. */
const ITEM_REST_BYTES = 2048;

/** The items with committed offsets, and this process's cache of them. */
export class BlockStore {
  readonly #env: OffsetsEnvironment;
  readonly #known = new LRUCache<string, StoredBlock>({ maxSize: CACHE_BYTES_MAX });

  constructor(env: OffsetsEnvironment) {
    this.#env = env;
  }

  /** The block as this process last read or wrote it. Other processes may have changed it since. */
  peek(key: BlockKey): StoredBlock | undefined {
    return this.#known.get(cacheKey(key));
  }

  /** Reads a block, strongly consistent. Throws StoreUnavailableError, MalformedBytesError. */
  async read(key: BlockKey): Promise<StoredBlock> {
    const { item } = await this.#env.state.get(offsetsPk(key.groupId), offsetsSk(key.topicId, key.block), true);
    return this.#remember(key, item);
  }

  /**
   * All blocks of a group, or of one of its topics; strongly consistent, page by page. Throws as
   * `read`.
   */
  async *list(
    groupId: string,
    topicId?: Uuid,
  ): AsyncGenerator<{ readonly key: BlockKey; readonly stored: StoredBlock }> {
    const range = topicId === undefined ? {} : offsetsSkRange(topicId);
    let after: string | undefined;
    for (;;) {
      const from = after === undefined ? {} : { from: `${after}\0` };
      const page = await this.#env.state.query({ pk: offsetsPk(groupId), ...range, ...from, consistent: true });
      for (const item of page.items) {
        after = item.sk;
        const key = { groupId, ...parseOffsetsSk(item.sk) };
        yield { key, stored: this.#remember(key, item) };
      }
      if (!page.more) return;
    }
  }

  /**
   * Commits a change of `stored`, unless the block has changed since. `checkedAt`: store time of
   * the group's state.
   */
  async apply(
    key: BlockKey,
    stored: StoredBlock,
    change: Exclude<BlockChange, { kind: 'same' }>,
    checkedAt: StoreTime,
  ): Promise<BlockOutcome> {
    const isOld = isSettled(stored.version, checkedAt);
    if (change.kind === 'remove' && isOld) return this.remove(key, stored.version);
    return this.#put(key, stored, change.block, checkedAt);
  }

  async #put(key: BlockKey, stored: StoredBlock, block: OffsetsBlock, checkedAt: StoreTime): Promise<BlockOutcome> {
    const { state, clock, random } = this.#env;
    const item: Item = {
      pk: offsetsPk(key.groupId),
      sk: offsetsSk(key.topicId, key.block),
      version: Math.max(Math.floor(state.now()), stored.version + 1),
      nonce: newNonce(random),
      body: encodeOffsetsBlock(block),
    };
    if (item.body.length > MAX_ITEM_BYTES - ITEM_REST_BYTES) return { kind: 'tooLarge' };
    const isFirst = stored.block === undefined;
    const put = await putItem(
      state,
      item,
      isFirst ? { kind: 'absent' } : { kind: 'version', version: stored.version },
      clock,
      random,
      isFirst ? { signBefore: checkedAt + FIRST_PUT_SIGNED_WITHIN_MS } : {},
    );
    switch (put.kind) {
      case 'committed':
        this.#set(key, { block, version: item.version }, item.body.length);
        return { kind: 'committed' };
      case 'conflict':
        return { kind: 'conflict', stored: this.#remember(key, put.existing) };
      case 'refused':
      case 'uncertain':
        this.#forget(key);
        return { kind: 'uncertain' };
    }
  }

  /** Deletes a block if it still has that version. */
  async remove(key: BlockKey, version: number): Promise<BlockOutcome> {
    const outcome = await this.#env.state.delete(offsetsPk(key.groupId), offsetsSk(key.topicId, key.block), version);
    switch (outcome.kind) {
      case 'committed':
        this.#remember(key, undefined);
        return { kind: 'committed' };
      case 'conflict':
        return { kind: 'conflict', stored: this.#remember(key, outcome.existing) };
      case 'refused':
      case 'unknown':
        this.#forget(key);
        return { kind: 'uncertain' };
    }
  }

  #remember(key: BlockKey, item: Item | undefined): StoredBlock {
    const stored = item === undefined ? ABSENT : { block: decodeOffsetsBlock(item.body), version: item.version };
    this.#set(key, stored, item?.body.length ?? 0);
    return stored;
  }

  #set(key: BlockKey, stored: StoredBlock, bodyBytes: number): void {
    this.#known.set(cacheKey(key), stored, { size: bodyBytes + CACHE_OVERHEAD_BYTES });
  }

  #forget(key: BlockKey): void {
    this.#known.delete(cacheKey(key));
  }
}

/** A unique key of the block. */
export function cacheKey({ groupId, topicId, block }: BlockKey): string {
  return `${topicId}/${block}/${groupId}`;
}
