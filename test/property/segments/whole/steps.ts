import fc from 'fast-check';
import type { CodecId } from '../../../../lib/records/compression/codec.ts';

export const HOUR_MS = 60 * 60 * 1000;
export const DAY_MS = 24 * HOUR_MS;

/** The partitions, each by its topic; that of `latest` is compacted. */
export const PLACES = ['plain-0', 'plain-1', 'latest-0'] as const;
export type Place = (typeof PLACES)[number];

/** Partitions of one journal. */
export const JOURNALS: readonly (readonly Place[])[] = [['plain-0', 'plain-1'], ['latest-0']];

export interface ProducedBatch {
  readonly place: Place;
  /** A key for each record; the record of an upper-case one has no value. */
  readonly keys: readonly string[];
  /** Bytes of each value. */
  readonly size: number;
  readonly codec: CodecId;
  /** Undefined: without an id. `i...` are idempotent, `t...` transactional. */
  readonly producer?: Producer;
  /** How old the records are; ms. */
  readonly age: number;
}

export const PRODUCERS = ['i1', 't1', 't2'] as const;
export type Producer = (typeof PRODUCERS)[number];

/** What may happen to a log. A place stands for its whole journal where the step is about one. */
export type Step =
  /** Batches that arrive together. */
  | { readonly do: 'produce'; readonly batches: readonly ProducedBatch[] }
  /** The producer sends its last batch once more. */
  | { readonly do: 'resend'; readonly place: Place; readonly producer: Producer }
  /** Ends the transaction that the producer has in the partition, if there is one. */
  | { readonly do: 'end'; readonly place: Place; readonly producer: Producer; readonly commit: boolean }
  | { readonly do: 'seal'; readonly place: Place; readonly sealBytes: number }
  | { readonly do: 'merge'; readonly place: Place; readonly mergeBytes: number }
  | { readonly do: 'compact'; readonly place: Place; readonly keysMax: number; readonly objectBytes: number }
  | { readonly do: 'retain'; readonly place: Place; readonly retentionMs: number; readonly retentionBytes: number }
  /** `part`: of the offsets that there are. */
  | { readonly do: 'delete'; readonly place: Place; readonly part: number }
  | { readonly do: 'checkpoint' | 'trim'; readonly place: Place }
  /** Everything that is due, by the production program: seals, merges, retention, trimming, objects. */
  | { readonly do: 'sweep' }
  | { readonly do: 'collect' }
  /** The place's topic is copied as Kafka's files, deleted, and imported. */
  | { readonly do: 'import'; readonly place: Place; readonly setBytes: number }
  /** New process objects over the same store. */
  | { readonly do: 'restart' }
  | { readonly do: 'wait'; readonly ms: number };

const place = fc.constantFrom(...PLACES);
const compacted = fc.constant<Place>('latest-0');
const key = fc.constantFrom('a', 'b', 'c', 'd', 'A', 'B');

const batch: fc.Arbitrary<ProducedBatch> = fc.record(
  {
    place,
    keys: fc.array(key, { minLength: 1, maxLength: 3 }),
    // The largest ones do not fit into an entry and go to a WAL object.
    size: fc.constantFrom(1, 1, 40, 1_500),
    codec: fc.constantFrom<CodecId>(0, 0, 1, 2, 3),
    producer: fc.constantFrom(...PRODUCERS),
    age: fc.constantFrom(0, 0, 0, HOUR_MS, DAY_MS),
  },
  { requiredKeys: ['place', 'keys', 'size', 'codec', 'age'] },
);

function stepOf<D extends Step['do']>(
  name: D,
  fields: { readonly [F in Exclude<keyof Extract<Step, { do: D }>, 'do'>]: fc.Arbitrary<unknown> },
): fc.Arbitrary<Step> {
  return fc.record({ do: fc.constant(name), ...fields }) as unknown as fc.Arbitrary<Step>;
}

export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: stepOf('produce', { batches: fc.array(batch, { minLength: 1, maxLength: 3 }) }) },
  { weight: 1, arbitrary: stepOf('resend', { place, producer: fc.constantFrom(...PRODUCERS) }) },
  {
    weight: 4,
    arbitrary: stepOf('end', {
      place,
      producer: fc.constantFrom<Producer>('t1', 't2'),
      commit: fc.constantFrom(true, false, false),
    }),
  },
  { weight: 8, arbitrary: stepOf('seal', { place, sealBytes: fc.constantFrom(1e6, 1e6, 200) }) },
  { weight: 4, arbitrary: stepOf('merge', { place, mergeBytes: fc.constantFrom(300, 2_000, 1e6) }) },
  {
    weight: 4,
    // A map of 3 keys takes any batch; it may be full after it.
    arbitrary: stepOf('compact', {
      place: compacted,
      keysMax: fc.constantFrom(3, 100),
      objectBytes: fc.constantFrom(1, 400, 1e6),
    }),
  },
  {
    weight: 3,
    arbitrary: stepOf('retain', {
      place,
      retentionMs: fc.constantFrom(-1, HOUR_MS, 4 * HOUR_MS, 2 * DAY_MS),
      retentionBytes: fc.constantFrom(-1, -1, 0, 500, 2_000),
    }),
  },
  { weight: 2, arbitrary: stepOf('delete', { place, part: fc.constantFrom(0.2, 0.5, 1) }) },
  { weight: 1, arbitrary: stepOf('checkpoint', { place }) },
  { weight: 2, arbitrary: stepOf('trim', { place }) },
  { weight: 2, arbitrary: stepOf('sweep', {}) },
  { weight: 1, arbitrary: stepOf('collect', {}) },
  { weight: 2, arbitrary: stepOf('import', { place, setBytes: fc.constantFrom(200, 1e6) }) },
  { weight: 2, arbitrary: stepOf('restart', {}) },
  { weight: 4, arbitrary: stepOf('wait', { ms: fc.constantFrom(60_000, HOUR_MS, 3 * HOUR_MS, DAY_MS, 8 * DAY_MS) }) },
);
