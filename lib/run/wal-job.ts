import type { UnreadableItems } from '../kit/unreadable-items.ts';
import { collectWal, SeenWal } from '../segments/collect-wal.ts';
import type { UpkeepJob } from '../upkeep/job.ts';
import type { Engine } from './compose.ts';

const HOUR_MS = 60 * 60 * 1000;

/**
 * A WAL object stays for `graceMs` after its PUT at least, because a reader may have resolved it
 * before its journals were sealed.
 */
const GRACES = { graceMs: HOUR_MS, everyMs: HOUR_MS };

/** The job of upkeep that deletes WAL objects that no entry needs. */
export function walJob({ broker }: Pick<Engine, 'broker'>, unreadable: UnreadableItems): readonly UpkeepJob[] {
  const seen = new SeenWal();
  return [
    {
      name: 'wal',
      step: (cursor, deadline) => collectWal(broker.admin.journals, unreadable, GRACES, cursor, deadline, seen),
    },
  ];
}
