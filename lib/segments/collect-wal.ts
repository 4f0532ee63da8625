import { MalformedBytesError } from '../core/bytes.ts';
import { NAME_WITHIN_MS } from '../journal/checkpoint.ts';
import type { Journal } from '../journal/journal.ts';
import type { Journals } from '../journal/open-journal.ts';
import { readsNoEntries, settledTime } from '../journal/view.ts';
import { decodeWalHeader, type WalHeader, walHeaderEnd } from '../journal/wal-object.ts';
import { boundedMap } from '../kit/bounded-map.ts';
import { each } from '../kit/each.ts';
import type { UnreadableItems } from '../kit/unreadable-items.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import { afterWalHash, hasWalHeader, WAL_PREFIX, walTimeOf } from '../storage/items/wal-object.ts';
import { type BlobInfo, type BlobStore, MAX_SIGNATURE_AGE_MS, type StoreTime } from '../storage/ports.ts';

/** Objects per list call. */
const PAGE = 1_000;

/** Objects whose headers are read at the same time. */
const AT_ONCE = 16;

/**
 * Bytes of an object that are read at first: a header of some 60 journals. A longer one is read again.
 */
const HEADER_BYTES = 4 * 1024;

/** A longer header is not read: no process has stretches of so many journals; bytes. */
const HEADER_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Stores tell times in whole seconds, and an object's time may be cut off: one second, twice; ms.
 */
const MARGIN_MS = 2_000;

export interface WalGraces {
  /** An object stays for this time after its PUT, whatever its journals say; ms. */
  readonly graceMs: number;
  /** Time between two passes over all objects, which cost some 256 list calls each; ms. */
  readonly everyMs: number;
}

/** A cursor that says when the next pass begins. Keys have no colon. */
const NEXT_PASS = 'next:';

export interface CollectedWal {
  /** The key after which the next call goes on, or when the next pass begins. */
  readonly cursor: string | undefined;
  /** False if the deadline came before the end of the pass. */
  readonly isComplete: boolean;
  readonly counts: {
    /** Objects that are old enough. */
    readonly looked: number;
    readonly deleted: number;
    /** Objects that an entry may still name. */
    readonly inUse: number;
    /** Objects of the first format, which do not say what is in them. They stay. */
    readonly withoutHeader: number;
    /** Objects whose headers cannot be read. They stay. */
    readonly skipped: number;
  };
}

/** Objects whose journals a process remembers; some 100 bytes each. */
const REMEMBERED_MAX = 10_000;

/**
 * Which journals the objects are of that were looked at and are still in use, so that each header is
 * read once. Objects never change.
 */
export class SeenWal {
  readonly #journals = boundedMap<string, readonly JournalId[]>(REMEMBERED_MAX);

  /** The journals that an object has batches of; undefined if it is gone. Throws MalformedBytesError. */
  async journalsOf(blobs: BlobStore, key: string): Promise<readonly JournalId[] | undefined> {
    const known = this.#journals.get(key);
    if (known !== undefined) return known;
    const header = await readHeader(blobs, key);
    return header && [...new Set(header.stretches.map(({ journal }) => journal))];
  }

  remember(key: string, journals: readonly JournalId[]): void {
    this.#journals.set(key, journals);
  }

  forget(key: string): void {
    this.#journals.delete(key);
  }
}

/**
 * Deletes the WAL objects that no entry needs any more (rule R16): those whose journals all read what
 * the object holds from segments by now, or are gone. An object says itself which journals it has
 * batches of; `seen` remembers that from call to call. Continues after `cursor` and ends by `deadline`
 * (Clock.monotonic(), ms). Throws StoreUnavailableError.
 */
export async function collectWal(
  journals: Journals,
  unreadable: UnreadableItems,
  { graceMs, everyMs }: WalGraces,
  cursor: string | undefined,
  deadline: number,
  seen = new SeenWal(),
): Promise<CollectedWal> {
  const { stores, clock, observer } = journals.env;
  const { blobs } = stores;
  const counts = { looked: 0, deleted: 0, inUse: 0, withoutHeader: 0, skipped: 0 };
  // Whichever store has answered already tells the time.
  const now = () => (Number.isNaN(stores.state.now()) ? blobs.now() : stores.state.now());
  const isWaiting = cursor?.startsWith(NEXT_PASS) === true;
  if (isWaiting && now() < Number(cursor.slice(NEXT_PASS.length))) {
    return { cursor, isComplete: true, counts };
  }
  const known = new KnownJournals(journals);
  const collect = async (object: BlobInfo) => {
    counts.looked++;
    const found = hasWalHeader(object.key) ? await collectOne(blobs, known, seen, unreadable, object) : 'withoutHeader';
    counts[found]++;
    if (found === 'deleted') observer?.collected('wal');
  };
  for (let after = isWaiting ? undefined : cursor; ; ) {
    if (clock.monotonic() >= deadline) return { cursor: after, isComplete: false, counts };
    const page = await blobs.list(WAL_PREFIX, after, PAGE);
    const young = page.findIndex((object) => !(blobs.now() - newestTime(object) > graceMs));
    const old = young === -1 ? page : page.slice(0, young);
    for (let at = 0; at < old.length; at += AT_ONCE) {
      if (clock.monotonic() >= deadline) return { cursor: after, isComplete: false, counts };
      const some = old.slice(at, at + AT_ONCE);
      await each({}, some, collect);
      after = some.at(-1)!.key;
    }
    if (young !== -1) {
      // The keys of one hash ascend by time: all behind this one are as young.
      const { key } = page[young]!;
      after = hasWalHeader(key) ? afterWalHash(key) : key;
    } else if (page.length < PAGE) {
      return { cursor: `${NEXT_PASS}${Math.ceil(now()) + everyMs}`, isComplete: true, counts };
    }
  }
}

