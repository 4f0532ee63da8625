import { expect, it } from 'vitest';
import { segmentSettings } from '../../../lib/run/segment-limits.ts';
import { decideMerge } from '../../../lib/segments/merge-plan.ts';
import type { LiveSegment } from '../../../lib/storage/items/segment.ts';
import { settingsOf } from '../../support/settings.ts';
import { part } from '../journal/entries.ts';

const MIB = 1024 * 1024;

const AWS = {
  'tidelog.store': 'aws',
  'tidelog.journal.table': 'j',
  'tidelog.state.table': 's',
  'tidelog.bucket': 'b',
};

/** What seals of the default size leave of one of so many partitions that are written alike. */
function segmentsOf(partitions: number, sealBytes: number): LiveSegment[] {
  return Array.from({ length: 16 }, (_, index) => ({
    ...part({
      baseOffset: index * 10,
      nextOffset: index * 10 + 10,
      log: { start: 0, length: Math.floor(sealBytes / partitions) - 1 },
    }),
    state: 'live',
    key: `k${index}`,
    journal: 'topic/0',
    seq: 1,
    namedAt: 0,
    maxTimestampSoFar: 6,
    epochs: [],
  }));
}

const merged = (values: Readonly<Record<string, string>>, partitions: number) => {
  const settings = segmentSettings(settingsOf(values));
  const run = decideMerge(segmentsOf(partitions, settings.sealBytes), settings);
  return run?.reduce((sum, { log }) => sum + log.length, 0);
};

it('the segments of a few partitions are merged to 64 MiB in S3, and are not written again on one machine', () => {
  for (const partitions of [4, 7]) {
    expect(merged(AWS, partitions)).toBeGreaterThan(32 * MIB);
    expect(merged({ 'tidelog.store': 'embedded' }, partitions)).toBeUndefined();
  }
});

it('small segments are merged everywhere', () => {
  expect(merged(AWS, 64)).toBeGreaterThan(8 * MIB);
  expect(merged({ 'tidelog.store': 'embedded' }, 64)).toBeGreaterThan(8 * MIB);
});
