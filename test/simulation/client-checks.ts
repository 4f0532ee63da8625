import { Attribute, splitBatches } from '../../lib/records/batch.ts';
import type { Check } from './checks.ts';
import { isCleaned, isStale } from './cleaning/cleaned-batch.ts';
import { batchIndexAt, isRemoved, type LedgerPartition, type Sent, stableEnd } from './ledger.ts';
import { sameContent } from './ledger-batches.ts';
import { journalOf, type SimTopic } from './topics.ts';
import type { World } from './world.ts';

/** An acknowledged batch is in the log at the offset that was answered. */
export function checkAcknowledged(world: World, topic: SimTopic, batch: Sent, baseOffset: number): void {
  const partition = world.ledger.partition(journalOf(topic, batch.partition), batch.partition);
  const index = partition === undefined ? -1 : batchIndexAt(partition, baseOffset);
  const found = partition?.batches[index];
  if (found?.sent === batch && found.base === baseOffset) return;
  const instead = found === undefined ? 'nothing' : (found.sent?.id ?? 'a marker');
  world.report('ackLost', `${batch.id} was acknowledged at offset ${baseOffset}, where there is ${instead}`);
}

export interface FetchedRange {
  readonly offset: number;
  readonly committed: boolean;
  readonly records: Buffer;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly aborted: readonly { readonly producerId: number; readonly firstOffset: number }[];
  /** What compaction removed before this time and below this offset is not there any more; anything may be where left out. */
  readonly gone?: { readonly before: number; readonly below: number };
}

/** What a fetch brought is the log's next stretch, to the byte; returns the offset to go on from. */
export function checkFetched(world: World, who: string, partition: LedgerPartition, range: FetchedRange): number {
  const wrong = (kind: Check, message: string) => {
    world.report(kind, `${who}, partition ${partition.partition}, fetch from ${range.offset}: ${message}`);
    return range.offset;
  };
  if (range.highWatermark > partition.next) {
    return wrong('readAhead', `the high watermark is ${range.highWatermark}, the log ends at ${partition.next}`);
  }
  if (range.committed && range.lastStableOffset > stableEnd(partition)) {
    return wrong('unstable', `the last stable offset is ${range.lastStableOffset}, not ${stableEnd(partition)}`);
  }
  let next = range.offset;
  const waiting = [...range.aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const active = new Set<number>();
  for (const { header, bytes } of splitBatches(range.records)) {
    const index = batchIndexAt(partition, header.baseOffset);
    const known = partition.batches[index];
    const first = next === range.offset;
    const last = header.baseOffset + header.lastOffsetDelta;
    const isAhead = first ? last >= next : header.baseOffset >= next;
    if (!isAhead || !isRemoved(partition, next, header.baseOffset)) {
      return wrong('skipped', `batch ${header.baseOffset} to ${last} where ${next} was to come`);
    }
    if (known === undefined || known.base !== header.baseOffset || known.last !== last) {
      return wrong('readOther', `batch ${header.baseOffset} to ${last} is not in the log`);
    }
    const control = (header.attributes & Attribute.control) !== 0;
    const same =
      known.sent === undefined ? control : sameContent(bytes, known.sent) || isCleaned(partition, known, bytes);
    if (range.gone !== undefined && isStale(partition, bytes, range.gone)) {
      return wrong('staleHistory', `batch ${header.baseOffset} has records that were removed long ago`);
    }
    if (!same) return wrong('readOther', `batch ${header.baseOffset} is not what is in the log (${known.sent?.id})`);
    if (range.committed) {
      while (waiting[0] !== undefined && waiting[0].firstOffset <= last) active.add(waiting.shift()!.producerId);
      if (known.transaction?.outcome === 'open') return wrong('unstable', `${known.sent?.id} is not decided`);
      next = last + 1;
      // Compaction may leave an empty batch, which shows, hides and ends nothing for a client.
      if (header.recordCount === 0) continue;
      const skipped = !control && known.transaction !== undefined && active.has(header.producerId);
      if (!control && skipped !== (known.transaction?.outcome === 'abort')) {
        return wrong(
          'isolation',
          `${known.sent?.id} is ${known.transaction?.outcome}, and was ${skipped ? 'hidden' : 'shown'}`,
        );
      }
      if (control && known.transaction?.outcome === 'abort') active.delete(header.producerId);
    }
    next = last + 1;
  }
  return next;
}
