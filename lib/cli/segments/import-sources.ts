import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LogFolder } from '../../segments/files/folder-reader.ts';
import { CommandError } from '../failure.ts';
import { DiskFolder } from './disk-folder.ts';
import { PARTIAL_SUFFIX } from './export-partition.ts';
import { PLAN_SUFFIX, readPlan } from './export-plan.ts';
import { readStartOffsets } from './start-offsets.ts';

/** One partition's folder. */
export interface FoundPartition {
  readonly partition: number;
  /** The folder's name. */
  readonly name: string;
  readonly folder: LogFolder;
  readonly logStartOffset?: number;
}

/** Missing partitions that a message names. */
const NAMED_MAX = 5;

/**
 * The folders of a topic's partitions, from 0 on. Throws CommandError if there are none, if one is
 * missing, or if an export has not ended; CorruptFileError for `log-start-offset-checkpoint`.
 */
export function findPartitions(dir: string, topic: string): FoundPartition[] {
  const names = readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  const prefix = `${topic}-`;
  const numbers = names
    .filter((name) => name.startsWith(prefix) && /^(0|[1-9]\d{0,8})$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b);
  const planned = (readPlan(dir, topic)?.partitions ?? []).map(({ partition }) => partition);
  const isPartial = names.some((name) => name.startsWith(prefix) && name.endsWith(PARTIAL_SUFFIX));
  if (isPartial || planned.some((partition) => !numbers.includes(partition))) {
    throw new CommandError(
      `The export in ${dir} has not ended (${topic}${PLAN_SUFFIX}): run tidelog segments export ${topic} ${dir} again.`,
    );
  }
  if (numbers.length === 0) throw new CommandError(`${dir} has no folder ${topic}-0: name Kafka's log directory.`);
  const missing = Array.from({ length: numbers.at(-1)! + 1 }, (_, index) => index).filter(
    (index) => !numbers.includes(index),
  );
  if (missing.length > 0) {
    const some = missing.slice(0, NAMED_MAX).map((index) => `${topic}-${index}`);
    const more = missing.length > NAMED_MAX ? `, and ${missing.length - NAMED_MAX} more` : '';
    throw new CommandError(
      `${dir} has ${topic}-${numbers.at(-1)} but not ${some.join(', ')}${more}: put the folders of all partitions into one folder.`,
    );
  }
  const starts = readStartOffsets(dir, topic);
  return numbers.map((partition) => {
    const name = `${topic}-${partition}`;
    const logStartOffset = starts.get(partition);
    const folder = new DiskFolder(join(dir, name));
    return { partition, name, folder, ...(logStartOffset !== undefined && { logStartOffset }) };
  });
}
