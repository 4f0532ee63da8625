import { assert } from '../core/assert.ts';
import { lacks, NeedsUnion } from './facts.ts';
import type { Group } from './group.ts';
import { protocolOf } from './protocols.ts';
import type { Step, StepContext, StepResult } from './step.ts';

/** The part of a request that a round uses. */
export interface Asked {
  readonly step: Step<unknown>;
}

/** The outcome of a round of requests. */
export type Round<Request extends Asked> = Decision<Request> | MissingFacts<Request>;

/** Nothing was decided, because facts are missing. `askers`: the requests that need them. */
export interface MissingFacts<Request extends Asked> {
  readonly kind: 'needs';
  readonly needs: NeedsUnion;
  readonly askers: readonly Request[];
}

export interface Decision<Request extends Asked> {
  readonly kind: 'decided';
  /** The group after all requests. The same reference as before if no write is needed. */
  readonly group: Group | undefined;
  readonly results: readonly Decided<Request>[];
  /** StepContext.takenInBy after this round. */
  readonly takenInBy: object | undefined;
}

export interface Decided<Request extends Asked> {
  readonly request: Request;
  readonly result: StepResult<unknown>;
  /** See Step.tooLarge. */
  readonly tooLarge: unknown;
}

/**
 * The end of a phase may begin another phase that ends at once. More advances than these indicate
 * an endless loop.
 */
const ADVANCES_MAX = 4;

/**
 * Decides the requests in order, each over the group that the previous one returned. Expired
 * sessions and deadlines are processed before the first request and after the last one, so that a
 * phase without a delay begins and ends in the same put. If a request needs more than
 * `context.facts` contains, nothing is decided, and the needs of all requests are returned. Pure.
 */
export function decideRound<Request extends Asked>(
  before: Group | undefined,
  expired: ReadonlySet<string>,
  asked: readonly Request[],
  context: StepContext,
): Round<Request> {
  let group = advance(before, expired, context);
  let { takenInBy } = context;
  const results: Decided<Request>[] = [];
  const needs = new NeedsUnion();
  const askers: Request[] = [];
  let isDeleted = false;
  for (const request of asked) {
    const { step } = request;
    const wanted = step.needs?.(group);
    if (wanted !== undefined && lacks(context.facts, wanted)) {
      needs.add(wanted);
      askers.push(request);
      continue;
    }
    const result = step.decide(group, { ...context, takenInBy });
    isDeleted = group !== undefined && result.group === undefined;
    group = result.group;
    if (result.kind === 'reply' && result.tookTopicsIn === true) takenInBy = bodyOf(group);
    results.push({ request, result, tooLarge: step.tooLarge });
    // A request that recreates the group has to wait until the old offsets are deleted.
    if (isDeleted) break;
  }
  if (askers.length > 0) return { kind: 'needs', needs, askers };
  assertAnswered(asked, results, isDeleted);
  return { kind: 'decided', group: advance(group, NOBODY, context), results, takenInBy };
}

/**
 * Asserts that each request of a round has its own result, in order. A round that deletes the group
 * may end early.
 */
export function assertAnswered<Request extends Asked>(
  asked: readonly Request[],
  results: readonly Decided<Request>[],
  isDeleted: boolean,
): void {
  const isComplete = results.length === asked.length || (isDeleted && results.length < asked.length);
  assert(isComplete, `a round of ${asked.length} requests has ${results.length} results`);
  assert(
    results.every(({ request }, index) => request === asked[index]),
    'a result belongs to another request',
  );
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