async function collectOne(
  blobs: BlobStore,
  known: KnownJournals,
  seen: SeenWal,
  unreadable: UnreadableItems,
  object: BlobInfo,
): Promise<'deleted' | 'inUse' | 'skipped'> {
  let journals: readonly JournalId[] | undefined;
  try {
    journals = await seen.journalsOf(blobs, object.key);
  } catch (error) {
    if (!(error instanceof MalformedBytesError)) throw error;
    unreadable.skip(object.key, error);
    return 'skipped';
  }
  unreadable.readable(object.key);
  if (journals === undefined) return 'deleted';
  for (const journal of journals) {
    try {
      if (await known.isPast(journal, newestTime(object))) continue;
      seen.remember(object.key, journals);
      return 'inUse';
    } catch (error) {
      if (!(error instanceof MalformedBytesError)) throw error;
      unreadable.skip(journal, error);
      return 'skipped';
    }
  }
  await blobs.delete(object.key);
  seen.forget(object.key);
  return 'deleted';
}

/** Undefined: the object is gone. Throws MalformedBytesError. */
async function readHeader(blobs: BlobStore, key: string): Promise<WalHeader | undefined> {
  const first = await blobs.getRange(key, 0, HEADER_BYTES);
  if (first.kind === 'missing') return undefined;
  const end = walHeaderEnd(first.bytes);
  const isWhole = end <= first.bytes.length || first.bytes.length < HEADER_BYTES || end > HEADER_BYTES_MAX;
  if (isWhole) return decodeWalHeader(key, first.bytes);
  const whole = await blobs.getRange(key, 0, end);
  return whole.kind === 'missing' ? undefined : decodeWalHeader(key, whole.bytes);
}

/** The key says when the object was made, the store when its PUT ended: the later of the two. */
function newestTime({ key, modified }: BlobInfo): StoreTime {
  return Math.max(modified, walTimeOf(key));
}

/** What the journals say, each read once in a call. */
class KnownJournals {
  readonly #journals: Journals;
  readonly #known = new Map<JournalId, Promise<Journal | undefined>>();

  constructor(journals: Journals) {
    this.#journals = journals;
  }

  /**
   * Whether no entry of the journal names an object of this time and is still needed. An entry that
   * names it is signed within NAME_WITHIN_MS of its PUT, on a view that is not newer, so that its time
   * is not later than that. Entries that were there by `settledTime` are read from segments. A journal
   * of which no entry is needed may never have a later entry: it is read again once no entry that
   * names the object can land any more. A journal that is closed or does not exist reads nothing.
   */
  async isPast(id: JournalId, objectTime: StoreTime): Promise<boolean> {
    const journal = await this.#read(id);
    if (journal === undefined || journal.view.closed) return true;
    const namedBy = objectTime + NAME_WITHIN_MS + MARGIN_MS;
    if (settledTime(journal.view) > namedBy) return true;
    const landedBy = namedBy + MAX_SIGNATURE_AGE_MS;
    if (!readsNoEntries(journal.view) || !(this.#journals.env.stores.journal.now() > landedBy)) return false;
    if (!(journal.confirmedAt > landedBy)) await journal.catchUp(true);
    return readsNoEntries(journal.view) && journal.confirmedAt > landedBy;
  }

  #read(id: JournalId): Promise<Journal | undefined> {
    let journal = this.#known.get(id);
    if (journal === undefined) {
      journal = this.#load(id);
      this.#known.set(id, journal);
    }
    return journal;
  }

  async #load(id: JournalId): Promise<Journal | undefined> {
    const known = this.#journals.peek(id);
    // A view that is behind only keeps objects longer.
    if (known !== undefined) await known.journal.catchUp(false);
    return (known ?? (await this.#journals.open(id)))?.journal;
  }
}
