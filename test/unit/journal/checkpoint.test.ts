import { beforeEach, describe, expect, it } from 'vitest';
import { decodeView, encodeView } from '../../../lib/journal/checkpoint-codec.ts';
import { loadCheckpoint } from '../../../lib/journal/load-checkpoint.ts';
import { BLOCK_ENTRIES, emptyPartition, emptyView, type JournalView } from '../../../lib/journal/view.ts';
import { CHECKPOINT_SK, checkpointPk, decodeCheckpointItem } from '../../../lib/storage/items/checkpoint.ts';
import { entryPk } from '../../../lib/storage/items/journal-entry.ts';
import { part } from './entries.ts';
import {
  batch,
  createWorld,
  FOREVER,
  first,
  HOUR,
  JOURNAL,
  MINUTE,
  type Process,
  sequenced,
  type World,
} from './world.ts';

let world: World;
let process: Process;

beforeEach(async () => {
  world = await createWorld();
  process = world.process();
});

const stored = () => world.stores.contents().state.find(({ pk }) => pk === checkpointPk(JOURNAL));
const storedKind = () => decodeCheckpointItem(stored()!.body).kind;
const objects = () => [...world.stores.contents().blobs.keys()];

/** Appends one entry after the other; with `producers`, each from a producer of its own, which makes the view large. */
async function fill(by: Process, entries: number, producers = false): Promise<void> {
  const { writer: queue, journal } = await by.open();
  for (let index = 0; index < entries; index++) {
    const producerId = 1_000 + journal.view.seq;
    await world.run(queue.append(producers ? sequenced('x', 0, { producerId }) : batch('x'), FOREVER));
  }
  await world.clock.advance(1);
}

async function write(by: Process): Promise<void> {
  const { checkpointer, journal } = await by.open();
  await world.run(journal.catchUp(true));
  await world.run(checkpointer.write());
}

describe('a checkpoint', () => {
  it('is written when a block closes, and by nothing else', async () => {
    await fill(process, BLOCK_ENTRIES - 2);
    expect(stored()).toBeUndefined();
    await fill(process, 1);
    expect(stored()?.version).toBe(BLOCK_ENTRIES - 1);
    await fill(process, 1);
    expect(stored()?.version).toBe(BLOCK_ENTRIES - 1);
    expect(process.count('state.put')).toBe(1);
  });

  it('is as good as the entries that it stands for', async () => {
    await fill(process, BLOCK_ENTRIES + 10);
    const cold = world.process();
    const { journal } = await cold.open();
    expect(encodeView(journal.view)).toEqual(encodeView((await process.open()).journal.view));
    const [query] = cold.calls.filter(({ operation }) => operation === 'query');
    expect(Number(query!.sortKey)).toBe(BLOCK_ENTRIES);
  });

  it('comes at most once a second', async () => {
    await fill(process, BLOCK_ENTRIES * 3);
    expect(process.count('state.put')).toBe(1);
    await world.clock.advance(1_000);
    await fill(process, BLOCK_ENTRIES);
    expect(process.count('state.put')).toBe(2);
    expect(stored()?.version).toBe(BLOCK_ENTRIES * 4 - 1);
  });

  it('is an object above 8 KB, which the item names', async () => {
    await fill(process, 100, true);
    await write(process);
    expect(storedKind()).toBe('inline');
    await fill(process, 300, true);
    await write(process);
    expect(storedKind()).toBe('blob');
    expect(objects().at(-1)).toMatch(/^checkpoint\/topic\/0\/400-/);
    const view = await loadCheckpoint(world.process().env, JOURNAL);
    expect(encodeView(view!)).toEqual(encodeView((await process.open()).journal.view));
  });

  it('only goes up, whoever writes it', async () => {
    const slow = world.process();
    await fill(process, 3);
    await write(slow);
    expect(stored()?.version).toBe(3);
    await fill(process, 2);
    await write(process);
    expect(stored()?.version).toBe(5);
    // The slow one did not hear of the entries since.
    const { checkpointer } = await slow.open();
    await checkpointer.write();
    expect(stored()?.version).toBe(5);
    await write(slow);
    expect(stored()?.version).toBe(5);
    await fill(process, 1);
    await write(slow);
    expect(stored()?.version).toBe(6);
  });

  it.each([
    ['refused', { refuse: 'throttled' } as const, undefined],
    ['unanswered', { loseAnswer: true }, 3],
  ])('that was %s is no harm', async (_, fault, version) => {
    process.faults = first(1, 'state.put', fault);
    await fill(process, 3);
    await write(process);
    expect(process.lines).toMatchObject([{ event: 'checkpoint_failed' }]);
    expect(stored()?.version).toBe(version);
    await fill(process, 1);
    await write(process);
    expect(stored()?.version).toBe(4);
  });

  it('that cannot be made is logged, and thrown at nobody', async () => {
    await fill(process, 2);
    const { checkpointer, journal } = await process.open();
    const { time } = journal.view;
    journal.view.time = Number.NaN;
    await checkpointer.write();
    journal.view.time = time;
    expect(process.lines).toMatchObject([{ event: 'checkpoint_failed' }]);
  });

  it('is not written by its item when the object is too old to be named', async () => {
    await fill(process, 400, true);
    process.faults = first(1, 'blobs.put', { delayAfterMs: 11 * MINUTE });
    await write(process);
    const { modified } = world.stores.contents().blobs.get(objects()[0]!)!;
    expect(world.clock.now() - modified).toBe(11 * MINUTE);
    expect(storedKind()).toBe('inline');
    await write(process);
    expect(storedKind()).toBe('blob');
  });
});

