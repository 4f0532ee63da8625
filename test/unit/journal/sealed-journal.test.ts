import { beforeEach, describe, expect, it } from 'vitest';
import { BatchSearch, EntriesGoneError } from '../../../lib/journal/batch-search.ts';
import { encodeView } from '../../../lib/journal/checkpoint-codec.ts';
import { decodeEntry, type Entry } from '../../../lib/journal/entry.ts';
import { readBatches } from '../../../lib/journal/read.ts';
import { BLOCK_ENTRIES, entriesFrom } from '../../../lib/journal/view.ts';
import { entryPk, slotOf } from '../../../lib/storage/items/journal-entry.ts';
import { sealOf } from '../../support/seal-of.ts';
import { batch, createWorld, FOREVER, HOUR, JOURNAL, type Process, say, type World } from './world.ts';

let world: World;
let writer: Process;
/** By slot; also those that were deleted. */
let entries: Entry[];

beforeEach(async () => {
  world = await createWorld();
  writer = world.process();
  entries = [];
});

/** One entry for each, with one batch of that partition. */
async function write(partitions: readonly number[], by = writer): Promise<void> {
  const { writer } = await by.open();
  for (const partition of partitions) await world.run(writer.append(batch('x', { partition }), FOREVER));
}

const stored = () => world.stores.contents().journal.filter(({ pk }) => pk === entryPk(JOURNAL));
const slots = () => stored().map(({ sk }) => slotOf(sk));

/** Seals the slots up to `toSeq`; default: all. */
async function seal(by = writer, toSeq?: number): Promise<void> {
  for (const { sk, body } of stored()) entries[slotOf(sk)] = decodeEntry(body);
  const { writer } = await by.open();
  const sealed = writer.appendEntry(
    (view, time) => sealOf(view, (seq) => entries[seq]!, toSeq ?? view.seq, time),
    FOREVER,
  );
  expect(await world.run(sealed)).toBe('written');
}

/** Writes a checkpoint, then deletes the entries up to a slot. */
async function trim(toSeq: number, by = writer): Promise<void> {
  await world.run((await by.open()).checkpointer.write());
  for (const { pk, sk, version } of stored()) {
    if (slotOf(sk) <= toSeq) await world.stores.journal.delete(pk, sk, version);
  }
}

/** A process that has read the checkpoint and the entries after it. */
async function cold(): Promise<Process> {
  const one = world.process();
  await world.run(one.open());
  return one;
}

async function offsets(by: Process, from: number, partition = 0): Promise<number[]> {
  const { journal } = await by.open();
  const to = journal.view.partitions.get(partition)?.nextOffset ?? 0;
  const read = await world.run(readBatches(journal, { partition, from, to, maxBytes: 1e9, atLeastOne: true }));
  return read.map(({ bytes }) => say(bytes).offset);
}

const viewOf = async (by: Process) => (await by.open()).journal.view;
const bytesOf = async (by: Process) => encodeView(await viewOf(by));

/** Slots 1 to 3, 5 to 7 and 9 to 10 have a batch of partition 0 each, 4 and 8 a seal; all but the newest span is deleted. */
async function sealTwice(): Promise<void> {
  await write([0, 0, 0]);
  await seal();
  await write([0, 0, 0]);
  await seal();
  await write([0, 0]);
  await trim((await viewOf(writer)).trimmableSeq);
  expect(slots()).toEqual([4, 5, 6, 7, 8, 9, 10]);
}

