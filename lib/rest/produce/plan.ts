import { BATCH_OVERHEAD_BYTES } from '../../records/batch.ts';
import type { HeaderInput } from '../../records/encode.ts';
import { partitionForKey } from '../../records/murmur2.ts';

/** A record to produce. */
export interface RecordToProduce {
  /** Undefined: chosen by the key. */
  readonly partition: number | undefined;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly HeaderInput[];
  /** Ms since the Unix epoch; undefined for the time of the request. */
  readonly timestamp: number | undefined;
}

/** The batches of one partition, each with the positions of its records in the request. */
export interface PartitionPlan {
  readonly partition: number;
  readonly batches: readonly (readonly number[])[];
}

export interface Plan {
  readonly partitions: readonly PartitionPlan[];
  /** The positions of records for partitions that the topic does not have. */
  readonly misplaced: readonly number[];
}

/** The most bytes of a record's own fields: lengths, attributes, timestamp and offset deltas. */
const RECORD_OVERHEAD_BYTES_MAX = 32;
const HEADER_OVERHEAD_BYTES_MAX = 10;

/**
 * Divides the records of a request into batches. Pure: the same request gives the same batches, on
 * which idempotence rests. The records of a partition keep their order.
 *
 * @param sticky the partition of records without a key and a partition (KIP-480)
 * @param batchBytesMax the size of a batch; a larger record gets a batch of its own
 */
export function planBatches(
  records: readonly RecordToProduce[],
  partitions: number,
  sticky: number,
  batchBytesMax: number,
): Plan {
  const open = new Map<number, { batches: number[][]; bytes: number }>();
  const misplaced: number[] = [];
  for (const [at, record] of records.entries()) {
    const partition = record.partition ?? (record.key === null ? sticky : partitionForKey(record.key, partitions));
    if (partition < 0 || partition >= partitions) {
      misplaced.push(at);
      continue;
    }
    const size = sizeAtMost(record);
    const known = open.get(partition);
    if (known === undefined) {
      open.set(partition, { batches: [[at]], bytes: BATCH_OVERHEAD_BYTES + size });
    } else if (known.bytes + size > batchBytesMax) {
      known.batches.push([at]);
      known.bytes = BATCH_OVERHEAD_BYTES + size;
    } else {
      known.batches.at(-1)!.push(at);
      known.bytes += size;
    }
  }
  return { partitions: [...open].map(([partition, { batches }]) => ({ partition, batches })), misplaced };
}

function sizeAtMost({ key, value, headers }: RecordToProduce): number {
  return headers.reduce(
    (sum, header) => sum + Buffer.byteLength(header.key) + (header.value?.length ?? 0) + HEADER_OVERHEAD_BYTES_MAX,
    RECORD_OVERHEAD_BYTES_MAX + (key?.length ?? 0) + (value?.length ?? 0),
  );
}
