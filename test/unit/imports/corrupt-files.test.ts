import { describe, expect, it } from 'vitest';
import { BatchField } from '../../../lib/records/batch.ts';
import { CorruptFileError } from '../../../lib/segments/files/corrupt-file.ts';
import { createWorld, type World } from '../journal/world.ts';
import type { MemoryFolder } from '../segments/files/memory-folder.ts';
import { contentOf } from '../segments/format/contents.ts';
import { type FolderOptions, folderOf, importing, STEPS, sourcesOf, topicIn } from './world.ts';

const LAST = '00000000000000000013.log';

/** What the store has beside the journal that the world begins with. */
const written = (world: World) => {
  const { state, journal, blobs } = world.stores.contents();
  return { state: state.length, journal: journal.length, blobs: [...blobs].length };
};

async function refused(damage: (folder: MemoryFolder) => void, logStart?: number): Promise<CorruptFileError> {
  const world = await createWorld();
  const before = written(world);
  const folder = await folderOf(STEPS);
  damage(folder);
  const sources = sourcesOf([await folderOf(STEPS), folder], logStart);
  const error = await world.run(importing(world.process(), sources).catch((problem: unknown) => problem));
  expect(error).toBeInstanceOf(CorruptFileError);
  // Nothing is begun before all files were checked.
  expect(written(world)).toEqual(before);
  expect(topicIn(world)).toBeUndefined();
  return error as CorruptFileError;
}

const changed = (name: string, change: (bytes: Buffer) => unknown) => (folder: MemoryFolder) => {
  const bytes = Buffer.from(folder.files.get(name)!);
  const result = change(bytes);
  folder.put(name, Buffer.isBuffer(result) ? result : bytes);
};

