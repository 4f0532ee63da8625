import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError } from '../failure.ts';
import { writeWhole } from './disk-folder.ts';

export interface PlannedPartition {
  readonly partition: number;
  /** The log start when its folder was begun; undefined before. */
  readonly startOffset?: number;
  /** The end of the log when the export began: what lies behind it is not exported. */
  readonly endOffset: number;
}

/** `TOPIC.export.json`: what an export copies, so that a second run goes on with it. */
export interface ExportPlan {
  readonly topic: string;
  readonly topicId: string;
  /** The same in all runs: segments are then cut at the same batches. */
  readonly segmentBytes: number;
  readonly partitions: readonly PlannedPartition[];
}

export const PLAN_SUFFIX = '.export.json';

function planPath(folder: string, topic: string): string {
  return join(folder, `${topic}${PLAN_SUFFIX}`);
}

/** The plan of an earlier run; undefined if there is none. Throws CommandError for another file. */
export function readPlan(folder: string, topic: string): ExportPlan | undefined {
  const path = planPath(folder, topic);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const plan = parsed(text);
  if (plan?.topic !== topic) throw new CommandError(`${path} is not the plan of an export of ${topic}.`);
  return plan;
}

function parsed(text: string): ExportPlan | undefined {
  try {
    const plan = JSON.parse(text) as Partial<ExportPlan> | null;
    const { topicId, segmentBytes, partitions } = plan ?? {};
    const isPlan = typeof topicId === 'string' && Number.isSafeInteger(segmentBytes) && Array.isArray(partitions);
    const isWhole = isPlan && partitions.every((one) => isOffset(one?.partition) && isOffset(one?.endOffset));
    return isWhole ? (plan as ExportPlan) : undefined;
  } catch {
    return undefined;
  }
}

function isOffset(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export async function writePlan(folder: string, plan: ExportPlan): Promise<void> {
  await writeWhole(planPath(folder, plan.topic), `${JSON.stringify(plan, null, 2)}\n`);
}
