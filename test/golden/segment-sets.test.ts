import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { DirectoryRow } from '../../lib/segments/format/directory.ts';
import { buildSegmentSet } from '../../lib/segments/format/segment-set.ts';
import type { AbortedTransaction } from '../../lib/segments/format/transaction-index.ts';
import { bytesOf, contentOf, indexOf, logOf, rowsOf, type Step } from '../unit/segments/format/contents.ts';

/** A segment set of format 1 in base64, and what is in it. */
interface StoredSet {
  readonly key: string;
  readonly object: string;
  readonly rows: readonly DirectoryRow[];
  readonly aborted: readonly (readonly AbortedTransaction[])[];
}

const stored: StoredSet = JSON.parse(readFileSync(new URL('segment-sets.json', import.meta.url), 'utf8'));
const object = Buffer.from(stored.object, 'base64');

const steps: Step[] = [
  { kind: 'data', timestamps: [1_700_000_000_000, 1_700_000_000_005], valueBytes: 8, producer: 7 },
  { kind: 'epoch' },
  { kind: 'marker', producer: 7, type: 'abort', timestamp: 1_700_000_000_009 },
  { kind: 'data', timestamps: [1_700_000_000_003], valueBytes: 8 },
];
const contents = [contentOf(steps, 0, 1000), { ...contentOf(steps.slice(3), 5, 2 ** 40), nextOffset: 2 ** 40 + 10 }];

it('a segment set of format 1 is read', () => {
  const rows = rowsOf(object, stored.key);
  expect(rows).toEqual(stored.rows);
  expect(rows.map(({ part }) => indexOf(object, part, stored.key).aborted)).toEqual(stored.aborted);
  expect(rows.map(({ part }) => logOf(object, part))).toEqual(contents.map(({ batches }) => Buffer.concat(batches)));
});

it('a segment set is written with these bytes', () => {
  const set = buildSegmentSet(contents, { key: stored.key, indexIntervalBytes: 80 });
  expect(bytesOf(set).toString('base64')).toBe(stored.object);
});
