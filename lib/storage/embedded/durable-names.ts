import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { boundedMap } from '../../kit/bounded-map.ts';
import { SharedReads } from '../../kit/shared-reads.ts';
import { HandleCache } from './handle-cache.ts';
import { syncDirectory } from './sync.ts';

/**
 * Directories in use at one time: a handful (WAL, checkpoints) and those of the topics being
 * sealed.
 */
const MAX_OPEN_DIRECTORIES = 32;

/** Directories that are remembered as durable; forgetting one costs a few syncs. */
const MAX_KNOWN_DIRECTORIES = 10_000;

/**
 * Makes names durable: those of directories when they are first used, those of files after each
 * rename.
 */
export class DurableNames {
  readonly #root: string;
  readonly #known = boundedMap<string, true>(MAX_KNOWN_DIRECTORIES);
  readonly #syncs = new SharedReads<string, void>();
  readonly #directories = new HandleCache(MAX_OPEN_DIRECTORIES);

  /** `root` exists and is durable already. */
  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Makes `directory` and what lies between it and the root, and makes their names durable. Done
   * once per process also for those that exist: another process may have made them a moment ago and
   * not have synced them yet.
   */
  async ensure(directory: string): Promise<void> {
    if (directory === this.#root || this.#known.has(directory)) return;
    const parent = dirname(directory);
    await this.ensure(parent);
    await mkdir(directory, { recursive: true });
    await syncDirectory(parent);
    this.#known.set(directory, true);
  }

  /** Makes all names in `directory` durable. Calls during a sync share the next one. */
  sync(directory: string): Promise<void> {
    return this.#syncs.read(directory, async () => {
      await this.#directories.use(directory, (handle) => handle.sync());
    });
  }

  close(): void {
    this.#directories.close();
  }
}