describe('a journal whose old entries are sealed and deleted', () => {
  it('opens from its checkpoint', async () => {
    await sealTwice();
    const reader = await cold();
    expect(await bytesOf(reader)).toEqual(await bytesOf(writer));
    expect(reader.count('journal.query')).toBe(1);
  });

  it('opens from a checkpoint with entries and a seal after it', async () => {
    await sealTwice();
    await write([0]);
    await seal();
    await write([0]);
    const reader = await cold();
    expect(await bytesOf(reader)).toEqual(await bytesOf(writer));
    expect(await viewOf(reader)).toMatchObject({ sealedSeq: 11, trimmableSeq: 7 });
  });

  it('opens when only its newest entry is left', async () => {
    await write([0, 0]);
    await seal();
    await seal();
    await trim(3);
    expect(slots()).toEqual([4]);
    const reader = await cold();
    expect(await bytesOf(reader)).toEqual(await bytesOf(writer));
    await write([0], reader);
    expect(await offsets(reader, 2)).toEqual([2]);
  });

  it('is read from entries from the newest span on', async () => {
    await sealTwice();
    for (const reader of [writer, await cold()]) {
      expect(entriesFrom((await viewOf(reader)).partitions.get(0)!)).toBe(3);
      expect(await offsets(reader, 3)).toEqual([3, 4, 5, 6, 7]);
      expect(await offsets(reader, 7)).toEqual([7]);
    }
  });

  it('is not read from entries below that, cached or not, and asks the store nothing', async () => {
    await sealTwice();
    for (const reader of [writer, await cold()]) {
      reader.calls.length = 0;
      for (const from of [0, 2]) await expect(offsets(reader, from)).rejects.toThrow(EntriesGoneError);
      expect(reader.calls).toEqual([]);
    }
  });

  it('reads no entry before its newest span, whatever block that began in', async () => {
    await write(Array.from({ length: BLOCK_ENTRIES }, (_, index) => index % 2));
    await seal();
    await write([1, 0, 0]);
    await seal();
    await write([0]);
    const { trimmableSeq } = await viewOf(writer);
    await trim(trimmableSeq);
    const reader = await cold();
    reader.calls.length = 0;
    expect(await offsets(reader, BLOCK_ENTRIES / 2)).toHaveLength(3);
    expect(await offsets(reader, BLOCK_ENTRIES / 2, 1)).toHaveLength(1);
    const from = reader.calls.map(({ sortKey }) => Number(sortKey));
    expect(from.every((seq) => seq > trimmableSeq)).toBe(true);
  });
});

describe('who lags behind the deleted entries', () => {
  it('gets the view from the checkpoint', async () => {
    const behind = await cold();
    await sealTwice();
    const { journal } = await behind.open();
    await world.run(journal.catchUp(false));
    expect(await bytesOf(behind)).toEqual(await bytesOf(writer));
    expect(await offsets(behind, 4)).toEqual([4, 5, 6, 7]);
  });

  it('appends at the end all the same', async () => {
    const behind = await cold();
    await sealTwice();
    // Entries are deleted days after they were sealed; by then no put of an older view can be signed.
    await world.clock.advance(HOUR);
    await write([0], behind);
    await seal(behind);
    expect(await offsets(behind, 6)).toEqual([6, 7, 8]);
    expect((await viewOf(behind)).sealedSeq).toBe(11);
  });

  it('finds the batches of a partition gone, not missing, also if no entry that is left has one of it', async () => {
    await write([1, 1, 0]);
    const behind = await cold();
    behind.env.cache.forget(JOURNAL);
    await seal(writer, 2);
    await seal();
    await trim(2);
    // The view has the batches, and does not know that they are sealed.
    expect(await viewOf(behind)).toMatchObject({ seq: 3, sealedSeq: -1 });
    await expect(offsets(behind, 0, 1)).rejects.toThrow(EntriesGoneError);
  });
});

describe('a search that a seal overtakes', () => {
  it('keeps what it has found, and goes on in segments', async () => {
    await write([0, 0]);
    await seal();
    await write([0]);
    const { journal } = await writer.open();
    const search = new BatchSearch(journal, { partition: 0, from: 0, to: 3 });
    expect(search.advance(1, true)).toBe('full');
    await seal();
    expect(search.advance(1e9, true)).toBe('gone');
    expect([search.found.length, search.next]).toEqual([1, 1]);
  });
});
