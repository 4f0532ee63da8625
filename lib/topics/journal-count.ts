/**
 * Partitions that share a journal where nobody says how many journals a topic has. A journal takes some
 * 60 requests/s of uncoordinated functions (docs/PERFORMANCE.md), so that each of 16 partitions may get
 * about four. Fewer would make entries and polls of topics that few write to dearer.
 */
const PARTITIONS_PER_JOURNAL = 16;

/**
 * A topic of more journals has to be asked for: 16 can use 16,000 write units/s, four times what a new
 * table gives, and a request that goes to all partitions writes an entry to each.
 */
const AUTO_JOURNALS_MAX = 16;

/** The number of journals of a new topic: what was wanted, or what `auto` comes to. At most one per partition. */
export function journalCount(wanted: number | 'auto', partitions: number): number {
  const count =
    wanted === 'auto' ? Math.min(AUTO_JOURNALS_MAX, Math.ceil(partitions / PARTITIONS_PER_JOURNAL)) : wanted;
  return Math.min(count, partitions);
}
