import type { BatchMeta, MarkersEntry } from '../journal/entry.ts';
import type { Journals } from '../journal/open-journal.ts';
import type { JournalView } from '../journal/view.ts';
import { NO_SEQUENCE } from '../records/batch.ts';
import { encodeControlBatch } from '../records/control.ts';
import type { StoreTime } from '../storage/ports.ts';
import type { JournalMarkers, MarkersOutcome } from './environment.ts';

/**
 * Markers in one entry. One takes about 130 bytes of the entry, which holds 400 KB; a journal with more
 * listed partitions gets several entries.
 */
const ENTRY_MARKERS_MAX = 2_000;

/** Coordinators are not numbered: the items order what they do. */
const COORDINATOR_EPOCH = 0;

type Markers = Pick<JournalMarkers, 'partitions' | 'producerId' | 'producerEpoch' | 'commit' | 'protocol'>;

/** See MarkedJournals.write. Repeated markers of version 2 are left out. Throws StoreUnavailableError. */
export async function writeMarkers(journals: Journals, markers: JournalMarkers): Promise<MarkersOutcome> {
  const { deadline, isPrepared } = markers;
  const open = await journals.open(markers.journal);
  if (open === undefined) return 'gone';
  for (let from = 0; from < markers.partitions.length; from += ENTRY_MARKERS_MAX) {
    const partitions = markers.partitions.slice(from, from + ENTRY_MARKERS_MAX);
    let isOver = false;
    const isDue = async () => {
      isOver = isPrepared !== undefined && !(await isPrepared());
      return !isOver;
    };
    const outcome = await open.writer.appendEntry(
      (view, time) => markersEntry(view, { ...markers, partitions }, time),
      deadline,
      { isDue },
    );
    if (open.journal.view.closed) return 'gone';
    if (isOver) return 'over';
    if (outcome === 'timedOut') return 'timedOut';
  }
  return 'written';
}

/**
 * The entry that ends the transaction in the partitions that may have no marker of it yet; undefined
 * if all have one. A partition without data gets one too: a batch that was verified before the end
 * loses its slot, and the view of version 2 refuses it.
 */
export function markersEntry(view: JournalView, markers: Markers, time: StoreTime): MarkersEntry | undefined {
  if (view.closed) return undefined;
  const { producerId, producerEpoch, commit } = markers;
  const due = markers.partitions.filter((partition) => isDue(view, partition, markers));
  if (due.length === 0) return undefined;
  const batches: BatchMeta[] = [];
  const chunks: Buffer[] = [];
  let position = 0;
  for (const partition of due) {
    const baseOffset = view.partitions.get(partition)?.nextOffset ?? 0;
    const bytes = encodeControlBatch({
      type: commit ? 'commit' : 'abort',
      producerId,
      producerEpoch,
      coordinatorEpoch: COORDINATOR_EPOCH,
      timestamp: time,
      baseOffset,
      partitionLeaderEpoch: view.leaderEpoch,
    });
    batches.push({
      partition,
      baseOffset,
      lastOffsetDelta: 0,
      maxTimestamp: time,
      producerId,
      producerEpoch,
      baseSequence: NO_SEQUENCE,
      transactional: true,
      control: true,
      position,
      size: bytes.length,
    });
    chunks.push(bytes);
    position += bytes.length;
  }
  const payload = { kind: 'inline', bytes: Buffer.concat(chunks) } as const;
  return { kind: 'markers', time, producerId, producerEpoch, commit, batches, payload };
}

/**
 * Whether the partition has an open transaction that the marker ends, or does not know the marker's
 * epoch yet. With a newer epoch, a newer transaction is there: its marker came before. In version 1
 * a marker with the same epoch may be that of an earlier transaction, so that one more is written.
 */
function isDue(view: JournalView, partition: number, { producerId, producerEpoch, protocol }: Markers): boolean {
  const known = view.partitions.get(partition);
  const state = known?.producers.get(producerId);
  if (state === undefined || state.epoch < producerEpoch) return true;
  if (state.epoch > producerEpoch) return false;
  return protocol === 1 || known?.openTransactions.has(producerId) === true;
}
