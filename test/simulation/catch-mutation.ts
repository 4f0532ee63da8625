import { bundleSimulation } from './bundle.ts';
import type { Check } from './checks.ts';
import type { Mutation } from './mutation.ts';
import { ChildFailedError, runSeeds } from './seed-runner.ts';

/** A rule whose absence is not noticed by then is not tested. */
export const SEEDS_MAX = 100;

/** Far enough apart for the stretches of seeds not to meet. */
const STARTS_APART = 10_000;

export interface Caught {
  /** How many seeds it took, from each starting point; undefined where SEEDS_MAX were not enough. */
  readonly seeds: readonly (number | undefined)[];
  readonly checks: ReadonlySet<Check>;
}

/** Runs seeds of the broken engine, from `starts` starting points, until something notices. */
export async function catchMutation(mutation: Mutation, starts: number): Promise<Caught> {
  const bundle = await bundleSimulation(mutation.edits);
  const seeds: (number | undefined)[] = [];
  const checks = new Set<Check>();
  try {
    for (let start = 0; start < starts; start++) {
      const from = 1 + start * STARTS_APART;
      const range = { scenarios: [mutation.scenario], from, step: 1, count: SEEDS_MAX };
      const wrong = await runSeeds(bundle, range);
      seeds.push(wrong === undefined ? undefined : wrong.seed - from + 1);
      for (const { kind } of wrong?.violations ?? []) checks.add(kind);
    }
  } catch (error) {
    if (!(error instanceof ChildFailedError)) throw error;
    throw new Error(`with "${mutation.name}": ${error.message}`, { cause: error });
  } finally {
    bundle.remove();
  }
  return { seeds, checks };
}

/** The middle one; undefined if that many were not caught. */
export function median(seeds: readonly (number | undefined)[]): number | undefined {
  const sorted = seeds.map((count) => count ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)]!;
  return Number.isFinite(middle) ? middle : undefined;
}
