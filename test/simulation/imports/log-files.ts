import { type Random, randomInt } from '../../../lib/core/random.ts';
import type { PartitionSource } from '../../../lib/imports/partition-log.ts';
import { patchBatch } from '../../../lib/records/batch.ts';
import { encodeControlBatch } from '../../../lib/records/control.ts';
import { segmentFileName } from '../../../lib/segments/files/file-names.ts';
import type { LogFolder } from '../../../lib/segments/files/folder-reader.ts';
import type { Sent } from '../ledger.ts';
import { makeBatch } from '../make-batch.ts';
import type { World } from '../world.ts';

/** What the files of a partition hold. */
export interface FileLog {
  readonly source: PartitionSource;
  readonly baseOffset: number;
  /** Undefined for a marker. */
  readonly batches: readonly (Sent | undefined)[];
  readonly nextOffset: number;
}

const BATCHES = [3, 16] as const;
const BASE_MAX = 60;
const BATCHES_PER_FILE_MAX = 6;
/** How long before the import the records were written, at most; ms. */
const AGE_MS = 5_000;

/** A producer of the files. */
interface FileProducer {
  readonly id: number;
  readonly isTransactional: boolean;
  epoch: number;
  sequence: number;
  isOpen: boolean;
}

/** Makes the files of one partition: plain and idempotent batches, and transactions of which some stay open. */
export function makeFiles(
  world: World,
  random: Random,
  { name, partition, producerIdsFrom }: { name: string; partition: number; producerIdsFrom: number },
): FileLog {
  const baseOffset = random.next() < 0.5 ? 0 : randomInt(random, 1, BASE_MAX);
  const producers = [true, true, false].map(
    (isTransactional, index): FileProducer => ({
      id: producerIdsFrom + index,
      isTransactional,
      epoch: 0,
      sequence: 0,
      isOpen: false,
    }),
  );
  const files = new Map<string, Buffer>();
  const batches: (Sent | undefined)[] = [];
  let leaderEpoch = randomInt(random, 0, 3);
  let offset = baseOffset;
  let file = '';
  let inFile = 0;
  for (let left = randomInt(random, ...BATCHES); left > 0; left--) {
    if (inFile === 0) file = segmentFileName(offset, 'log');
    if (random.next() < 0.2) leaderEpoch++;
    const producer = random.next() < 0.3 ? undefined : producers[randomInt(random, 0, producers.length)]!;
    const made =
      producer?.isOpen && random.next() < 0.5
        ? marker(random, producer, offset, leaderEpoch, world.clock.now())
        : data(world, random, producer, `${name}/${partition}/${offset}`, partition, offset, leaderEpoch);
    files.set(file, Buffer.concat([files.get(file) ?? Buffer.alloc(0), made.bytes]));
    batches.push(made.sent);
    offset += made.sent?.records ?? 1;
    inFile = (inFile + 1) % randomInt(random, 1, BATCHES_PER_FILE_MAX);
  }
  const source = { partition, name: `${name}-${partition}`, folder: folderOf(files) };
  return { source, baseOffset, batches, nextOffset: offset };
}

function marker(random: Random, producer: FileProducer, baseOffset: number, leaderEpoch: number, now: number) {
  producer.isOpen = false;
  // As in transactions of version 2: the marker has the next epoch, whose sequences begin anew.
  producer.epoch++;
  producer.sequence = 0;
  const bytes = encodeControlBatch({
    type: random.next() < 0.5 ? 'commit' : 'abort',
    producerId: producer.id,
    producerEpoch: producer.epoch,
    coordinatorEpoch: 0,
    timestamp: Math.floor(now) - AGE_MS,
    baseOffset,
    partitionLeaderEpoch: leaderEpoch,
  });
  return { bytes, sent: undefined };
}

function data(
  world: World,
  random: Random,
  producer: FileProducer | undefined,
  id: string,
  partition: number,
  baseOffset: number,
  leaderEpoch: number,
) {
  const records = randomInt(random, 1, 4);
  const sent = makeBatch(world, random, {
    id,
    kind: producer === undefined ? 'plain' : producer.isTransactional ? 'transactional' : 'idempotent',
    partition,
    records,
    valueBytes: 60,
    producerId: producer?.id ?? -1,
    producerEpoch: producer?.epoch ?? -1,
    baseSequence: producer?.sequence ?? -1,
  });
  if (producer !== undefined) {
    producer.sequence += records;
    producer.isOpen = producer.isTransactional;
  }
  const bytes = Buffer.from(sent.bytes);
  patchBatch(bytes, baseOffset, leaderEpoch);
  return { bytes, sent };
}

function folderOf(files: ReadonlyMap<string, Buffer>): LogFolder {
  return {
    list: async () => [...files].map(([name, bytes]) => ({ name, size: bytes.length })),
    read: async (name, start, end) => files.get(name)!.subarray(start, end),
  };
}
