import { deepStrictEqual as deepEqual, ok } from 'node:assert';
import { lastOffset, readBatchHeader, splitBatches } from '../../../../lib/records/batch.ts';
import type { Record as KafkaRecord } from '../../../../lib/records/record.ts';
import type { ComposedBroker } from '../../../../lib/run/compose-broker.ts';
import { committedOf, recordsOf } from '../compacted-log.ts';
import type { ModelBatch, ModelRecord } from './partition-model.ts';
import { PLACES, type Place } from './steps.ts';
import { entriesOf, itemsOf, journalOf, liveOf, objectsOf } from './stored.ts';
import type { WholeLog } from './whole-log.ts';
import { partitionOf } from './world.ts';

const ISOLATIONS = ['read_uncommitted', 'read_committed'] as const;
type Isolation = (typeof ISOLATIONS)[number];

/** Everything that a client can ask reads like the lists, and the view counts what is stored. */
export async function check(log: WholeLog, at: number, hasCompacted: boolean): Promise<void> {
  for (const place of PLACES) await checkBehind(log, place, at);
  // A reader that knows a segment goes on with it after a compaction, until its object is gone.
  if (hasCompacted) await log.world.newReader();
  for (const place of PLACES) {
    // This also shows the reader everything that was written.
    await checkOffsets(log, place, at);
    for (const isolation of ISOLATIONS) await checkScan(log, place, isolation);
    await checkOutside(log, place);
    await checkCounts(log, place);
  }
  deepEqual(log.world.errors, []);
}

/** A consumer that begins at any offset, in a process of its own. */
export async function checkEveryOffset(log: WholeLog): Promise<void> {
  const by = await log.world.run(log.world.process());
  for (const place of PLACES) {
    const { logStart, nextOffset } = log.model(place);
    for (let offset = logStart; offset <= nextOffset; offset++) {
      for (const isolation of ISOLATIONS) await fetchOnce(log, place, offset, isolation, by);
    }
  }
}

/**
 * A reader that has not seen the last step yet goes on in the middle of the log: what it gets has no
 * hole, although it may still see what was compacted.
 */
async function checkBehind(log: WholeLog, place: Place, at: number): Promise<void> {
  const model = log.model(place);
  const { logStart, nextOffset } = model;
  const offset = logStart + ((at * 5) % (nextOffset - logStart + 1));
  const { error, batches: found } = await log.world.fetch(place, offset, 'read_uncommitted');
  deepEqual(error, 'NONE', `${place} at ${offset}, behind`);
  const batches = found.flatMap((bytes) => [...splitBatches(bytes)].map((batch) => batch.bytes));
  const last = batches.at(-1);
  if (last === undefined) return;
  const next = lastOffset(readBatchHeader(last)) + 1;
  const read = new Set(recordsOf(batches).map((record) => JSON.stringify(plain(record))));
  const wanted = model.written(offset).filter((record) => record.offset < next);
  deepEqual(
    wanted.filter((record) => !read.has(JSON.stringify(record))),
    [],
    `${place} at ${offset}, behind`,
  );
}

async function checkScan(log: WholeLog, place: Place, isolation: Isolation): Promise<void> {
  const { logStart } = log.model(place);
  const read: ModelRecord[] = [];
  for (let offset = logStart; ; ) {
    const { records, next } = await fetchOnce(log, place, offset, isolation);
    read.push(...records);
    if (next === offset) break;
    offset = next;
  }
  deepEqual(read, expected(log, place, isolation, logStart), `${place} by ${isolation}`);
}

/** One fetch: the next records of the list, at least one batch unless it is the end. */
async function fetchOnce(
  log: WholeLog,
  place: Place,
  offset: number,
  isolation: Isolation,
  by?: ComposedBroker,
): Promise<{ readonly records: readonly ModelRecord[]; readonly next: number }> {
  const model = log.model(place);
  const what = `${place} at ${offset} by ${isolation}`;
  const fetched = await log.world.fetch(place, offset, isolation, by);
  const { error, highWatermark, lastStableOffset, logStartOffset } = fetched;
  deepEqual(
    { error, highWatermark, lastStableOffset, logStartOffset },
    {
      error: 'NONE',
      highWatermark: model.nextOffset,
      lastStableOffset: model.lastStableOffset,
      logStartOffset: model.logStart,
    },
    what,
  );
  const batches = fetched.batches.flatMap((bytes) => [...splitBatches(bytes)].map((batch) => batch.bytes));
  const all = isolation === 'read_committed' ? committedOf(batches, fetched.aborted ?? []) : recordsOf(batches);
  const records = all.map(plain).filter((record) => record.offset >= offset);
  const wanted = expected(log, place, isolation, offset);
  const last = batches.at(-1);
  const next = last === undefined ? offset : lastOffset(readBatchHeader(last)) + 1;
  deepEqual(
    records,
    wanted.filter((record) => record.offset < next),
    what,
  );
  const end = isolation === 'read_committed' ? model.lastStableOffset : model.nextOffset;
  ok(next > offset || offset >= end, `${what}: nothing is read`);
  return { records, next };
}

