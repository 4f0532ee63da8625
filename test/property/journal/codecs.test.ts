import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../lib/core/bytes.ts';
import { decodeView, encodeView } from '../../../lib/journal/checkpoint-codec.ts';
import { type BatchMeta, decodeEntry, type Entry, encodeEntry, type Payload } from '../../../lib/journal/entry.ts';
import type { SegmentPart } from '../../../lib/journal/segment-part.ts';
import { emptyView } from '../../../lib/journal/view.ts';
import { decodeWalHeader, frameWalObject } from '../../../lib/journal/wal-object.ts';
import { incrementSequence } from '../../../lib/records/batch.ts';
import { decodeCheckpointItem } from '../../../lib/storage/items/checkpoint.ts';
import { entriesOf, history, replay } from './histories.ts';

const whole = fc.maxSafeNat();
const timestamp = fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 });
const offset = fc.nat(2 ** 40);

interface Shape {
  /** Whether it goes on where the batch before it in its partition ends. */
  readonly follows: boolean;
  readonly gap: number;
  readonly size: number;
}

const batch = fc
  .record({
    partition: fc.oneof(fc.nat(1), fc.nat(10_000)),
    follows: fc.boolean(),
    baseOffset: offset,
    lastOffsetDelta: fc.nat(2 ** 31 - 1),
    maxTimestamp: timestamp,
    producer: fc.option(
      fc.tuple(whole, fc.integer({ min: -1, max: 32_767 }), fc.integer({ min: -1, max: 2 ** 31 - 1 })),
    ),
    transactional: fc.boolean(),
    control: fc.boolean(),
    gap: fc.nat(100),
    size: fc.nat(1_000),
  })
  .map(({ producer, ...rest }) => {
    const [producerId, producerEpoch, baseSequence] = producer ?? [-1, -1, -1];
    return { ...rest, producerId, producerEpoch, baseSequence };
  });

/** What a batch of the same producer has that follows; it may have another number of offsets. */
function next({ baseOffset, lastOffsetDelta, baseSequence, producerId, producerEpoch, ...flags }: BatchMeta) {
  const { transactional, control } = flags;
  return {
    baseOffset: baseOffset + lastOffsetDelta + 1,
    producerId,
    producerEpoch,
    baseSequence: baseSequence < 0 ? baseSequence : incrementSequence(baseSequence, lastOffsetDelta + 1),
    transactional,
    control,
  };
}

/** Batches with their places, and a payload that holds them, with some bytes of nobody in it. */
const stretch = fc
  .tuple(fc.array(batch, { maxLength: 6 }), fc.option(fc.record({ key: fc.string(), start: offset })), fc.nat(50))
  .map(([shapes, object, tail]): { batches: BatchMeta[]; payload: Payload } => {
    let end = 0;
    const newest = new Map<number, BatchMeta>();
    const batches = shapes.map(({ follows, gap, size, ...meta }: (typeof shapes)[number] & Shape) => {
      const last = newest.get(meta.partition);
      const position = end + gap;
      end = position + size;
      const batch = { ...meta, ...(follows && last !== undefined && next(last)), position, size };
      newest.set(meta.partition, batch);
      return batch;
    });
    const length = end + tail;
    if (object !== null) return { batches, payload: { kind: 'wal', ...object, length } };
    return { batches, payload: { kind: 'inline', bytes: Buffer.alloc(length, 'tide') } };
  });

const range = fc.record({ start: offset, length: fc.nat(2 ** 30) });
const part: fc.Arbitrary<SegmentPart> = fc
  .record({
    partition: fc.nat(10_000),
    baseOffset: offset,
    offsets: fc.nat(2 ** 31),
    maxTimestamp: timestamp,
    maxTimestampOffset: fc.integer({ min: -1, max: 2 ** 40 }),
    log: range,
    indexStart: offset,
    indexBytes: fc.tuple(fc.nat(2 ** 20), fc.nat(2 ** 20), fc.nat(2 ** 20)),
    indexCrc: fc.nat(2 ** 32 - 1),
  })
  .map(({ offsets, indexStart, indexBytes: [offsetIndexBytes, timeIndexBytes, rest], ...fields }) => ({
    ...fields,
    nextOffset: fields.baseOffset + offsets,
    index: { start: indexStart, length: offsetIndexBytes + timeIndexBytes + rest },
    offsetIndexBytes,
    timeIndexBytes,
  }));
const parts = fc.array(part, { maxLength: 4 });
const uncounted = fc.record({ partition: fc.nat(), offset: whole });
const counted = fc.record({ partition: fc.nat(), offset: whole, segmentsFrom: whole, segments: whole, bytes: whole });

