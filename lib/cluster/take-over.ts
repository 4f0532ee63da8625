import type { Clock } from '../core/clock.ts';
import type { Entry } from '../journal/entry.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import type { JournalView } from '../journal/view.ts';

/** How long a takeover goes on for whoever waits for it; clients give a request 30 s and ask again; ms. */
const TAKE_OVER_MAX_MS = 10_000;

export type TakenOver =
  | { readonly kind: 'taken'; readonly epoch: number }
  /** Somebody else was faster, the topic is gone, or it is not for this node to lead any more. */
  | { readonly kind: 'not' }
  /** It is not (surely) done. */
  | { readonly kind: 'timedOut' };

/**
 * Takes a journal over: one `leaderChange` entry with the next epoch. The entry's slot decides between two that try; whoever
 * finds that the epoch has moved on meanwhile lets it be, so that two nodes with different ideas of who is live do not
 * overtake each other for ever.
 *
 * @param open its view has just been confirmed
 * @param isMine asked at each attempt, right before the entry is written
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
  const outcome = await open.queue.appendEntry(make, clock.monotonic() + TAKE_OVER_MAX_MS);
  switch (outcome) {
    case 'written':
      return { kind: 'taken', epoch: known + 1 };
    case 'nothing':
      return { kind: 'not' };
    case 'timedOut':
      return { kind: 'timedOut' };
  }
}
