import { FRAME_FUNCTIONS, type FrameFunction } from '../broker/apis.ts';
import { callsOf } from '../broker/functions.ts';
import type { CallKind } from '../storage/ports.ts';

/** All functions of a deployment. */
export type FunctionName = FrameFunction | 'maintain';

/**
 * The store calls that each function may make: those of its APIs, by the table in
 * lib/broker/apis.ts; `maintain` serves none. Its stores refuse any other call, and so does its IAM
 * policy (docs/FUNCTIONS.md has the actions). All puts and deletes of items are conditional.
 * `produce` deletes nothing; `fetch` writes nothing.
 */
export const FUNCTION_RIGHTS: Readonly<Record<FunctionName, readonly CallKind[]>> = {
  ...(Object.fromEntries(FRAME_FUNCTIONS.map((name) => [name, callsOf(name)])) as Record<
    FrameFunction,
    readonly CallKind[]
  >),
  maintain: ['state.get', 'state.query', 'state.put', 'state.delete', 'blobs.delete', 'blobs.list'],
};

/**
 * Throws for a call that the function has no right to; that is a bug, which AWS would answer with
 * AccessDenied.
 */
export function assertRight(name: FunctionName, kind: CallKind): void {
  if (!FUNCTION_RIGHTS[name].includes(kind)) throw new Error(`the function ${name} may not call ${kind}`);
}
