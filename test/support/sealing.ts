import { systemClock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import type { OpenJournal } from '../../lib/journal/open-journal.ts';
import { Slots } from '../../lib/kit/slots.ts';
import { DueList } from '../../lib/segments/due-list.ts';
import { sealJournal } from '../../lib/segments/seal.ts';
import { SegmentIndex } from '../../lib/segments/segment-index.ts';

/** Seals whatever a journal has that is not sealed; throws unless it was sealed. */
export async function sealNow(open: OpenJournal): Promise<void> {
  const change = { state: open.journal.env.stores.state, clock: systemClock, random: systemRandom };
  const env = { index: new SegmentIndex(change), due: new DueList(change), slots: new Slots(1) };
  const limits = { sealBytes: Number.MAX_SAFE_INTEGER, sealMs: 0 };
  const outcome = await sealJournal(env, open, limits, Number.POSITIVE_INFINITY, true);
  if (outcome.kind !== 'sealed') throw new Error(JSON.stringify(outcome));
}
