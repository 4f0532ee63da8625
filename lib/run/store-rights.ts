import type { CallKind } from '../storage/ports.ts';

// The store calls that a function may make: those of its APIs, by the table in lib/broker/apis.ts, and
// these. Its stores refuse any other call, and so does its IAM policy (docs/FUNCTIONS.md has the
// actions). All puts and deletes of items are conditional. `produce` deletes nothing; `fetch` writes
// nothing; only `seal` deletes entries.

/** What `rest` does for callers of HTTP: produce, fetch, topics, configs, groups. */
export const REST_RIGHTS: readonly CallKind[] = [
  ...(['journal.query', 'journal.put'] as const),
  ...(['state.get', 'state.query', 'state.put', 'state.delete'] as const),
  ...(['blobs.get', 'blobs.getRange', 'blobs.put'] as const),
];

/** Those of the functions that run on schedules. */
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
