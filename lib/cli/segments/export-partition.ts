import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ZERO_UUID } from '../../core/uuid.ts';
import { type BatchView, lastOffset } from '../../records/batch.ts';
import { LEADER_EPOCH_FILE, PARTITION_METADATA_FILE, parseSegmentFileName } from '../../segments/files/file-names.ts';
import { SegmentFileWriter } from '../../segments/files/file-writer.ts';
import { readFolder, readLogFile } from '../../segments/files/folder-reader.ts';
import { encodeLeaderEpochs } from '../../segments/files/leader-epoch-checkpoint.ts';
import { encodePartitionMetadata } from '../../segments/files/partition-metadata.ts';
import { DiskFolder, syncFolder } from './disk-folder.ts';

export const PARTIAL_SUFFIX = '.partial';

export interface PartitionExport {
  /** The folder when it is complete; until then it has PARTIAL_SUFFIX. */
  readonly path: string;
  /** Zeros from a broker that is too old to have ids. */
  readonly topicId: string;
  readonly segmentBytes: number;
  /** The log start, at which a new folder begins; stored before the first byte is. */
  begin(): Promise<number>;
  /** The log start of a folder begun earlier. */
  readonly begun: number | undefined;
  /** The batches from an offset on to the end of the export. */
  batchesFrom(offset: number): AsyncIterable<readonly BatchView[]>;
  /** Called before the folder gets its name; throws if the topic is another one by now. */
  check(): Promise<void>;
}

/** Copies one partition. What an earlier run has left in the partial folder is used, except its last `.log`. */
export async function exportPartition(job: PartitionExport): Promise<void> {
  const partial = `${job.path}${PARTIAL_SUFFIX}`;
  const folder = new DiskFolder(partial);
  try {
    await mkdir(partial, { recursive: true });
    const epochs: { epoch: number; startOffset: number }[] = [];
    const followEpochs = (batches: readonly BatchView[]) => {
      for (const { header } of batches) {
        const { partitionLeaderEpoch: epoch, baseOffset: startOffset } = header;
        if (epoch > (epochs.at(-1)?.epoch ?? -1)) epochs.push({ epoch, startOffset });
      }
    };
    const kept = job.begun === undefined ? [] : await dropUnfinished(folder);
    const isNew = kept.length === 0;
    if (isNew) {
      await rm(partial, { recursive: true });
      await mkdir(partial);
    }
    const start = isNew ? await job.begin() : job.begun!;
    let isReplay = !isNew;
    // The replay makes the indexes again; the bytes of the `.log` files are there.
    const sink = {
      append: async (name: string, bytes: Buffer) => {
        if (!isReplay || parseSegmentFileName(name)?.kind !== 'log') await folder.append(name, bytes);
      },
    };
    let writer: SegmentFileWriter | undefined;
    let next = start;
    const write = async (batches: readonly BatchView[]) => {
      const [first] = batches;
      if (first === undefined) return;
      writer ??= new SegmentFileWriter(sink, kept[0]?.baseOffset ?? Math.min(start, first.header.baseOffset), job);
      await writer.append(batches);
      followEpochs(batches);
      next = lastOffset(batches.at(-1)!.header) + 1;
    };
    for (const log of kept) {
      for await (const piece of readLogFile(folder, log)) if (piece.kind === 'batches') await write(piece.batches);
    }
    isReplay = false;
    for await (const batches of job.batchesFrom(next)) await write(batches);
    writer ??= new SegmentFileWriter(sink, start, job);
    await writer.finish();
    await folder.append(LEADER_EPOCH_FILE, Buffer.from(encodeLeaderEpochs(epochs)));
    if (job.topicId !== ZERO_UUID) {
      await folder.append(PARTITION_METADATA_FILE, Buffer.from(encodePartitionMetadata(job.topicId)));
    }
    await job.check();
    await folder.finish();
    await rename(partial, job.path);
    await syncFolder(dirname(job.path));
  } finally {
    await folder.close();
  }
}

/** Removes the last `.log`, which may be cut off anywhere, and all that is not a `.log`; returns the others. */
async function dropUnfinished(folder: DiskFolder) {
  const { logs } = await readFolder({
    list: async () => (await folder.list()).filter(({ name }) => parseSegmentFileName(name)?.kind === 'log'),
    read: (name, start, end) => folder.read(name, start, end),
  });
  const kept = logs.slice(0, -1);
  const names = new Set(kept.map(({ name }) => name));
  for (const { name } of await folder.list()) if (!names.has(name)) await folder.remove(name);
  return kept;
}
