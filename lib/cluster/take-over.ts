import type { Clock } from '../core/clock.ts';
import type { Entry } from '../journal/entry.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import type { JournalView } from '../journal/view.ts';

/** Maximum time of one takeover attempt; clients wait 30 s for a request and then retry; ms. */
const TAKE_OVER_MAX_MS = 10_000;

export type TakenOver =
  | { readonly kind: 'taken'; readonly epoch: number }
  /** Another node was faster, the topic is deleted, or this node should no longer lead. */
  | { readonly kind: 'not' }
  /** Not done, or not known to be done. */
  | { readonly kind: 'timedOut' };

/**
 * Takes a journal over with one `leaderChange` entry that has the next epoch. The entry's slot
 * decides between concurrent takeovers. A node that finds a newer epoch gives up, so that two nodes
 * with different lists of live nodes do not overtake each other endlessly.
 *
 * @param open its view was just confirmed
 * @param isMine called at each attempt, right before the entry is written
 */
export async function takeOver(
  open: OpenJournal,
  nodeId: number,
  clock: Clock,
  isMine: () => boolean,
): Promise<TakenOver> {
  const known = open.journal.view.leaderEpoch;
  const make = (view: JournalView, time: number): Entry | undefined => {
    if (view.closed || view.leaderEpoch !== known || !isMine()) return undefined;
    return { kind: 'leaderChange', time, leaderEpoch: known + 1, leader: nodeId };
  };
  const outcome = await open.writer.appendEntry(make, clock.monotonic() + TAKE_OVER_MAX_MS);
  switch (outcome) {
    case 'written':
      return { kind: 'taken', epoch: known + 1 };
    case 'nothing':
      return { kind: 'not' };
    case 'timedOut':
      return { kind: 'timedOut' };
  }
}
