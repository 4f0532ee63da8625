import { randomInt } from '../core/random.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import type { JournalView } from '../journal/view.ts';
import { mergeSegments } from './merge.ts';
import { MERGE_SEGMENTS_MIN, type MergeLimits } from './merge-plan.ts';
import type { SealEnvironment } from './seal-environment.ts';

/**
 * The partitions that the newest seal has added a segment to and that have enough of them. Pure.
 */
export function mergeCandidates({ lastSeal, partitions }: JournalView): number[] {
  const numbers = lastSeal?.parts.map(({ partition }) => partition) ?? [];
  return numbers.filter((number) => (partitions.get(number)?.segments ?? 0) > MERGE_SEGMENTS_MIN);
}

/**
 * Merges segments of partitions to which the newest seal has added one. To be called once after each
 * seal. It looks at a partition after one seal in MERGE_SEGMENTS_MIN on average, because a look costs
 * a query and fewer new segments are rarely worth a merge. The chance is independent of how many
 * segments there are: retention may keep their number constant.
 *
 * @param deadline by Clock.monotonic(); ms
 * @returns merges, and the segments that they replaced
 * @throws StoreUnavailableError
 */
export async function mergeWhatIsDue(
  env: SealEnvironment,
  open: OpenJournal,
  limits: MergeLimits,
  deadline: number,
): Promise<{ readonly merged: number; readonly mergedSegments: number }> {
  const { journal } = open;
  const { clock, random } = journal.env;
  const counts = { merged: 0, mergedSegments: 0 };
  for (const partition of mergeCandidates(journal.view)) {
    if (clock.monotonic() >= deadline) break;
    if (randomInt(random, 0, MERGE_SEGMENTS_MIN) > 0) continue;
    for (;;) {
      const outcome = await mergeSegments(env, open, partition, limits, deadline);
      // What cannot be read was logged, and the other partitions can be merged.
      if (outcome.kind !== 'merged') break;
      counts.merged += 1;
      counts.mergedSegments += outcome.segments;
    }
  }
  return counts;
}
