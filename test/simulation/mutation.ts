import type { Edit } from './bundle.ts';
import type { Check } from './checks.ts';
import type { ScenarioName } from './scenarios.ts';

/** A rule left out of the engine, which the simulation has to notice. */
export interface Mutation {
  readonly name: string;
  /** The design's rule (R1 ...), or what the engine promises. */
  readonly rule: string;
  readonly scenario: ScenarioName;
  /** What may notice first. */
  readonly checks: readonly Check[];
  readonly edits: readonly Edit[];
}

/** A mutation of one edit. */
export function mutation(
  name: string,
  rule: string,
  scenario: ScenarioName,
  checks: readonly Check[],
  file: string,
  find: string,
  replace: string,
): Mutation {
  return { name, rule, scenario, checks, edits: [{ file, find, replace }] };
}
