import { compressionCodec } from '../../lib/records/batch.ts';
import { type CodecName, codecName } from '../../lib/records/compression/codec.ts';
import type { BrokerProcess } from './broker-process.ts';
import { TcpClient } from './kafka-client.ts';
import { batchesIn, fetch, recordsIn } from './requests.ts';

export interface Stored {
  /** In order: what each batch is compressed with, and how many records it has. */
  readonly batches: readonly { readonly codec: CodecName; readonly records: number }[];
  /** Of the batches as they are stored. */
  readonly bytes: number;
  /** In order, as this project's own codec reads them. */
  readonly values: readonly string[];
  /** Producer ids that the batches carry; -1 for none. */
  readonly producerIds: ReadonlySet<number>;
}

/** Reads one partition by raw Fetch requests and looks at the batches themselves. */
export async function storedBatches(broker: BrokerProcess, topic: string, partition: number): Promise<Stored> {
  const client = await TcpClient.connect(broker);
  const seen: { codec: CodecName; records: number }[] = [];
  const values: string[] = [];
  const producerIds = new Set<number>();
  let bytes = 0;
  for (let offset = 0; ; ) {
    const { errorCode, records } = await fetch(client, { name: topic, id: '' }, { partition, offset });
    if (errorCode !== 0) throw new Error(`${topic}-${partition} at ${offset}: error ${errorCode}`);
    const batches = batchesIn(records);
    if (batches.length === 0) break;
    for (const { header } of batches) {
      seen.push({ codec: codecName(compressionCodec(header.attributes))!, records: header.recordCount });
      bytes += header.sizeInBytes;
      producerIds.add(header.producerId);
      if (header.baseOffset !== offset) throw new Error(`a batch at ${header.baseOffset}, not ${offset}`);
      offset = header.baseOffset + header.lastOffsetDelta + 1;
    }
    for (const { value } of recordsIn(records)) values.push(String(value));
  }
  client.close();
  return { batches: seen, bytes, values, producerIds };
}

/** A client may leave a batch alone that compression would only make longer; none of so many records is one. */
const WORTH_COMPRESSING = 10;

/** The codecs of all batches that are worth compressing. */
export function codecsOf(stored: Stored): CodecName[] {
  const worth = stored.batches.filter(({ records }) => records >= WORTH_COMPRESSING);
  return [...new Set(worth.map(({ codec }) => codec))];
}
