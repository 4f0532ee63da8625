import { deepStrictEqual as deepEqual, strictEqual as equal } from 'node:assert';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasDeleteHorizon, isControl, lastOffset, readBatchHeader } from '../../../lib/records/batch.ts';
import type { CodecId } from '../../../lib/records/compression/codec.ts';
import { iterateRecords } from '../../../lib/records/record.ts';
import { ENTRY_BYTES } from '../../../lib/segments/clean/offset-map.ts';
import { runs } from '../../support/runs.ts';
import { CompactedLog, committedOf, type Pass, recordsOf, tableOf } from './compacted-log.ts';

/** A few keys, so that most records replace another one; null is a record without a key. */
const key = fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'key-of-some-length'), { freq: 8 });
const record = fc.record({ key, isTombstone: fc.constantFrom(true, false, false), hasHeader: fc.boolean() });
const codec = fc.constantFrom<CodecId>(0, 0, 1, 2, 3);

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      records: fc.array(record, { minLength: 1, maxLength: 4 }),
      /** -1: without an id. Producers 0 and 1 are idempotent, 2 and 3 transactional. */
      producer: fc.integer({ min: -1, max: 3 }),
      codec,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      producer: fc.integer({ min: 2, max: 3 }),
      type: fc.constantFrom('commit' as const, 'abort' as const),
      bumps: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('roll' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('clean' as const),
      /** With 5 slots the map takes 4 keys, as many as a batch may have. */
      slots: fc.constantFrom(5, 7, 11, 13),
      afterMs: fc.integer({ min: 0, max: 1_500 }),
      /** Begins with the first segment, although it is clean. */
      again: fc.boolean(),
      groupBytes: fc.constantFrom(1, 400, 4_000),
    }),
  },
);

const DELETE_RETENTION_MS = 1_000;
const BEGIN_MS = 1_700_000_000_000;

interface Written {
  readonly key: string | null;
  readonly value: string | null;
  readonly timestamp: number;
  readonly headers: number;
}

function play(steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]): void {
  const log = new CompactedLog();
  const written = new Map<number, Written>();
  const batchesWritten = new Map<number, ReturnType<typeof readBatchHeader>>();
  let now = BEGIN_MS;
  for (const one of steps) {
    now += 10;
    if (one.kind === 'append') {
      const records = one.records.map(({ key: name, isTombstone, hasHeader }, index) => ({
        key: name === null ? null : Buffer.from(name),
        value: isTombstone ? null : Buffer.from(`value ${log.nextOffset + index}`),
        timestamp: now - index * 3,
        headers: hasHeader ? [{ key: 'h', value: Buffer.from('x') }] : [],
      }));
      for (const [index, { key: name, value, timestamp, headers }] of records.entries()) {
        const texts = { key: name?.toString() ?? null, value: value?.toString() ?? null };
        written.set(log.nextOffset + index, { ...texts, timestamp, headers: headers.length });
      }
      log.append(records, one.producer, one.producer >= 2, one.codec);
      const header = readBatchHeader(log.batches.at(-1)!);
      batchesWritten.set(header.baseOffset, header);
    } else if (one.kind === 'end') {
      log.end(one.producer, one.type, now, one.bumps);
    } else if (one.kind === 'roll') {
      log.roll();
    } else {
      now += one.afterMs;
      if (one.again) makeDirty(log);
      const pass = {
        now,
        deleteRetentionMs: DELETE_RETENTION_MS,
        mapBytes: one.slots * ENTRY_BYTES,
        groupBytes: one.groupBytes,
      };
      checkPass(log, pass, written, batchesWritten);
    }
  }
  checkRest(log, now, (pass) => checkPass(log, pass, written, batchesWritten));
}

