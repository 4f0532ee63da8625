import type { FrameFunction } from '../doors/tunnel/functions.ts';
import type { CallKind } from '../storage/metering.ts';

/** All functions of a deployment. */
export type FunctionName = FrameFunction | 'maintain';

/**
 * The calls to the stores that each function makes, and no others: its stores refuse them, and its IAM policy does (docs/FUNCTIONS.md
 * has the actions). All puts and deletes of items are conditional. `produce` writes entries, WAL objects and checkpoints and
 * deletes nothing; `fetch` writes nothing.
 */
export const FUNCTION_RIGHTS: Readonly<Record<FunctionName, readonly CallKind[]>> = {
  produce: ['journal.query', 'journal.put', 'state.get', 'state.put', 'blobs.get', 'blobs.getRange', 'blobs.put'],
  fetch: ['journal.query', 'state.get', 'blobs.get', 'blobs.getRange'],
  coordinate: ['state.get', 'state.query', 'state.put', 'state.delete'],
  admin: ['journal.query', 'journal.put', 'state.get', 'state.query', 'state.put', 'blobs.get', 'blobs.put'],
  maintain: ['state.get', 'state.query', 'state.put', 'state.delete', 'blobs.delete', 'blobs.list'],
};

/** Throws for a call that the function has no right to; that is a bug, which AWS would answer with AccessDenied. */
export function assertRight(name: FunctionName, kind: CallKind): void {
  if (!FUNCTION_RIGHTS[name].includes(kind)) throw new Error(`the function ${name} may not call ${kind}`);
}
