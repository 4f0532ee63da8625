import type { OpenJournal } from '../journal/open-journal.ts';
import type { JournalView } from '../journal/view.ts';
import type { StoreTime } from '../storage/ports.ts';
import { repairLastSeal } from './repair-items.ts';
import { repairReplaces } from './replace.ts';
import type { SealEnvironment } from './seal-environment.ts';
import { readSpan } from './seal-read.ts';
import type { SpanBounds } from './seal-span.ts';

/**
 * A journal is quiet this long after its newest seal; ms. A journal that is written to now and then
 * gets at most one more entry for each of its seals.
 */
const QUIET_MS = 60 * 60 * 1000;

/** What a pass over control entries does not reach: they are small, and a span has no batch. */
const NO_BOUNDS: SpanBounds = {
  bytes: Number.POSITIVE_INFINITY,
  entries: Number.POSITIVE_INFINITY,
  batches: Number.POSITIVE_INFINITY,
  parts: Number.POSITIVE_INFINITY,
};

export interface QuietOutcome {
  /** Whether the seal was written. */
  readonly isSealed: boolean;
  /** When the journal is quiet, if nothing is written until then; undefined: there is nothing to do. */
  readonly next: StoreTime | undefined;
}

/**
 * When a seal without batches is due: the newest seal has batches, and no batch has followed it.
 * Undefined: never, as it stands. Pure; the same view gives the same time.
 */
export function quietSealAt({ closed, hotSince, lastSeal }: JournalView): StoreTime | undefined {
  if (closed || hotSince !== -1 || lastSeal === undefined || lastSeal.parts.length === 0) return undefined;
  return lastSeal.time + QUIET_MS;
}

/**
 * Ends the sealed history of a journal that has become quiet by one `seal` entry without an object.
 * Until another seal follows the newest one, that one's span is read from its entries, which keep it
 * a second time. The seal covers control entries only; after it nothing is due.
 *
 * Any process may do it at any time, several at once and after a crash at any point. The view must
 * have been confirmed just before: the items of the newest seal are signed within an hour of that (rule
 * R15).
 *
 * @param deadline by Clock.monotonic(); ms
 * @throws StoreUnavailableError
 */
export async function sealQuiet(env: SealEnvironment, open: OpenJournal, deadline: number): Promise<QuietOutcome> {
  const { journal, writer } = open;
  const { clock, stores } = journal.env;
  const at = quietSealAt(journal.view);
  if (at === undefined || stores.journal.now() < at) return { isSealed: false, next: at };
  const { sealedSeq, seq: toSeq, time: toTime } = journal.view;
  const fromSeq = sealedSeq + 1;
  // The view forgets the newest seal with the next one.
  await repairLastSeal(env.index, journal);
  const read = await readSpan(journal, { fromSeq, toSeq }, NO_BOUNDS, () => clock.monotonic() >= deadline);
  // Entries are missing once others have sealed and deleted them.
  if (read?.kind !== 'read') return { isSealed: false, next: stores.journal.now() };
  await repairReplaces(env, journal, read.replaces);
  const result = await writer.appendEntry((view, time) => {
    // Every slot before the seal is in it, so that none of them has batches (rule R16).
    if (view.closed || view.seq !== toSeq) return undefined;
    return { kind: 'seal', time, fromSeq, toSeq, toTime, key: '', parts: [] };
  }, deadline);
  const next = quietSealAt(journal.view);
  return { isSealed: result === 'written', next: next === undefined ? undefined : stores.journal.now() };
}
