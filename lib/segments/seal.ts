import { newNonce } from '../core/nonce.ts';
import type { Journal } from '../journal/journal.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { segmentSetKey } from '../storage/items/segment-object.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import type { FoundDue } from './due-list.ts';
import { storeObject } from './due-objects.ts';
import { type SegmentSet, SegmentSetBuilder } from './format/segment-set.ts';
import { repairLastSeal, writeSealItems } from './repair-items.ts';
import { repairReplaces } from './replace.ts';
import { reportFailure } from './report-failure.ts';
import type { SealEnvironment } from './seal-environment.ts';
import { type ReadSpan, readSpan, type SpanLog, type Unreadable } from './seal-read.ts';
import { decideSeal, type SealLimits, spanBounds } from './seal-span.ts';

/**
 * - `sealed`: a span of the journal is in a segment set now. More may be due.
 * - `nothingDue`: nothing was done.
 * - `lost`: another process sealed the span.
 * - `timedOut`: the deadline came first. The seal entry may still be written.
 * - `unreadable`: bytes of the span cannot be read. Nothing was sealed.
 */
export type SealOutcome =
  | { readonly kind: 'sealed'; readonly parts: number; readonly bytes: number; readonly toSeq: number }
  | { readonly kind: 'nothingDue' | 'lost' | 'timedOut' }
  | Unreadable;

/**
 * Seals the journal's next span if that is due (rule R12): reads its entries, writes their batches as
 * one segment set, and names it by a `seal` entry. Then it writes the segment items.
 *
 * Any process may do it at any time, several at once and after a crash at any point: the seal entry
 * is decided on the view, so that only one of them is first. A set that no entry names is found by
 * its due item.
 *
 * @param deadline by Clock.monotonic(); ms
 * @param isForced seals whatever is unsealed
 * @param isConfirmed the caller has confirmed the view: a seal is decided on it, and void after a conflict
 * @throws StoreUnavailableError
 */
export async function sealJournal(
  env: SealEnvironment,
  open: OpenJournal,
  limits: SealLimits,
  deadline: number,
  isForced = false,
  isConfirmed = false,
): Promise<SealOutcome> {
  const { clock } = open.journal.env;
  const waitMs = Math.max(0, deadline - clock.monotonic());
  const sealed = await env.slots.runWithin(clock, waitMs, () =>
    seal(env, open, limits, deadline, isForced, isConfirmed),
  );
  return sealed?.value ?? { kind: 'timedOut' };
}

async function seal(
  env: SealEnvironment,
  open: OpenJournal,
  limits: SealLimits,
  deadline: number,
  isForced: boolean,
  isConfirmed: boolean,
): Promise<SealOutcome> {
  const { journal } = open;
  const { clock, stores } = journal.env;
  const isLate = () => clock.monotonic() >= deadline;
  if (!isConfirmed) await journal.catchUp(true);
  const due = decideSeal(journal.view, limits, stores.journal.now(), isForced);
  if (due === undefined) return { kind: 'nothingDue' };
  const { hotSince, hotBytes } = journal.view;
  const isLost = () => journal.view.sealedSeq >= due.fromSeq;
  // The view forgets the newest seal with the next one (rule R15).
  await repairLastSeal(env.index, journal);
  const read = await readSpan(journal, due, spanBounds(limits), isLate);
  if (read === undefined) return { kind: 'timedOut' };
  if (read.kind === 'unreadable') {
    // Entries are also missing once others have sealed and deleted them.
    await journal.catchUp(true);
    if (isLost()) return { kind: 'lost' };
    reportFailure(journal.env, 'error', { event: 'seal_unreadable', journal: journal.id, message: read.message });
    return read;
  }
  await repairReplaces(env, journal, read.replaces);
  if (isLost()) return { kind: 'lost' };
  if (isLate()) return { kind: 'timedOut' };
  const sealed = await writeSet(env, open, read, limits, deadline);
  if (sealed.kind === 'sealed') {
    const isByAge = !isForced && hotBytes < limits.sealBytes;
    const dueSince = isByAge ? hotSince + limits.sealMs : read.span.toTime;
    journal.env.observer?.wroteHistory('seal', sealed.bytes);
    journal.env.observer?.sealLagged(Math.max(0, stores.journal.now() - dueSince));
  }
  return sealed;
}

async function writeSet(
  env: SealEnvironment,
  open: OpenJournal,
  { span, logs }: ReadSpan,
  limits: SealLimits,
  deadline: number,
): Promise<SealOutcome> {
  const { journal, writer } = open;
  const { random, stores } = journal.env;
  const { fromSeq, toSeq, toTime } = span;
  const key = segmentSetKey(journal.id, toSeq, newNonce(random));
  const set = await buildSet(journal, key, logs, limits);
  const { due, signBefore } = await storeObject(env.due, stores, key, set.chunks);
  const leftOut = logs.flatMap(({ partition, leftOutBytes: bytes }) => (bytes > 0 ? [{ partition, bytes }] : []));
  let isTooOld = false;
  const result = await writer.appendEntry(
    (view, time) => {
      if (view.closed || view.sealedSeq !== fromSeq - 1) return undefined;
      isTooOld = !(time < signBefore);
      if (isTooOld) return undefined;
      return {
        kind: 'seal',
        time,
        fromSeq,
        toSeq,
        toTime,
        key,
        parts: set.parts,
        ...(leftOut.length > 0 && { leftOut }),
      };
    },
    deadline,
    { signBefore },
  );
  // `nothing` may follow a put whose outcome could not be told any more.
  const isNamed = result === 'written' || journal.view.lastSeal?.key === key;
  if (!isNamed) return { kind: result === 'timedOut' || isTooOld ? 'timedOut' : 'lost' };
  await finish(env, journal, key, due);
  const bytes = set.parts.reduce((total, { log }) => total + log.length, 0);
  return { kind: 'sealed', parts: set.parts.length, bytes, toSeq };
}

async function buildSet(
  { env: { turns } }: Journal,
  key: string,
  logs: readonly SpanLog[],
  { indexIntervalBytes }: SealLimits,
): Promise<SegmentSet> {
  const builder = new SegmentSetBuilder({ key, ...(indexIntervalBytes !== undefined && { indexIntervalBytes }) });
  for (const { partition, baseOffset, nextOffset, batches, aborted } of logs) {
    builder.begin(partition, baseOffset);
    for (const batch of batches) {
      await turns.turn();
      builder.append(batch);
    }
    builder.end(nextOffset, aborted);
  }
  return builder.finish();
}

/**
 * Writes the segment items of the new seal. If that fails, the next seal does it: until then the span
 * is read from its entries.
 */
async function finish(env: SealEnvironment, journal: Journal, key: string, due: FoundDue): Promise<void> {
  try {
    // Whoever sealed after this has written the items before.
    if (journal.view.lastSeal?.key === key) await writeSealItems(env.index, journal);
    await env.due.done(due);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    reportFailure(journal.env, 'warn', { event: 'seal_items_failed', journal: journal.id, message: error.message });
  }
}