const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.tuple(whole, stretch).map(([time, rest]): Entry => ({ kind: 'records', time, ...rest })),
  fc.tuple(whole, whole, fc.nat(32_767), fc.boolean(), stretch).map(
    ([time, producerId, producerEpoch, commit, rest]): Entry => ({
      kind: 'markers',
      time,
      producerId,
      producerEpoch,
      commit,
      ...rest,
    }),
  ),
  fc.record({ kind: fc.constant('leaderChange' as const), time: whole, leaderEpoch: fc.nat(), leader: fc.nat() }),
  fc.record({
    kind: fc.constant('logStart' as const),
    time: whole,
    starts: fc.array(fc.oneof(uncounted, counted)),
  }),
  fc.record(
    {
      kind: fc.constant('seal' as const),
      time: whole,
      fromSeq: whole,
      toSeq: whole,
      toTime: whole,
      key: fc.string(),
      parts,
      leftOut: fc.array(fc.record({ partition: fc.nat(), bytes: whole }), { minLength: 1, maxLength: 4 }),
    },
    { requiredKeys: ['kind', 'time', 'fromSeq', 'toSeq', 'toTime', 'key', 'parts'] },
  ),
  fc.record(
    {
      kind: fc.constant('replace' as const),
      time: whole,
      partition: fc.nat(),
      baseOffset: offset,
      nextOffset: offset,
      key: fc.string(),
      parts,
      removedSegments: whole,
      removedBytes: whole,
      cleaned: fc.record(
        { cleanedAt: whole, cleanTo: offset, deleteHorizon: whole },
        { requiredKeys: ['cleanedAt', 'cleanTo'] },
      ),
    },
    {
      requiredKeys: [
        'kind',
        'time',
        'partition',
        'baseOffset',
        'nextOffset',
        'key',
        'parts',
        'removedSegments',
        'removedBytes',
      ],
    },
  ),
  fc.record({ kind: fc.constant('close' as const), time: whole }),
);

/** What the decoder makes of the bytes; anything thrown but MalformedBytesError fails the test. */
function outcome(decode: (bytes: Buffer) => unknown, bytes: Buffer): 'read' | 'malformed' {
  try {
    decode(bytes);
    return 'read';
  } catch (error) {
    if (error instanceof MalformedBytesError) return 'malformed';
    throw error;
  }
}

describe('entries', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(entry, (one) => {
        expect(decodeEntry(encodeEntry(one))).toEqual(one);
      }),
    );
  });

  it('cut off anywhere are malformed', () => {
    fc.assert(
      fc.property(entry, fc.nat(), (one, at) => {
        const bytes = encodeEntry(one);
        expect(outcome(decodeEntry, bytes.subarray(0, at % bytes.length))).toBe('malformed');
      }),
    );
  });
});

describe('a checkpoint', () => {
  it('cut off anywhere is malformed', () => {
    fc.assert(
      fc.property(history, fc.nat(), (events, at) => {
        const bytes = encodeView(replay(emptyView('t/0'), entriesOf(events)));
        expect(outcome((cut) => decodeView('t/0', cut), bytes.subarray(0, at % bytes.length))).toBe('malformed');
      }),
    );
  });
});

const text = fc.string({ maxLength: 40 });
const contents = fc.record({
  key: text,
  writer: text,
  time: whole,
  stretches: fc.array(fc.record({ journal: text, length: fc.nat(2 ** 30) }), { minLength: 1, maxLength: 6 }),
});

describe('the header of a WAL object', () => {
  it('comes back as it was, with the places where the stretches lie', () => {
    fc.assert(
      fc.property(contents, (one) => {
        const frames = frameWalObject(one);
        const header = decodeWalHeader(one.key, frames[0]!.before);
        const stretches = one.stretches.map((row, index) => ({ ...row, start: frames[index]!.start }));
        expect(header).toEqual({ ...one, stretches });
      }),
    );
  });
});

const DECODERS = [
  ['an entry', decodeEntry, encodeEntry({ kind: 'close', time: 1 })],
  ['a checkpoint', (bytes: Buffer) => decodeView('t/0', bytes), encodeView(emptyView('t/0'))],
  ['a checkpoint item', decodeCheckpointItem, Buffer.of(1, 0, 0)],
  ['a WAL object', (bytes: Buffer) => decodeWalHeader('k', bytes), Buffer.from('TWAL\x01\0\0\0\0')],
] as const;

describe.each(DECODERS)('bytes that are not %s', (_, decode, sample) => {
  it('are read or malformed, never anything else', () => {
    const arbitrary = fc.tuple(fc.boolean(), fc.uint8Array({ maxLength: 200 }));
    fc.assert(
      fc.property(arbitrary, ([headed, tail]) => {
        // With the right first byte the decoder gets further in.
        const bytes = Buffer.from(headed ? [sample[0]!, ...tail] : tail);
        expect(['read', 'malformed']).toContain(outcome(decode, bytes));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('an entry with some bytes changed', () => {
  it('is read or malformed, and what is read keeps within its payload', () => {
    fc.assert(
      fc.property(entry, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }), (one, changes) => {
        const bytes = Buffer.from(encodeEntry(one));
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        if (outcome(decodeEntry, bytes) === 'malformed') return;
        const read = decodeEntry(bytes);
        if (read.kind !== 'records' && read.kind !== 'markers') return;
        const length = read.payload.kind === 'inline' ? read.payload.bytes.length : read.payload.length;
        for (const { position, size } of read.batches) expect(position + size).toBeLessThanOrEqual(length);
      }),
      { numRuns: 1_000 },
    );
  });
});
