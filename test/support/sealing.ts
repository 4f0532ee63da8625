import { systemClock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import type { OpenJournal } from '../../lib/journal/open-journal.ts';
import { Slots } from '../../lib/kit/slots.ts';
import { DueList } from '../../lib/segments/due-list.ts';
import { mergeSegments } from '../../lib/segments/merge.ts';
import { sealJournal } from '../../lib/segments/seal.ts';
import type { SealEnvironment } from '../../lib/segments/seal-environment.ts';
import { SegmentIndex } from '../../lib/segments/segment-index.ts';

function sealEnvironment(open: OpenJournal): SealEnvironment {
  const change = { state: open.journal.env.stores.state, clock: systemClock, random: systemRandom };
  return { index: new SegmentIndex(change), due: new DueList(change), slots: new Slots(1) };
}

/** Merges the segments of a partition that are neighbours; throws unless some were merged. */
export async function mergeNow(open: OpenJournal, partition: number): Promise<void> {
  const outcome = await mergeSegments(
    sealEnvironment(open),
    open,
    partition,
    { mergeBytes: 1024 * 1024 },
    Number.POSITIVE_INFINITY,
  );
  if (outcome.kind !== 'merged') throw new Error(JSON.stringify(outcome));
}

/** Seals whatever a journal has that is not sealed; throws unless it was sealed. */
export async function sealNow(open: OpenJournal): Promise<void> {
  const limits = { sealBytes: Number.MAX_SAFE_INTEGER, sealMs: 0 };
  const outcome = await sealJournal(sealEnvironment(open), open, limits, Number.POSITIVE_INFINITY, true);
  if (outcome.kind !== 'sealed') throw new Error(JSON.stringify(outcome));
}
