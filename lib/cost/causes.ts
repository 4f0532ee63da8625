import { SEGMENT_PREFIX } from '../storage/items/segment-object.ts';
import { WAL_PREFIX } from '../storage/items/wal-object.ts';
import type { CallKind } from '../storage/ports.ts';

/** What store calls are made for: which items or objects they read or write. */
export const CAUSES = [
  'entries',
  'checkpoints',
  'trim marks',
  'segment items',
  'due list',
  'topics',
  'imports',
  'cluster',
  'groups',
  'offsets',
  'transactions',
  'REST',
  'upkeep',
  'WAL objects',
  'segments',
  'checkpoint objects',
  'other',
] as const;
export type Cause = (typeof CAUSES)[number];

/** By the first part of a partition key of the state table: docs/DATA_LAYOUT.md. */
const STATE_CAUSES: ReadonlyMap<string, Cause> = new Map([
  ['checkpoint', 'checkpoints'],
  ['trim', 'trim marks'],
  ['segments', 'segment items'],
  ['due', 'due list'],
  ['topics', 'topics'],
  ['topic-ids', 'topics'],
  ['imports', 'imports'],
  ['cluster', 'cluster'],
  ['nodes', 'cluster'],
  ['leaders', 'cluster'],
  ['group', 'groups'],
  ['groups', 'groups'],
  ['offsets', 'offsets'],
  ['producer-ids', 'transactions'],
  ['producer', 'transactions'],
  ['transaction', 'transactions'],
  ['transactions', 'transactions'],
  ['transactions-due', 'transactions'],
  ['rest', 'REST'],
  ['upkeep', 'upkeep'],
]);

/**
 * The cause of a call.
 *
 * @param key the partition key, the object's key, or the prefix of a list
 */
export function causeOf(kind: CallKind, key: string): Cause {
  if (kind.startsWith('journal.')) return 'entries';
  if (kind.startsWith('blobs.')) return objectCauseOf(key);
  const slash = key.indexOf('/');
  return STATE_CAUSES.get(slash < 0 ? key : key.slice(0, slash)) ?? 'other';
}

function objectCauseOf(key: string): Cause {
  if (key.startsWith(WAL_PREFIX)) return 'WAL objects';
  return key.startsWith(SEGMENT_PREFIX) ? 'segments' : 'checkpoint objects';
}
