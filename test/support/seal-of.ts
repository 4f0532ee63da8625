import type { Entry, SealEntry } from '../../lib/journal/entry.ts';
import type { SegmentPart } from '../../lib/journal/segment-part.ts';
import type { JournalView } from '../../lib/journal/view.ts';

/**
 * The seal of the slots after the last seal up to `toSeq`, with the offsets and sizes that the
 * entries in them have. There is no object: its places are made up.
 */
export function sealOf(view: JournalView, entryAt: (seq: number) => Entry, toSeq: number, time: number): SealEntry {
  const parts = new Map<number, SegmentPart>();
  for (let seq = view.sealedSeq + 1; seq <= toSeq; seq++) {
    const entry = entryAt(seq);
    if (entry.kind !== 'records' && entry.kind !== 'markers') continue;
    for (const { partition, baseOffset, lastOffsetDelta, maxTimestamp, size } of entry.batches) {
      const known = parts.get(partition);
      const isNewest = known === undefined || maxTimestamp > known.maxTimestamp;
      parts.set(partition, {
        partition,
        baseOffset: known?.baseOffset ?? baseOffset,
        nextOffset: baseOffset + lastOffsetDelta + 1,
        maxTimestamp: isNewest ? maxTimestamp : known.maxTimestamp,
        maxTimestampOffset: isNewest ? baseOffset : known.maxTimestampOffset,
        log: { start: 0, length: (known?.log.length ?? 0) + size },
        index: { start: 0, length: 12 },
        offsetIndexBytes: 0,
        timeIndexBytes: 12,
        indexCrc: 0,
      });
    }
  }
  return {
    kind: 'seal',
    time,
    fromSeq: view.sealedSeq + 1,
    toSeq,
    toTime: entryAt(toSeq).time,
    key: `segment/${view.journal}/${toSeq}`,
    parts: [...parts.values()].sort((a, b) => a.partition - b.partition),
  };
}
