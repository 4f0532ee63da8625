import { beforeEach, describe, expect, it } from 'vitest';
import type { BatchToAppend } from '../../../lib/journal/decide-append.ts';
import type { Entry } from '../../../lib/journal/entry.ts';
import type { OpenJournal } from '../../../lib/journal/open-journal.ts';
import { lastStableOffset } from '../../../lib/journal/view.ts';
import type { JournalMarkers } from '../../../lib/transactions/environment.ts';
import { markersEntry, writeMarkers } from '../../../lib/transactions/write-markers.ts';
import { batch, createWorld, FOREVER, first, JOURNAL, type Process, T0, type World } from '../journal/world.ts';

const PRODUCER = 7;

let world: World;
let process: Process;
let open: OpenJournal;

beforeEach(async () => {
  world = await createWorld();
  process = world.process();
  open = await process.open();
});

/** A batch of the producer's transaction, as the coordinator lets it in. */
async function transact(partition = 0, fields: Partial<BatchToAppend> = {}): Promise<void> {
  const of = { partition, producerId: PRODUCER, producerEpoch: 3, baseSequence: 0, transactional: true, ...fields };
  const sent = { ...batch('in'), ...of, joinTransaction: async () => undefined };
  expect(await world.run(open.writer.append(sent, FOREVER))).toMatchObject({ kind: 'appended' });
}

const markers = (more: Partial<JournalMarkers> = {}): JournalMarkers => ({
  journal: JOURNAL,
  partitions: [0],
  producerId: PRODUCER,
  producerEpoch: 4,
  commit: true,
  protocol: 2,
  deadline: FOREVER,
  ...more,
});

const write = (more: Partial<JournalMarkers> = {}, by = process) => world.run(writeMarkers(by.journals, markers(more)));

const isMarkers = (entry: Entry) => entry.kind === 'markers';
const written = () =>
  world
    .entries()
    .filter(isMarkers)
    .map(({ batches }) => batches.map(({ partition }) => partition));

const stableOf = (partition = 0) => lastStableOffset(open.journal.view.partitions.get(partition)!);

describe('the markers of a transaction', () => {
  it('end it in all listed partitions by one entry, also where it has no batch', async () => {
    await transact(0);
    await transact(2);
    expect(await write({ partitions: [0, 1, 2] })).toBe('written');
    expect(written()).toEqual([[0, 1, 2]]);
    const [entry] = world.entries().filter(isMarkers);
    expect(entry).toMatchObject({ producerId: PRODUCER, producerEpoch: 4, commit: true });
    expect(entry!.batches.map(({ baseOffset }) => baseOffset)).toEqual([1, 0, 1]);
    expect([0, 1, 2].map(stableOf)).toEqual([2, 1, 2]);
  });

  it('keep out a batch of the transaction that arrives later', async () => {
    await transact(0);
    await write({ partitions: [0, 1] });
    for (const partition of [0, 1]) {
      const late = { partition, producerId: PRODUCER, producerEpoch: 3, baseSequence: 1, transactional: true };
      const result = await world.run(
        open.writer.append({ ...batch('late'), ...late, joinTransaction: async () => undefined }, FOREVER),
      );
      expect(result).toMatchObject({ kind: 'rejected', error: 'INVALID_PRODUCER_EPOCH' });
    }
  });

  it('are not repeated in version 2, by whichever process', async () => {
    await transact(0);
    await write();
    expect(await write()).toBe('written');
    expect(await write({}, world.process())).toBe('written');
    expect(written()).toEqual([[0]]);
  });

  it('are repeated in version 1, whose view cannot tell them from those of an earlier transaction', async () => {
    await transact(0);
    const first = { protocol: 1, producerEpoch: 3 } as const;
    await write(first);
    expect(await write(first)).toBe('written');
    expect(written()).toEqual([[0], [0]]);
  });

  it('are left out where a newer epoch has been: theirs came before', async () => {
    await transact(0, { producerEpoch: 9 });
    await transact(1);
    expect(await write({ partitions: [0, 1] })).toBe('written');
    expect(written()).toEqual([[1]]);
    expect(stableOf(0)).toBe(0);
  });

  it('are several entries for very many partitions', async () => {
    const partitions = Array.from({ length: 4_500 }, (_, partition) => partition);
    expect(await write({ partitions })).toBe('written');
    expect(written().map((some) => some.length)).toEqual([2_000, 2_000, 500]);
    expect(written().flat()).toEqual(partitions);
  });

  it('are made from the newest view after a lost race', async () => {
    await transact(0);
    const other = world.process();
    expect(await write({}, other)).toBe('written');
    // The view of this process does not have them yet.
    expect(open.journal.view.partitions.get(0)!.openTransactions.size).toBe(1);
    expect(await write()).toBe('written');
    expect(written()).toEqual([[0]]);
  });

  it('ask before each put whether the transaction is still prepared', async () => {
    await transact(0);
    let isPrepared = true;
    const asked: number[] = [];
    const ask = async () => {
      asked.push(process.count('journal.put'));
      return isPrepared;
    };
    expect(await write({ isPrepared: ask })).toBe('written');
    expect(asked).toHaveLength(1);
    isPrepared = false;
    await transact(1);
    expect(await write({ partitions: [1], isPrepared: ask })).toBe('over');
    expect(written()).toEqual([[0]]);
  });

  it('are known by their nonce when the answer was lost', async () => {
    await transact(0);
    process.faults = first(1, 'journal.put', { loseAnswer: true });
    expect(await write()).toBe('written');
    expect(written()).toEqual([[0]]);
  });

  it('that could not be written by their deadline are not', async () => {
    await transact(0);
    process.faults = ({ store, operation }) =>
      store === 'journal' && operation === 'put' ? { refuse: 'throttled' } : undefined;
    expect(await write({ deadline: world.clock.monotonic() + 2_000 })).toBe('timedOut');
    expect(written()).toEqual([]);
  });

  it('are for journals that are there and not closed', async () => {
    expect(await write({ journal: 'nowhere/0' })).toBe('gone');
    await world.run(open.writer.appendEntry((_, time) => ({ kind: 'close', time }), FOREVER));
    expect(await write()).toBe('gone');
    expect(markersEntry(open.journal.view, markers(), T0)).toBeUndefined();
  });
});