describe('an object of a checkpoint', () => {
  it('is deleted an hour after another took its place, not sooner', async () => {
    await fill(process, 400, true);
    await write(process);
    const [old] = objects();
    await fill(process, 1);
    await write(process);
    expect(objects()).toHaveLength(2);
    await world.clock.advance(HOUR - MINUTE);
    await fill(process, 1);
    await write(process);
    expect(objects()).toContain(old);
    await world.clock.advance(2 * MINUTE);
    await fill(process, 1);
    await write(process);
    expect(objects()).not.toContain(old);
    expect(objects()).toHaveLength(3);
  });

  it('is deleted also when nobody heard that its item was replaced', async () => {
    await fill(process, 400, true);
    await write(process);
    const [old] = objects();
    await fill(process, 1);
    process.faults = first(1, 'state.put', { loseAnswer: true });
    await write(process);
    await fill(process, 1);
    await write(process);
    await world.clock.advance(HOUR + MINUTE);
    await fill(process, 1);
    await write(process);
    expect(objects()).not.toContain(old);
    // The one that is named, and the one before it, which has an hour left.
    expect(objects()).toHaveLength(2);
  });

  it('that is gone makes the item be read again', async () => {
    await fill(process, 400, true);
    await write(process);
    const [old] = objects();
    await fill(process, 5);
    const reader = world.process();
    const { get } = reader.stores.blobs;
    // Between the item and its object a newer checkpoint came and the old object was collected.
    reader.stores.blobs.get = async (key) => {
      if (key === old) {
        await write(process);
        await world.stores.blobs.delete(old);
      }
      return get(key);
    };
    expect((await loadCheckpoint(reader.env, JOURNAL))?.seq).toBe(405);
    expect(reader.count('state.get')).toBe(2);
  });

  it('that is gone for good is no checkpoint: the entries are read instead', async () => {
    await fill(process, 400, true);
    await write(process);
    await world.stores.blobs.delete(objects()[0]!);
    const { journal } = await world.process().open();
    expect(journal.view.seq).toBe(400);
  });
});

describe('entries that were deleted', () => {
  const remove = async (from: number, to: number) => {
    const items = world.stores.contents().journal.filter(({ pk }) => pk === entryPk(JOURNAL));
    for (const { pk, sk, version } of items.slice(from, to)) await world.stores.journal.delete(pk, sk, version);
  };

  it('are replaced by the checkpoint for whoever lags behind them', async () => {
    const behind = world.process();
    const { journal } = await behind.open();
    await fill(process, 10);
    await write(process);
    await fill(process, 2);
    await remove(0, 9);
    let woken = 0;
    journal.onAdvance(() => {
      woken += 1;
    });
    await journal.catchUp(false);
    expect(journal.view.seq).toBe(12);
    expect(encodeView(journal.view)).toEqual(encodeView((await process.open()).journal.view));
    expect(woken).toBeGreaterThan(0);
  });

  it('and no checkpoint reaches are a broken chain, not an end', async () => {
    const { journal } = await world.process().open();
    await fill(process, 10);
    await remove(3, 5);
    await expect(journal.catchUp(true)).rejects.toThrow('gap after slot 2');
    expect(journal.view.seq).toBe(2);
  });

  it('leave the outcome of a put untold that was not heard of since', async () => {
    const writer = world.process();
    const { writer: queue } = await writer.open();
    writer.faults = first(1, 'journal.put', { loseAnswer: true });
    const lost = queue.append(batch('mine'), FOREVER);
    await world.clock.advance(0);
    await fill(process, 10);
    await write(process);
    await remove(0, 9);
    await (await writer.open()).journal.catchUp(true);
    expect(await world.run(lost)).toMatchObject({ kind: 'rejected', error: 'REQUEST_TIMED_OUT' });
    expect(await world.run(queue.append(batch('next'), FOREVER))).toMatchObject({ kind: 'appended', baseOffset: 11 });
  });
});

