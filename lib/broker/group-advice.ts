import type { RequestContext } from '../core/context.ts';

/**
 * Tells the sender of a request which group it was about. `hasChanged`: other members of the group may
 * now have to learn of something.
 */
export function adviseGroup({ again }: RequestContext, groupId: string, hasChanged: boolean): void {
  if (again?.advice === undefined) return;
  again.advice.about = [groupId];
  again.advice.hasChanged = hasChanged;
}

/** The same request may have another answer the next time (see Advice.sessionMs). */
export function forgoQuiet({ again }: RequestContext): void {
  if (again?.advice !== undefined) delete again.advice.sessionMs;
}