function expected(log: WholeLog, place: Place, isolation: Isolation, from: number): ModelRecord[] {
  const model = log.model(place);
  return isolation === 'read_committed' ? model.committed(from) : model.written(from);
}

function plain({ offset, key, value, timestamp }: KafkaRecord): ModelRecord {
  return { offset, key: key?.toString() ?? null, value: value?.toString() ?? null, timestamp };
}

async function checkOffsets(log: WholeLog, place: Place, at: number): Promise<void> {
  const model = log.model(place);
  const { logStart, nextOffset, lastStableOffset, sealedTo, entriesFrom } = model;
  const written = model.written(0);
  const times = [written[(at * 7) % Math.max(1, written.length)]?.timestamp ?? 0, model.maxTimestamp + 1];
  for (const isolation of ISOLATIONS) {
    const end = isolation === 'read_committed' ? lastStableOffset : nextOffset;
    const special = {
      earliest: logStart,
      latest: end,
      earliestLocal: Math.max(logStart, entriesFrom),
      latestTiered: sealedTo - 1,
    };
    for (const [position, offset] of Object.entries(special)) {
      const listed = await log.world.listOffset(place, position as keyof typeof special, isolation);
      deepEqual([listed.error, listed.offset], ['NONE', offset], `${position} of ${place} by ${isolation}`);
    }
    for (const time of [...times, times[0]! + 1]) {
      const { error, offset, timestamp } = await log.world.listOffset(place, time, isolation);
      const found = model.firstAt(time, end);
      deepEqual(
        { error, offset, timestamp },
        { error: 'NONE', offset: found?.offset ?? -1, timestamp: found?.timestamp ?? -1 },
        `the first record of ${place} at ${time} by ${isolation}`,
      );
    }
  }
}

async function checkOutside(log: WholeLog, place: Place): Promise<void> {
  const { logStart, nextOffset } = log.model(place);
  for (const offset of [logStart - 1, nextOffset + 1]) {
    const { error } = await log.world.fetch(place, offset, 'read_uncommitted');
    deepEqual(error, 'OFFSET_OUT_OF_RANGE', `${place} at ${offset}`);
  }
}

/** What the view counts is what is stored, and for what was never compacted what was written. */
async function checkCounts(log: WholeLog, place: Place): Promise<void> {
  const { world } = log;
  const { journal } = await world.open(place);
  await world.run(journal.catchUp(true));
  const view = journal.view.partitions.get(partitionOf(place).partition);
  if (view === undefined) return;
  const model = log.model(place);
  const live = liveOf(world, place).filter(({ nextOffset }) => nextOffset > view.segmentsFrom);
  const bytes = live.reduce((sum, { log: { length } }) => sum + length, 0);
  const hot = model.batches.filter(({ baseOffset }) => baseOffset >= model.sealedTo);
  deepEqual(
    { segments: view.segments, sealedBytes: view.sealedBytes, hotBytes: view.hotBytes },
    { segments: live.length, sealedBytes: bytes, hotBytes: sizeOf(hot) },
    `the counts of ${place}`,
  );
  if (model.cleanTo === 0) {
    const isCounted = ({ baseOffset, nextOffset }: ModelBatch) =>
      baseOffset >= view.segmentsFrom && nextOffset <= model.sealedTo;
    const counted = model.batches.filter(isCounted);
    // A seal leaves out the batches below the log start.
    const above = counted.filter(({ nextOffset }) => nextOffset > model.logStart);
    ok(view.sealedBytes <= sizeOf(counted) && view.sealedBytes >= sizeOf(above), `the bytes of ${place}`);
  }
  const { blobs } = world.stores.contents();
  for (const { key, log: range } of live) ok((blobs.get(key)?.bytes.length ?? 0) >= range.start + range.length, key);
}

function sizeOf(batches: readonly ModelBatch[]): number {
  return batches.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Once all graces have passed: nothing is left that nothing names, and nothing is due. */
export function checkRest(log: WholeLog): void {
  const { world } = log;
  deepEqual(
    world.stores
      .contents()
      .state.filter(({ pk }) => pk === 'due')
      .map(({ sk }) => sk),
    [],
    'the due list',
  );
  const named = new Set<string>();
  const checkpoints = new Set<string>();
  for (const place of PLACES) {
    const { logStart } = log.model(place);
    const items = itemsOf(world, place);
    deepEqual(
      items.filter(({ state }) => state !== 'live'),
      [],
      `replaced segments of ${place}`,
    );
    deepEqual(
      items.filter(({ nextOffset }) => nextOffset <= logStart),
      [],
      `ended segments of ${place}`,
    );
    for (const { key } of items) named.add(key);
    const withBatches = entriesOf(world, place).filter(({ entry }) => 'batches' in entry);
    deepEqual(withBatches, [], `entries of ${place} whose batches are in segments`);
    checkpoints.add(journalOf(world, place));
  }
  deepEqual(
    objectsOf(world, 'segment/').filter((key) => !named.has(key)),
    [],
    'objects of segments',
  );
  deepEqual(objectsOf(world, 'wal/'), [], 'WAL objects');
  ok(objectsOf(world, 'checkpoint/').length <= checkpoints.size, 'objects of checkpoints');
}
