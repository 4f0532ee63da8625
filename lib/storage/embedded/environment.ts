import { type Database, open, type RootDatabase } from 'lmdb';

/**
 * Address space, not disk space: the file grows as it is written. Fixed and large, because growing
 * a map while other processes read it is unsafe.
 */
const MAP_BYTES = 2 ** 40;

/** Two tables today; named databases cost nothing until they are opened. */
const MAX_DATABASES = 8;

/** Keys and values without lmdb's own encodings; private members that its types leave out. */
export type RawDatabase = Database<Buffer, Buffer> & { resetReadTxn(): void };

export interface Environment {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly journal: RawDatabase;
  readonly state: RawDatabase;
}

/**
 * Opens the LMDB environment in the directory `path`.
 *
 * Why these options are safe (looked at with strace): a commit writes its pages, calls fdatasync,
 * then writes the meta page through a descriptor opened with O_DSYNC, and only then publishes the
 * transaction's number, from which every reader of every process starts. So everything that can be
 * read is on disk, and the promise of a write resolves after that.
 * - `overlappingSync: false`: lmdb's default publishes first and syncs later. A reader could see an
 *   entry that a crash takes back; R2 and the duplicate check do not allow that.
 * - no `useWritemap`: it would save a copy, but a full disk then kills the process with SIGBUS
 *   instead of an error.
 * - no `noSync`, `noMetaSync`, `mapAsync`, for the same reason as the first.
 * - `eventTurnBatching: false` and `strictAsyncOrder: true` are about latency only: the writing
 *   thread starts at once instead of at the end of the event turn, and asks for the transaction's
 *   callbacks without waiting for more. Puts that come while one commits still share the next
 *   commit.
 */
export function openEnvironment(path: string): Environment {
  const root = open<Buffer, Buffer>({
    path,
    noSubdir: false,
    mapSize: MAP_BYTES,
    maxDbs: MAX_DATABASES,
    overlappingSync: false,
    eventTurnBatching: false,
    strictAsyncOrder: true,
    keyEncoding: 'binary',
    encoding: 'binary',
  } as Parameters<typeof open>[0]) as RootDatabase<Buffer, Buffer>;
  const table = (name: string) =>
    root.openDB<Buffer, Buffer>({ name, keyEncoding: 'binary', encoding: 'binary' }) as RawDatabase;
  return { root, journal: table('journal'), state: table('state') };
}
