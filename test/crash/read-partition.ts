import { computeCrc } from '../../lib/records/batch.ts';
import type { KafkaClient } from '../support/kafka-client.ts';
import { readRecords } from '../support/read-records.ts';
import { batchesIn, fetch, type TopicName } from '../support/requests.ts';
import type { FoundRecord } from './ledger.ts';
import { readValue } from './producer.ts';

const READ_BYTES = 8 * 1024 * 1024;

/** All records of a partition from its beginning to its high watermark. Throws for an error and for a wrong checksum. */
export async function readPartition(client: KafkaClient, topic: TopicName, partition: number): Promise<FoundRecord[]> {
  const found: FoundRecord[] = [];
  for (let offset = 0; ; ) {
    const answer = await fetch(client, topic, { partition, offset, partitionMaxBytes: READ_BYTES });
    if (answer.errorCode !== 0) throw new Error(`error ${answer.errorCode} at offset ${offset} of ${partition}`);
    for (const { header, bytes } of batchesIn(answer.records)) {
      if (computeCrc(bytes) !== header.crc) throw new Error(`the batch at ${header.baseOffset} has a wrong checksum`);
      for (const record of readRecords(bytes)) {
        const value = readValue(record.value ?? Buffer.alloc(0));
        found.push({ offset: record.offset, producer: value?.producer ?? '?', count: value?.count ?? -1 });
      }
      offset = header.baseOffset + header.lastOffsetDelta + 1;
    }
    if (offset >= answer.highWatermark) return found;
    if (batchesIn(answer.records).length === 0) throw new Error(`nothing at ${offset} below ${answer.highWatermark}`);
  }
}