function checkPass(
  log: CompactedLog,
  pass: Pass,
  written: ReadonlyMap<number, Written>,
  batchesWritten: ReadonlyMap<number, ReturnType<typeof readBatchHeader>>,
): void {
  const before = log.batches;
  const committedBefore = committedOf(before, log.aborted);
  const ranges = log.segments.map(({ nextOffset }) => nextOffset);
  const cleanTo = log.clean(pass);
  if (cleanTo === undefined) return;
  const after = log.batches;
  const committedAfter = committedOf(after, log.aborted);

  // What is left is what was written, in order.
  const offsets = recordsOf(after).map(({ offset }) => offset);
  deepEqual(
    offsets,
    [...new Set(offsets)].sort((a, b) => a - b),
  );
  for (const { offset, key: name, value, timestamp, headers } of recordsOf(after)) {
    const texts = { key: name?.toString() ?? null, value: value?.toString() ?? null };
    deepEqual({ ...texts, timestamp, headers: headers.length }, written.get(offset));
  }
  for (const batch of after) {
    const header = readBatchHeader(batch);
    const original = batchesWritten.get(header.baseOffset);
    if (original === undefined) continue;
    const { lastOffsetDelta, producerId, producerEpoch, baseSequence, partitionLeaderEpoch } = original;
    const kept = { lastOffsetDelta, producerId, producerEpoch, baseSequence, partitionLeaderEpoch };
    deepEqual({ ...header, ...kept }, header);
  }
  expect(log.segments.at(-1)?.nextOffset).toBe(ranges.at(-1));

  // A reader sees the same table, and never a record that it did not see before.
  deepEqual(tableOf(committedAfter), tableOf(committedBefore));
  const seenBefore = new Set(committedBefore.map(({ offset }) => offset));
  expect(committedAfter.filter(({ offset }) => !seenBefore.has(offset))).toEqual([]);

  // Behind the cleaned range only aborted records and those with a newer one are gone.
  const left = new Set(offsets);
  const newest = new Map(committedBefore.map(({ key: name, offset }) => [name?.toString(), offset]));
  for (const { offset, key: name } of committedBefore) {
    if (offset >= cleanTo) equal(left.has(offset), true);
    else if (name !== null && newest.get(name.toString()) === offset) {
      const batch = before.find((one) => lastOffset(readBatchHeader(one)) >= offset)!;
      const header = readBatchHeader(batch);
      const isTombstone = [...iterateRecords(batch)].some((one) => one.offset === offset && one.value === null);
      const mayGo = isTombstone && hasDeleteHorizon(header.attributes) && header.baseTimestamp <= pass.now;
      equal(left.has(offset), !mayGo);
    }
  }
  // Before it, each key is there once, and nothing without a key.
  const cleaned = committedAfter.filter(({ offset }) => offset < cleanTo);
  expect(cleaned.filter(({ key: name }) => name === null)).toEqual([]);
  expect(new Set(cleaned.map(({ key: name }) => name?.toString())).size).toBe(cleaned.length);
  checkHorizons(before, after, pass);
}

/** A horizon begins with the pass that sets it, and then stays. */
function checkHorizons(before: readonly Buffer[], after: readonly Buffer[], pass: Pass): void {
  const horizons = new Map(before.map((batch) => [readBatchHeader(batch).baseOffset, readBatchHeader(batch)]));
  for (const header of after.map((batch) => readBatchHeader(batch))) {
    if (!hasDeleteHorizon(header.attributes)) continue;
    const old = horizons.get(header.baseOffset)!;
    const wasSet = hasDeleteHorizon(old.attributes);
    equal(header.baseTimestamp, wasSet ? old.baseTimestamp : pass.now + pass.deleteRetentionMs);
  }
  const left = new Set(after.map((batch) => readBatchHeader(batch).baseOffset));
  for (const batch of before) {
    const header = readBatchHeader(batch);
    if (!isControl(header.attributes) || header.recordCount === 0 || left.has(header.baseOffset)) continue;
    equal(hasDeleteHorizon(header.attributes) && header.baseTimestamp <= pass.now, true);
  }
}

function makeDirty(log: CompactedLog): void {
  log.segments = log.segments.map((segment) => ({ ...segment, isClean: false }));
}

/** Once nothing is written, a pass repeated changes nothing, and later only tombstones and markers go. */
function checkRest(log: CompactedLog, now: number, check: (pass: Pass) => void): void {
  for (const producer of [2, 3]) log.end(producer, 'commit', now, false);
  log.roll();
  const whole: Pass = { now, deleteRetentionMs: DELETE_RETENTION_MS, mapBytes: 100_000, groupBytes: 4_000 };
  const again = (pass: Pass) => {
    makeDirty(log);
    check(pass);
    return Buffer.concat(log.batches);
  };
  // The first pass drops records, the second sees which markers have none left.
  again(whole);
  const second = again(whole);
  expect(again(whole).equals(second)).toBe(true);

  // Producers that are forgotten keep nothing.
  log.producers.clear();
  for (const ms of [2, 4, 6]) again({ ...whole, now: now + ms * DELETE_RETENTION_MS });
  const left = log.batches.map((batch) => ({ batch, header: readBatchHeader(batch) }));
  expect(left.filter(({ header }) => header.recordCount === 0 && lastOffset(header) + 1 < log.nextOffset)).toEqual([]);
  expect(recordsOf(log.batches).filter(({ value }) => value === null)).toEqual([]);
  const ends = left.filter(({ header }) => isControl(header.attributes) && lastOffset(header) + 1 < log.nextOffset);
  for (const { header: end } of ends) {
    const isItsBatch = ({ header }: (typeof left)[number]) =>
      header.producerId === end.producerId && header.baseOffset < end.baseOffset && !isControl(header.attributes);
    expect(left.some(isItsBatch)).toBe(true);
  }
}

describe('compaction', () => {
  it('keeps the newest record of each key, whatever the order of batches and passes', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 100, size: 'max' }), (steps) => play(steps)),
      { numRuns: runs(250) },
    );
  });
});
