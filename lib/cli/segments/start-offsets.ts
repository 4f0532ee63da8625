import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CorruptFileError } from '../../segments/files/corrupt-file.ts';
import { parseSegmentFileName } from '../../segments/files/file-names.ts';
import { writeWhole } from './disk-folder.ts';
import type { ExportPlan } from './export-plan.ts';

/** Kafka's file at the top of a log directory with the log starts that lie behind the first segment's base. */
const FILE = 'log-start-offset-checkpoint';
const VERSION = 0;

/** Writes the log starts of the plan's complete folders, and keeps those of other topics. */
export async function writeStartOffsets(dir: string, { topic, partitions }: ExportPlan): Promise<void> {
  const path = join(dir, FILE);
  const names = new Set(readdirSync(dir));
  const others = names.has(FILE) ? readFileSync(path, 'utf8').split('\n').slice(2) : [];
  const lines = others.filter((line) => line !== '' && !line.startsWith(`${topic} `));
  for (const { partition, startOffset } of partitions) {
    const folder = `${topic}-${partition}`;
    if (startOffset === undefined || !names.has(folder)) continue;
    const bases = readdirSync(join(dir, folder)).flatMap((name) => parseSegmentFileName(name)?.baseOffset ?? []);
    if (startOffset > Math.min(...bases)) lines.push(`${topic} ${partition} ${startOffset}`);
  }
  if (lines.length === 0) return;
  await writeWhole(path, `${[VERSION, lines.length, ...lines].join('\n')}\n`);
}

/**
 * The log starts of a topic's partitions in the file at the top of a log directory; empty without the
 * file. Throws CorruptFileError.
 */
export function readStartOffsets(dir: string, topic: string): ReadonlyMap<number, number> {
  const starts = new Map<number, number>();
  if (!readdirSync(dir).includes(FILE)) return starts;
  let position = 0;
  for (const [index, line] of readFileSync(join(dir, FILE), 'utf8').split('\n').entries()) {
    const at = position;
    position += Buffer.byteLength(line) + 1;
    if (index === 0 && line !== String(VERSION)) {
      throw new CorruptFileError(FILE, at, `version ${line}, expected ${VERSION}`);
    }
    if (index < 2 || line === '') continue;
    const [, name, partition, offset] = /^(\S+) (\d{1,10}) (\d{1,16})$/.exec(line) ?? [];
    if (name === undefined) {
      throw new CorruptFileError(FILE, at, `no topic, partition and log start: ${JSON.stringify(line)}`);
    }
    if (name === topic) starts.set(Number(partition), Number(offset));
  }
  return starts;
}
