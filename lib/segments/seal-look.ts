import { MalformedBytesError } from '../core/bytes.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { repairLastSeal } from './repair-items.ts';
import { reportFailure } from './report-failure.ts';
import { sealJournal } from './seal.ts';
import type { SealEnvironment } from './seal-environment.ts';
import { nextLookAt, type SealLimits } from './seal-span.ts';
import type { DueOutcome } from './sweep.ts';

/** A journal whose bytes cannot be read is tried again after this time; ms. */
const UNREADABLE_AGAIN_MS = 60 * 60 * 1000;

/**
 * Seals a journal that is on the due list: all that is due now, span by span. Also writes the items
 * of a seal whose process did not come to it. `next` is when the next seal is due.
 *
 * @param deadline by Clock.monotonic(); ms
 * @param isConfirmed the caller has confirmed the view. An own seal confirms it, too.
 * @throws StoreUnavailableError
 */
export async function sealWhatIsDue(
  env: SealEnvironment,
  open: OpenJournal,
  limits: SealLimits,
  deadline: number,
  isConfirmed = false,
): Promise<DueOutcome> {
  const { id, env: of } = open.journal;
  const counts = { sealed: 0, sealedBytes: 0 };
  try {
    return await sealAllDue(env, open, limits, deadline, isConfirmed, counts);
  } catch (error) {
    // A segment item of the seal before: it has to be read back before the next seal (rule R15).
    if (!(error instanceof MalformedBytesError)) throw error;
    reportFailure(of, 'error', { event: 'seal_unreadable', journal: id, message: error.message });
    return unreadable(open, counts);
  }
}

type SealCounts = { sealed: number; sealedBytes: number };

async function sealAllDue(
  env: SealEnvironment,
  open: OpenJournal,
  limits: SealLimits,
  deadline: number,
  isConfirmed: boolean,
  counts: SealCounts,
): Promise<DueOutcome> {
  const { journal } = open;
  const { stores } = journal.env;
  for (;;) {
    const outcome = await sealJournal(env, open, limits, deadline, false, isConfirmed || counts.sealed > 0);
    switch (outcome.kind) {
      case 'sealed':
        counts.sealed += 1;
        counts.sealedBytes += outcome.bytes;
        break;
      case 'nothingDue':
        await repairLastSeal(env.index, journal);
        return { next: nextLookAt(journal.view, limits), counts };
      case 'unreadable':
        return unreadable(open, counts);
      case 'lost':
      case 'timedOut':
        return { next: stores.journal.now(), counts };
    }
  }
}

function unreadable({ journal: { env } }: OpenJournal, counts: SealCounts): DueOutcome {
  return { next: env.stores.journal.now() + UNREADABLE_AGAIN_MS, counts: { ...counts, unreadable: 1 } };
}
