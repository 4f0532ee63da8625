import { createHash } from 'node:crypto';
import type { Offset } from '../core/offset.ts';
import { BatchField, type BatchView } from '../records/batch.ts';
import { CorruptFileError } from '../segments/files/corrupt-file.ts';
import { PartitionFollower } from './follower.ts';
import { type CutOff, type LogGap, locating, type PartitionLog } from './partition-log.ts';

/** What was found in the files of a partition. */
export interface PartitionSurvey {
  /** The first batch that is kept begins here; the log start if there is none. */
  readonly baseOffset: Offset;
  readonly logStartOffset: Offset;
  /** The end of the files, before any abort markers that an import adds. */
  readonly endOffset: Offset;
  /** -1 without epochs. */
  readonly leaderEpoch: number;
  /** -1 without producers. */
  readonly producerIdMax: number;
  readonly openTransactions: number;
  readonly cutOff: CutOff | undefined;
  readonly gaps: readonly LogGap[];
  /** Tells these batches from others. */
  readonly digest: string;
}

/** What was read so far. */
export interface Counted {
  records: number;
  bytes: number;
}

/**
 * Reads a partition's files to the end and checks every batch.
 *
 * @throws CorruptFileError
 */
export async function survey(log: PartitionLog, counted: Counted): Promise<PartitionSurvey> {
  const { logStartOffset, contents } = log;
  const follower = new PartitionFollower(contents.epochs, Number.POSITIVE_INFINITY);
  let baseOffset = logStartOffset;
  let isFirst = true;
  const digests = new LogDigest();
  for await (const items of log.read()) {
    for (const item of items) {
      if (item.kind === 'end') {
        const { nextOffset: endOffset, cutOff, gaps } = item;
        checkLogStart(log, endOffset);
        const digest = digests.end(log, endOffset);
        const { leaderEpoch, producerIdMax } = follower;
        const openTransactions = follower.transactions.open.size;
        const facts = { leaderEpoch, producerIdMax, openTransactions, cutOff, gaps, digest };
        return { baseOffset, logStartOffset, endOffset, ...facts };
      }
      const { batch, at } = item;
      locating(at, () => follower.add(batch));
      if (isFirst) baseOffset = Math.min(baseOffset, batch.header.baseOffset);
      isFirst = false;
      digests.add(batch);
      counted.records += batch.header.recordCount;
      counted.bytes += batch.header.sizeInBytes;
    }
  }
  throw new Error('a log has no end');
}

/** A broker that starts on such files deletes them. */
function checkLogStart({ source: { name }, logStartOffset }: PartitionLog, endOffset: Offset): void {
  if (logStartOffset <= endOffset) return;
  throw new CorruptFileError(name, 0, `the files end at offset ${endOffset}, before the log start ${logStartOffset}`);
}

/** Tells a partition's batches from others. */
export class LogDigest {
  readonly #hash = createHash('sha256');

  /** The next batch: its base offset, length, leader epoch, and the CRC of everything else. */
  add({ bytes }: BatchView): void {
    this.#hash.update(bytes.subarray(0, BatchField.attributes));
  }

  /** The end of the log. */
  end({ source: { partition }, contents: { epochs }, logStartOffset }: PartitionLog, endOffset: Offset): string {
    return this.#hash.update(JSON.stringify([partition, logStartOffset, endOffset, epochs])).digest('hex');
  }
}
