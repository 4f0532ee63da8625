import { NO_OFFSET } from '../../core/offset.ts';
import { PRODUCER_EXPIRATION_MS, type ProducerState } from '../../journal/producers.ts';
import type { PartitionView } from '../../journal/view.ts';
import type { LastOfProducer } from './clean-batch.ts';

/** Sequences are non-negative 32-bit numbers, and 0 follows 2^31 - 1. */
const SEQUENCES = 2 ** 31;

/**
 * The last offset and epoch of each producer of a partition that is not forgotten yet (Kafka:
 * UnifiedLog.lastRecordsOfActiveProducers). `now` is store time, ms.
 */
export function lastOfProducers({ producers }: PartitionView, now: number): Map<number, LastOfProducer> {
  const found = new Map<number, LastOfProducer>();
  for (const [producerId, state] of producers) {
    if (now - state.lastTime >= PRODUCER_EXPIRATION_MS) continue;
    found.set(producerId, { epoch: state.epoch, lastDataOffset: lastDataOffset(state) });
  }
  return found;
}

function lastDataOffset({ batches }: ProducerState): number {
  const last = batches.at(-1);
  if (last === undefined) return NO_OFFSET;
  return last.baseOffset + ((last.lastSequence - last.baseSequence + SEQUENCES) % SEQUENCES);
}
