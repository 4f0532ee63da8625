import { collectWal } from '../segments/collect-wal.ts';
import { SegmentWork } from './segment-work.ts';
import type { MakeJobs } from './upkeep.ts';

const HOUR_MS = 60 * 60 * 1000;

/**
 * A WAL object stays for `graceMs` after its PUT at least, because a reader may have resolved it
 * before its journals were sealed.
 */
const WAL_GRACES = { graceMs: HOUR_MS, everyMs: HOUR_MS };

/**
 * The jobs of upkeep for history: `segments` looks at the journals and objects that are due, `wal`
 * deletes WAL objects that no entry needs.
 */
export const historyJobs: MakeJobs = ({ broker, segments }, unreadable) => {
  const work = new SegmentWork(broker.admin, segments);
  return [
    { name: 'segments', step: (cursor, deadline) => work.sweep(unreadable, cursor, deadline) },
    {
      name: 'wal',
      step: (cursor, deadline) => collectWal(broker.admin.journals, unreadable, WAL_GRACES, cursor, deadline),
    },
  ];
};
