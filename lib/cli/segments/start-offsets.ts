import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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
