import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { causeOf } from '../../../lib/cost/causes.ts';

/** The partition keys of the table of items in docs/DATA_LAYOUT.md, with what stands for ids. */
function documentedKeys(): string[] {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/DATA_LAYOUT.md'), 'utf8');
  const table = text.split('\n## State table\n')[1]!.split('\n### ')[0]!;
  const rows = table.split('\n').filter((line) => line.startsWith('| `'));
  return rows.flatMap((row) => [...row.split('|')[1]!.matchAll(/`([^`]+)`/g)].map(([, key]) => key!));
}

describe('the cause of a call', () => {
  it('is known for every partition key of docs/DATA_LAYOUT.md', () => {
    const keys = documentedKeys().filter((key) => key !== '~');
    expect(keys.length).toBeGreaterThan(20);
    expect(keys.filter((key) => causeOf('state.get', key) === 'other')).toEqual([]);
  });

  it.each([
    ['journal.query', 'journal/AAAA/0', 'entries'],
    ['state.put', 'due', 'due list'],
    ['state.put', 'group/due', 'groups'],
    ['state.query', 'transactions-due', 'transactions'],
    ['state.get', 'duel', 'other'],
    ['blobs.put', 'wal/0f-000', 'WAL objects'],
    ['blobs.list', 'wal/', 'WAL objects'],
    ['blobs.getRange', 'segment/AAAA/0/1-x', 'segments'],
    ['blobs.put', 'checkpoint/AAAA/0/1-x', 'checkpoint objects'],
  ] as const)('of %s %s is %s', (kind, key, cause) => {
    expect(causeOf(kind, key)).toBe(cause);
  });
});
