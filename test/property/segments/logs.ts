import fc from 'fast-check';
import { Codec } from '../../../lib/records/compression/codec.ts';
import type { PartContent } from '../../../lib/segments/format/segment-set.ts';
import { contentOf, type Step } from '../../unit/segments/format/contents.ts';

const timestamp = fc.oneof(fc.integer({ min: -1, max: 60 }), fc.integer({ min: 1_000, max: 2_000 }), fc.maxSafeNat());
const producer = fc.integer({ min: 1, max: 4 });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record(
      {
        kind: fc.constant('data' as const),
        timestamps: fc.array(timestamp, { minLength: 1, maxLength: 4 }),
        valueBytes: fc.integer({ min: 0, max: 300 }),
        codec: fc.constantFrom(Codec.none, Codec.none, Codec.gzip, Codec.snappy, Codec.lz4),
        producer,
      },
      { requiredKeys: ['kind', 'timestamps', 'valueBytes'] },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('marker' as const),
      producer,
      type: fc.constantFrom('commit' as const, 'abort' as const),
      timestamp,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('gap' as const), offsets: fc.integer({ min: 1, max: 50 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'epoch' as const }) },
);

export const steps = fc.array(step, { minLength: 1, maxLength: 40 });

/** A log of partition 0 with at least one offset. */
export const content: fc.Arbitrary<PartContent> = fc
  .tuple(steps, fc.oneof(fc.constant(0), fc.nat({ max: 2 ** 40 })))
  .map(([all, baseOffset]) => contentOf(all, 0, baseOffset))
  .filter(({ baseOffset, nextOffset }) => nextOffset > baseOffset);

/** From an entry for every batch to none at all. */
export const indexIntervalBytes = fc.constantFrom(0, 100, 300, 4096);
