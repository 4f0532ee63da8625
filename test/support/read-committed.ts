import { readControlBatch } from '../../lib/records/control.ts';
import type { KafkaClient } from './kafka-client.ts';
import { batchesIn, fetch, type TopicName, valuesIn } from './requests.ts';

/** What a consumer makes of a read_committed answer (Kafka: CompletedFetch). */
export async function readCommitted(
  client: KafkaClient,
  topic: TopicName,
  { offset = 0, partition = 0 } = {},
): Promise<string[]> {
  const { records, abortedTransactions } = await fetch(client, topic, { committed: true, offset, partition });
  const waiting = [...abortedTransactions!].sort((a, b) => a.firstOffset - b.firstOffset);
  const aborted = new Set<number>();
  const values: string[] = [];
  for (const { header, bytes } of batchesIn(records)) {
    const last = header.baseOffset + header.lastOffsetDelta;
    while (waiting.length > 0 && waiting[0]!.firstOffset <= last) aborted.add(waiting.shift()!.producerId);
    if (header.attributes & 0x20) {
      const marker = readControlBatch(bytes);
      if (marker?.kind === 'marker' && marker.type === 'abort') aborted.delete(header.producerId);
    } else if (!(header.attributes & 0x10) || !aborted.has(header.producerId)) {
      values.push(...valuesIn(bytes).filter((_, index) => header.baseOffset + index >= offset));
    }
  }
  return values;
}
