import { FRAME_FUNCTIONS, type FrameFunction } from '../broker/apis.ts';
import { callsOf } from '../broker/functions.ts';
import type { CallKind } from '../storage/ports.ts';

/** All functions of a deployment. */
export type FunctionName = FrameFunction | 'maintain' | 'seal';

/**
 * The store calls that each function may make: those of its APIs, by the table in
 * lib/broker/apis.ts; `maintain` and `seal` serve none. Its stores refuse any other call, and so does
 * its IAM policy (docs/FUNCTIONS.md has the actions). All puts and deletes of items are conditional.
 * `produce` deletes nothing; `fetch` writes nothing; only `seal` deletes entries.
 */
export const FUNCTION_RIGHTS: Readonly<Record<FunctionName, readonly CallKind[]>> = {
  ...(Object.fromEntries(FRAME_FUNCTIONS.map((name) => [name, callsOf(name)])) as Record<
    FrameFunction,
    readonly CallKind[]
  >),
  maintain: ['state.get', 'state.query', 'state.put', 'state.delete', 'blobs.delete', 'blobs.list'],
  seal: [
    ...(['journal.get', 'journal.query', 'journal.put', 'journal.delete'] as const),
    ...(['state.get', 'state.query', 'state.put', 'state.delete'] as const),
    ...(['blobs.get', 'blobs.getRange', 'blobs.put', 'blobs.delete', 'blobs.list'] as const),
  ],
};

/**
 * Throws for a call that the function has no right to; that is a bug, which AWS would answer with
 * AccessDenied.
 */
export function assertRight(name: FunctionName, kind: CallKind): void {
  if (!FUNCTION_RIGHTS[name].includes(kind)) throw new Error(`the function ${name} may not call ${kind}`);
}