describe('an import of files of which one is corrupt', () => {
  it.each([
    ['a wrong checksum', changed(LAST, (bytes) => bytes.writeUInt8(bytes.at(-1)! ^ 1, bytes.length - 1)), 78, 'CRC'],
    ['a batch that is cut off', changed(LAST, (bytes) => bytes.subarray(0, -1)), 78, 'are left'],
    ['a header that is cut off', changed(LAST, (bytes) => bytes.subarray(0, 20)), 0, 'cut off'],
    ['an old format', changed(LAST, (bytes) => bytes.writeInt8(1, BatchField.magic)), 0, 'magic 1'],
    ['an impossible length', changed(LAST, (bytes) => bytes.writeInt32BE(3, BatchField.length)), 0, 'claims 15 bytes'],
    [
      'offsets that go back',
      changed(LAST, (bytes) => bytes.writeBigInt64BE(3n, BatchField.baseOffset)),
      0,
      'expected 13',
    ],
    [
      'an epoch that goes back',
      changed(LAST, (bytes) => bytes.writeInt32BE(1, BatchField.partitionLeaderEpoch)),
      0,
      'leader epoch 1, behind one of epoch 2',
    ],
    ['a file twice', changed(LAST, (bytes) => Buffer.concat([bytes, bytes])), 162, 'expected 15'],
  ])('names it and the position: %s', async (_, damage, position, reason) => {
    expect(await refused(damage)).toMatchObject({
      file: `orders-1/${LAST}`,
      position,
      reason: expect.stringContaining(reason),
    });
  });

  it('names a file that reaches into the next one', async () => {
    const overlapping = (folder: MemoryFolder) => {
      folder.put('00000000000000000001.log', contentOf(STEPS.slice(0, 1), 0, 1).batches[0]!);
    };
    expect(await refused(overlapping)).toMatchObject({ file: 'orders-1/00000000000000000000.log', position: 0 });
  });

  it('names what else cannot be right in a folder', async () => {
    expect(await refused((folder) => folder.files.clear())).toMatchObject({ file: 'orders-1' });
    const epochs = (text: string) => (folder: MemoryFolder) => folder.put('leader-epoch-checkpoint', text);
    expect(await refused(epochs('0\n2\n1 0\n0 5\n'))).toMatchObject({
      file: 'orders-1/leader-epoch-checkpoint',
      position: 8,
    });
    expect((await refused(epochs('0\n1\n7 0\n'))).message).toContain('where leader-epoch-checkpoint has epoch 7');
    expect(await refused((folder) => folder.put('0.swap', ''))).toMatchObject({ file: 'orders-1/0.swap' });
    expect((await refused(() => {}, 99)).message).toContain('before the log start 99');
  });

  describe('a .log file that is missing', () => {
    const SECOND = '00000000000000000003.log';
    const without = (name: string, ...kinds: readonly string[]) => {
      return (folder: MemoryFolder) => {
        for (const kind of kinds) folder.files.delete(name.replace('log', kind));
      };
    };
    const gapsWithout = async (damage: (folder: MemoryFolder) => void, logStart?: number, options?: FolderOptions) => {
      const world = await createWorld();
      const folder = await folderOf(STEPS, options);
      damage(folder);
      const outcome = await world.run(importing(world.process(), sourcesOf([folder], logStart)));
      expect(outcome).toMatchObject({ kind: 'imported' });
      return outcome.kind === 'imported' ? outcome.gaps : [];
    };

    it('is refused if its index is there, in the middle and at the end', async () => {
      for (const name of [SECOND, LAST]) {
        const error = await refused(without(name, 'log'));
        expect(error).toMatchObject({ file: `orders-1/${name.replace('log', 'index')}`, position: 0 });
        expect(error.reason).toContain(`${name} is missing`);
      }
    });

    it('is told as a gap if its indexes are missing too, and so is what compaction leaves', async () => {
      const removed = without(SECOND, 'log', 'index', 'timeindex', 'txnindex');
      expect(await gapsWithout(removed)).toEqual([
        { file: 'orders-0/00000000000000000010.log', firstOffset: 3, lastOffset: 9 },
      ]);
      // Each batch has a file of its own, and the steps leave out five offsets.
      const compacted = await gapsWithout(() => {}, undefined, { segmentBytes: 1 });
      expect(compacted).toEqual([{ file: 'orders-0/00000000000000000009.log', firstOffset: 4, lastOffset: 8 }]);
      expect(await gapsWithout(() => {})).toEqual([]);
    });

    it('is told as a gap at the beginning, unless the log starts behind it', async () => {
      const first = '00000000000000000000.log';
      const gap = { file: `orders-0/${SECOND}`, firstOffset: 0, lastOffset: 2 };
      expect(await gapsWithout(without(first, 'log'))).toEqual([gap]);
      expect(await gapsWithout(without(first, 'log'), 2)).toEqual([{ ...gap, firstOffset: 2 }]);
      expect(await gapsWithout(without(first, 'log'), 3)).toEqual([]);
      expect(await gapsWithout(without(first, 'log', 'index', 'timeindex'))).toEqual([]);
    });
  });

  it('leaves out a batch that is cut off at the end if asked to, and says where', async () => {
    for (const bytes of [1, 40, 77]) {
      const world = await createWorld();
      const folder = await folderOf(STEPS);
      changed(LAST, (whole) => whole.subarray(0, bytes))(folder);
      const outcome = await world.run(importing(world.process(), sourcesOf([folder]), { truncatesTail: true }));
      expect(outcome).toMatchObject({ kind: 'imported', cutOff: [{ file: `orders-0/${LAST}`, position: 0, bytes }] });
    }
    const inTheMiddle = changed('00000000000000000003.log', (bytes) => bytes.subarray(0, -1));
    const world = await createWorld();
    const folder = await folderOf(STEPS);
    inTheMiddle(folder);
    await expect(
      world.run(importing(world.process(), sourcesOf([folder]), { truncatesTail: true })),
    ).rejects.toMatchObject({ file: 'orders-0/00000000000000000003.log' });
  });

  it('gives up what it has stored if the files change after they were checked', async () => {
    const world = await createWorld();
    const folder = await folderOf(STEPS);
    const process = world.process();
    process.faults = ({ operation, store }) => {
      // The first object: all files have been read once.
      if (store === 'blobs' && operation === 'put') changed(LAST, (bytes) => bytes.writeUInt8(0, 70))(folder);
      return undefined;
    };
    const work = world.run(importing(process, sourcesOf([folder])).catch((problem: unknown) => problem));
    expect(await work).toBeInstanceOf(CorruptFileError);
    expect(topicIn(world)).toBeUndefined();
    const again = await world.run(importing(world.process(), sourcesOf([await folderOf(STEPS)])));
    expect(again).toMatchObject({ kind: 'imported', isResumed: false });
  });
});
