import type { Clock } from '../../lib/core/clock.ts';
import { MemoryServer } from '../../lib/storage/memory/server.ts';
import type { Item } from '../../lib/storage/ports.ts';

/** Sees every change at the store itself, at the moment it happens and in the order in which it does. */
export interface StoreWatcher {
  wrote(table: 'journal' | 'state', item: Item, before: Item | undefined): void;
  /** Another item was there than the put had asked for. */
  lost(item: Item): void;
  deleted(table: 'journal' | 'state', item: Item): void;
  stored(key: string, bytes: Buffer): void;
  removed(key: string): void;
}

const watchers = new WeakMap<Clock, StoreWatcher>();

/** Watches the memory store that runs on `clock`. */
export function watchStore(clock: Clock, watcher: StoreWatcher): void {
  watchers.set(clock, watcher);
}

const { put, delete: remove, putBlob, deleteBlob } = MemoryServer.prototype;

MemoryServer.prototype.put = function (table, item, condition, signedAt) {
  const before = table.get(item.pk, item.sk);
  const outcome = put.call(this, table, item, condition, signedAt);
  if (outcome.kind === 'committed') {
    watchers.get(this.clock)?.wrote(table === this.journal ? 'journal' : 'state', item, before);
  } else if (outcome.kind === 'conflict') {
    watchers.get(this.clock)?.lost(item);
  }
  return outcome;
};

MemoryServer.prototype.delete = function (table, pk, sk, version, signedAt) {
  const before = table.get(pk, sk);
  const outcome = remove.call(this, table, pk, sk, version, signedAt);
  if (outcome.kind === 'committed' && before !== undefined) {
    watchers.get(this.clock)?.deleted(table === this.journal ? 'journal' : 'state', before);
  }
  return outcome;
};

MemoryServer.prototype.putBlob = function (key, bytes, signedAt) {
  const outcome = putBlob.call(this, key, bytes, signedAt);
  if (outcome.kind === 'committed') watchers.get(this.clock)?.stored(key, bytes);
  return outcome;
};

MemoryServer.prototype.deleteBlob = function (key, signedAt) {
  const present = this.blobs.has(key);
  const outcome = deleteBlob.call(this, key, signedAt);
  if (outcome.kind === 'committed' && present) watchers.get(this.clock)?.removed(key);
  return outcome;
};
