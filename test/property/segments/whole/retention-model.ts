import type { RetentionLimits } from '../../../../lib/segments/decide-retention.ts';
import type { PartitionModel } from './partition-model.ts';
import type { Place } from './steps.ts';
import { liveOf } from './stored.ts';
import type { WholeWorld } from './world.ts';

/**
 * Where the log starts once retention has done its work, as Kafka's documentation of `retention.ms`
 * and `retention.bytes` has it: the oldest segments go as long as the rest is larger than the limit,
 * or while their newest record is too old. The records that are not sealed are the last segment.
 */
export function expectedLogStart(
  world: WholeWorld,
  place: Place,
  model: PartitionModel,
  { retentionMs, retentionBytes }: RetentionLimits,
  now: number,
): number {
  const { logStart, nextOffset, sealedTo, maxTimestamp } = model;
  const segments = liveOf(world, place)
    .filter((one) => one.nextOffset > logStart)
    .map((one) => ({
      end: one.nextOffset,
      bytes: one.log.length,
      newest: one.maxTimestamp < 0 ? one.namedAt : one.maxTimestamp,
    }));
  if (nextOffset > Math.max(sealedTo, logStart)) {
    const hot = model.batches.filter(({ baseOffset }) => baseOffset >= sealedTo);
    segments.push({ end: nextOffset, bytes: hot.reduce((sum, { bytes }) => sum + bytes, 0), newest: maxTimestamp });
  }
  let total = segments.reduce((sum, { bytes }) => sum + bytes, 0);
  let start = logStart;
  for (const { end, bytes, newest } of segments) {
    const isTooLarge = retentionBytes >= 0 && total - bytes >= retentionBytes;
    const isTooOld = retentionMs >= 0 && now - newest > retentionMs;
    if (!isTooLarge && !isTooOld) break;
    total -= bytes;
    start = end;
  }
  return start;
}
