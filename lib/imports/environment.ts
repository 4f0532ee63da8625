import type { LeaderItems } from '../cluster/leader-items.ts';
import type { DueList } from '../segments/due-list.ts';
import type { SegmentIndex } from '../segments/segment-index.ts';
import type { AdminEnvironment } from '../topics/environment.ts';

/** What an import needs. */
export interface ImportEnvironment {
  readonly admin: AdminEnvironment;
  readonly leaders: LeaderItems;
  readonly index: SegmentIndex;
  readonly due: DueList;
}
