import type { CallKind } from '../storage/ports.ts';

/** The store calls that the functions without APIs may make. */
export const SCHEDULED_RIGHTS = {
  maintain: ['state.get', 'state.query', 'state.put', 'state.delete', 'blobs.delete', 'blobs.list'],
  seal: [
    ...(['journal.get', 'journal.query', 'journal.put', 'journal.delete'] as const),
    ...(['state.get', 'state.query', 'state.put', 'state.delete'] as const),
    ...(['blobs.get', 'blobs.getRange', 'blobs.put', 'blobs.delete', 'blobs.list'] as const),
  ],
} as const satisfies Readonly<Record<string, readonly CallKind[]>>;

/**
 * Throws for a call that the function has no right to; that is a bug, which AWS would answer with
 * AccessDenied.
 */
export function assertRight(name: string, rights: readonly CallKind[], kind: CallKind): void {
  if (!rights.includes(kind)) throw new Error(`the function ${name} may not call ${kind}`);
}
