import { FRAME_FUNCTIONS, type FrameFunction } from '../broker/apis.ts';
import { callsOf } from '../broker/functions.ts';
import type { CallKind } from '../storage/ports.ts';
import { SCHEDULED_RIGHTS } from './store-rights.ts';

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
  ...SCHEDULED_RIGHTS,
};
