import type { Group } from './group.ts';
import { protocolOf } from './protocols.ts';
import type { Waiting } from './queue.ts';
import type { StepContext, StepResult } from './step.ts';

type Decided = Exclude<StepResult<unknown>, { kind: 'load' }>;

/** What a round of requests comes to. */
export interface Decision {
  /** The group after all of them; the same reference as before if nothing is to be written. */
  readonly group: Group | undefined;
  readonly results: readonly { readonly waiting: Waiting; readonly result: Decided }[];
  /** Facts that some of them need first; nothing else counts then. */
  readonly loads: readonly { readonly waiting: Waiting; load(): Promise<void> }[];
}

/** A phase that ends may begin another one that ends at once; more rounds than these would be a circle. */
const ADVANCES_MAX = 4;

/**
 * Asks the requests one after the other, each over the group as the one before left it, after time has done its part. Then
 * time does it again: a phase without a delay that the last request began ends in the same put. Pure.
 */
export function decideRound(
  before: Group | undefined,
  expired: ReadonlySet<string>,
  asked: readonly Waiting[],
  context: StepContext,
): Decision {
  let group = advance(before, expired, context);
  const results: { waiting: Waiting; result: Decided }[] = [];
  const loads: { waiting: Waiting; load(): Promise<void> }[] = [];
  for (const waiting of asked) {
    const result = waiting.step.decide(group, context);
    if (result.kind === 'load') {
      loads.push({ waiting, load: () => result.load() });
    } else {
      const isDeleted = group !== undefined && result.group === undefined;
      group = result.group;
      results.push({ waiting, result });
      // Whoever makes it anew comes after its offsets are gone.
      if (isDeleted) break;
    }
  }
  return { group: advance(group, NOBODY, context), results, loads };
}

function advance(before: Group | undefined, expired: ReadonlySet<string>, context: StepContext): Group | undefined {
  let group = before;
  for (let i = 0; i < ADVANCES_MAX && group !== undefined; i++) {
    const after = protocolOf(group).advance(group, i === 0 ? expired : NOBODY, context);
    if (after === group) break;
    group = after;
  }
  return group;
}

const NOBODY: ReadonlySet<string> = new Set();
