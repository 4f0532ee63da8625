import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Bundle } from './bundle.ts';
import type { SeedLine } from './child.ts';

/** Seeds `from`, `from + step`, ... `count` of them, through each of the scenarios. */
export interface SeedRange {
  readonly scenarios: readonly string[];
  readonly from: number;
  readonly step: number;
  readonly count: number;
  readonly without?: readonly string[];
}

/** A process that ended without saying why; what it wrote to its error output. */
export class ChildFailedError extends Error {
  override readonly name = 'ChildFailedError';
}

/**
 * Runs seeds in a process of its own until they are through or one shows a violation, which is returned. Throws
 * ChildFailedError.
 */
export async function runSeeds(
  bundle: Bundle,
  range: SeedRange,
  each: (line: SeedLine) => void = () => {},
): Promise<SeedLine | undefined> {
  const { scenarios, from, step, count, without = [] } = range;
  let wrong: SeedLine | undefined;
  await inChild(bundle, ['run', scenarios.join(','), from, step, count, without.join(',')], (text) => {
    const line = JSON.parse(text) as SeedLine;
    each(line);
    if (line.violations.length > 0) wrong ??= line;
  });
  return wrong;
}

/** The shortened trace of a seed that shows a violation. */
export async function shrinkSeed(bundle: Bundle, scenario: string, seed: number): Promise<string> {
  const lines: string[] = [];
  await inChild(bundle, ['shrink', scenario, seed], (line) => lines.push(line));
  return `${lines.join('\n')}\n`;
}

async function inChild(
  bundle: Bundle,
  args: readonly (string | number)[],
  take: (line: string) => void,
): Promise<void> {
  const child = spawn(process.execPath, [bundle.path, ...args.map(String)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  for await (const line of createInterface({ input: child.stdout })) take(line);
  const code = await ended;
  if (code !== 0) throw new ChildFailedError(`the simulation ended with ${code}: ${complaint}`);
}
