import { mkdir, open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import type { Stores } from '../ports.ts';
import { BlobFiles } from './blob-files.ts';
import { checkFiles, exists } from './check-files.ts';
import { openEnvironment } from './environment.ts';
import { explain, prepareDirectory, StoreOpenError } from './format.ts';
import { EmbeddedItemStore } from './item-store.ts';
import { Presence } from './presence.ts';
import { StoreTimer } from './store-time.ts';
import { syncDirectory } from './sync.ts';
import { WriteLock } from './write-lock.ts';

export interface EmbeddedStoresOptions {
  /**
   * A directory, made if it is not there, on a local file system: LMDB does not work over a
   * network.
   */
  readonly path: string;
  readonly clock: Clock;
  /** Names temporary files; must not repeat across processes. */
  readonly random: Random;
}

/**
 * Written once LMDB has created its files. From then on a missing or empty file is a loss and is
 * not replaced by a new store.
 */
const USED_MARKER = 'used';

/**
 * Opens the store in a directory: items in LMDB (`items/`), objects in files (`blobs/`). Any number
 * of processes of one machine may have it open. Throws StoreOpenError with a message for the user.
 */
export async function openEmbeddedStores(options: EmbeddedStoresOptions): Promise<Stores> {
  const path = resolve(options.path);
  const timer = new StoreTimer(options.clock);
  await prepareDirectory(path, options.random.bytes(8).toString('hex'));
  try {
    const items = join(path, 'items');
    const blobRoot = join(path, 'blobs');
    const used = join(path, USED_MARKER);
    await mkdir(blobRoot, { recursive: true });
    const blobs = new BlobFiles(blobRoot, timer, options.random);
    await blobs.prepare();
    const isUsed = (await exists(used)) || (await blobs.list('', undefined, 1)).length > 0;
    await mkdir(items, { recursive: true });
    await syncDirectory(path);
    await checkFiles(items, !isUsed);
    const environment = openEnvironment(items);
    await syncDirectory(items);
    const presence = new Presence(join(items, 'data.mdb'));
    if (!(await exists(used))) {
      await (await open(used, 'a')).close();
      await syncDirectory(path);
    }
    const lock = new WriteLock(options.clock, timer, () => environment.root.transaction(() => lock.held()));
    return {
      journal: new EmbeddedItemStore(environment.journal, options.clock, timer, lock, presence),
      state: new EmbeddedItemStore(environment.state, options.clock, timer, lock, presence),
      blobs,
      async close() {
        blobs.close();
        await environment.root.close();
        presence.close();
      },
    };
  } catch (error) {
    if (error instanceof StoreOpenError) throw error;
    throw new StoreOpenError(explain(path, error), { cause: error });
  }
}