it('has its own key in the state table', () => {
  expect([checkpointPk(JOURNAL), CHECKPOINT_SK]).toEqual(['checkpoint/topic/0', 'checkpoint']);
});

describe('the bytes of a view', () => {
  const batches = [{ baseSequence: 2, lastSequence: 3, baseOffset: 298, timestamp: 950 }];
  const unsealed: JournalView = {
    ...emptyView(JOURNAL),
    seq: 8,
    time: 1_000,
    leaderEpoch: 2,
    leader: 3,
    closed: true,
    blockEntries: 4,
    blockBytes: 300,
    blockRows: 1,
  };
  unsealed.partitions.set(1, {
    ...emptyPartition(1),
    logStartOffset: 5,
    nextOffset: 300,
    maxTimestamp: 990,
    maxTimestampOffset: 290,
    epochs: [{ epoch: 0, startOffset: 0 }],
    producers: new Map([[7, { epoch: 1, lastTime: 999, transactionStart: 298, batches }]]),
    openTransactions: new Map([[7, 298]]),
    aborted: [{ producerId: 6, firstOffset: 10, lastOffset: 12, lastStableOffset: 11 }],
    blocks: [{ baseOffset: 5, maxTimestamp: 980, seq: 1 }],
    recent: [
      { baseOffset: 290, maxTimestamp: 990, seq: 6 },
      { baseOffset: 298, maxTimestamp: 950, seq: 8 },
    ],
  });
  const sealed: JournalView = {
    ...unsealed,
    sealedSeq: 5,
    sealedTime: 900,
    trimmableSeq: 2,
    trimmableTime: 800,
    hotSince: 901,
    hotBytes: 128,
    lastSeal: {
      seq: 7,
      fromSeq: 3,
      toSeq: 5,
      time: 999,
      key: 'k',
      parts: [part({ partition: 1, baseOffset: 200, nextOffset: 290, maxTimestamp: 64 })],
    },
    partitions: new Map([
      [
        1,
        {
          ...unsealed.partitions.get(1)!,
          sealedOffset: 290,
          entriesOffset: 200,
          segmentsFrom: 4,
          segments: 2,
          sealedBytes: 1_024,
          hotBytes: 128,
          replacedSeq: 6,
        },
      ],
    ]),
  };
  const head = ['09', 'e807', '02', '03', '01', '04', 'ac02', '01'];
  const partition = [
    ...['01', '05', 'ac02', 'bc0f', 'c404', '010000'],
    ...['01', '07', '02e707d404', '010406aa02ec0e', '0107aa02', '01060a02'],
    ...['0105a80f01', '02a202bc0f0608ec0e02'],
  ];
  const seal = ['01', '070305e707016b', '01', '01c8015a8001', '9003', '02800482040c080497aee7de0e'];
  const hex: readonly (readonly [what: string, view: JournalView, hex: string])[] = [
    [
      'nothing is sealed',
      unsealed,
      ['02', ...head, '0000000000', '00', '01', ...partition, '0000000000000002'].join(''),
    ],
    [
      'entries are sealed',
      sealed,
      ['02', ...head, '06', '8407', '03', 'a006', '8607', ...seal, '01', ...partition, 'a202c8010402800880010702'].join(
        '',
      ),
    ],
  ];

  it.each(hex)('are what they have always been where %s', (_, view, bytes) => {
    expect(encodeView(view).toString('hex')).toBe(bytes);
    expect(decodeView(JOURNAL, Buffer.from(bytes, 'hex'))).toEqual(view);
  });

  it('of format 1 are read: its batches do not count as hot', () => {
    const expected = structuredClone(unsealed);
    const partitionView = expected.partitions.get(1)!;
    // Format 1 does not have the last stable offsets. With 0 a search for aborted ranges goes on.
    partitionView.aborted = partitionView.aborted.map((range) => ({ ...range, lastStableOffset: 0 }));
    expect(decodeView(JOURNAL, Buffer.from(['01', ...head, '01', ...partition].join(''), 'hex'))).toEqual(expected);
    expect(decodeView(JOURNAL, Buffer.from('01000000000000000000', 'hex'))).toEqual(emptyView(JOURNAL));
  });

  it('of a journal of which nothing was read are few', () => {
    expect(encodeView(emptyView(JOURNAL)).toString('hex')).toBe('02000000000000000000000000000000');
  });
});
