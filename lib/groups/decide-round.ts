import { lacks, NeedsUnion } from './facts.ts';
import type { Group } from './group.ts';
import { protocolOf } from './protocols.ts';
import type { Waiting } from './queue.ts';
import type { StepContext, StepResult } from './step.ts';

/** What a round of requests comes to. */
export type Round =
  | Decision
  /** Facts are missing: nothing is decided before they are loaded. `askers`: the requests that need them. */
  | { readonly kind: 'needs'; readonly needs: NeedsUnion; readonly askers: readonly Waiting[] };

export interface Decision {
  readonly kind: 'decided';
  /** The group after all of them; the same reference as before if nothing is to be written. */
  readonly group: Group | undefined;
  readonly results: readonly { readonly waiting: Waiting; readonly result: StepResult<unknown> }[];
  /** As StepContext.takenInBy, after this round. */
  readonly takenInBy: object | undefined;
}

/** A phase that ends may begin another one that ends at once; more rounds than these would be a circle. */
const ADVANCES_MAX = 4;

/**
 * Asks the requests one after the other, each over the group as the one before left it, after time has done its part. Then
 * time does it again: a phase without a delay that the last request began ends in the same put. Where a request needs more
 * than `context.facts` hold, the needs of all of them are collected instead. Pure.
 */
export function decideRound(
  before: Group | undefined,
  expired: ReadonlySet<string>,
  asked: readonly Waiting[],
  context: StepContext,
): Round {
  let group = advance(before, expired, context);
  let { takenInBy } = context;
  const results: { waiting: Waiting; result: StepResult<unknown> }[] = [];
  const needs = new NeedsUnion();
  const askers: Waiting[] = [];
  for (const waiting of asked) {
    const { step } = waiting;
    const wanted = step.needs?.(group);
    if (wanted !== undefined && lacks(context.facts, wanted)) {
      needs.add(wanted);
      askers.push(waiting);
      continue;
    }
    const result = step.decide(group, { ...context, takenInBy });
    const isDeleted = group !== undefined && result.group === undefined;
    group = result.group;
    if (result.kind === 'reply' && result.tookTopicsIn === true) takenInBy = bodyOf(group);
    results.push({ waiting, result });
    // Whoever makes it anew comes after its offsets are gone.
    if (isDeleted) break;
  }
  if (askers.length > 0) return { kind: 'needs', needs, askers };
  return { kind: 'decided', group: advance(group, NOBODY, context), results, takenInBy };
}

function bodyOf(group: Group | undefined): object | undefined {
  return group === undefined ? undefined : protocolOf(group).bodyOf(group);
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
