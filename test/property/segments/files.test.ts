import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BATCH_OVERHEAD_BYTES, BatchField, splitBatches } from '../../../lib/records/batch.ts';
import { CorruptFileError } from '../../../lib/segments/files/corrupt-file.ts';
import { segmentFileName } from '../../../lib/segments/files/file-names.ts';
import { SegmentFileWriter } from '../../../lib/segments/files/file-writer.ts';
import { encodeLeaderEpochs, parseLeaderEpochs } from '../../../lib/segments/files/leader-epoch-checkpoint.ts';
import { filesOfPart } from '../../../lib/segments/files/part-files.ts';
import { buildSegmentSet, type PartContent } from '../../../lib/segments/format/segment-set.ts';
import { runs } from '../../support/runs.ts';
import { MemoryFolder, readAll } from '../../unit/segments/files/memory-folder.ts';
import { bytesOf, KEY } from '../../unit/segments/format/contents.ts';
import { content, indexIntervalBytes } from './logs.ts';

async function written(log: PartContent, indexInterval: number, segmentBytes: number): Promise<MemoryFolder> {
  const folder = new MemoryFolder();
  const writer = new SegmentFileWriter(folder, log.baseOffset, { indexIntervalBytes: indexInterval, segmentBytes });
  await writer.append(log.batches.flatMap((bytes) => splitBatches(bytes)));
  await writer.finish();
  return folder;
}

describe("Kafka's files", () => {
  it('of a log give a segment set from which the same files follow', async () => {
    const segmentBytes = fc.constantFrom(1, 500, 1_000_000);
    await fc.assert(
      fc.asyncProperty(content, indexIntervalBytes, segmentBytes, async (log, interval, size) => {
        const folder = await written(log, interval, size);
        const { contents } = await readAll(folder);
        expect(contents.flatMap(({ aborted }) => aborted)).toEqual(log.aborted);
        expect(contents[0]!.baseOffset).toBe(log.baseOffset);
        expect(contents.slice(1).map((one) => one.baseOffset)).toEqual(
          contents.slice(0, -1).map((one) => one.nextOffset),
        );
        const covering = contents.filter(({ baseOffset, nextOffset }) => nextOffset > baseOffset);
        const set = buildSegmentSet(covering, { key: KEY, indexIntervalBytes: interval });
        const object = bytesOf(set);
        const bytesAt = ({ start, length }: { start: number; length: number }) =>
          object.subarray(start, start + length);
        const again = new Map<string, Buffer>();
        for (const part of set.parts) {
          const files = filesOfPart(KEY, part, bytesAt(part.index));
          again.set(files.log, bytesAt(part.log));
          for (const { name, bytes } of files.indexes) again.set(name, bytes);
        }
        if (covering.length === contents.length) expect(again).toEqual(folder.files);
      }),
      { numRuns: runs(100) },
    );
  });

  it('are refused where a byte that a checksum covers was changed, with the position of its batch', async () => {
    await fc.assert(
      fc.asyncProperty(content, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), async (log, which, where, by) => {
        fc.pre(log.batches.length > 0);
        const folder = await written(log, 4096, 1_000_000);
        const name = segmentFileName(log.baseOffset, 'log');
        const file = Buffer.from(folder.files.get(name)!);
        const index = which % log.batches.length;
        const start = log.batches.slice(0, index).reduce((sum, { length }) => sum + length, 0);
        const covered = log.batches[index]!.length - BatchField.magic;
        file[start + BatchField.magic + (where % covered)]! ^= by;
        folder.put(name, file);
        await expect(readAll(folder)).rejects.toMatchObject({ name: 'CorruptFileError', file: name, position: start });
      }),
      { numRuns: runs(200) },
    );
  });

  it('are read, or refused with the documented error, whatever is in them', async () => {
    const change = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(content, change, fc.nat(), async (log, changes, cut) => {
        const folder = await written(log, 4096, 1_000);
        const name = segmentFileName(log.baseOffset, 'log');
        const file = Buffer.from(folder.files.get(name)!);
        if (file.length < BATCH_OVERHEAD_BYTES) return;
        for (const [at, value] of changes) file[at % BATCH_OVERHEAD_BYTES] = value;
        folder.put(name, file.subarray(0, cut % (file.length + 1)));
        await readAll(folder).catch((error) => expect(error).toBeInstanceOf(CorruptFileError));
      }),
      { numRuns: runs(300) },
    );
  });

  it('of leader epochs are read as they were written, and garbage is refused with the documented error', () => {
    const starts = fc.uniqueArray(fc.tuple(fc.nat(), fc.maxSafeNat()), { maxLength: 10, selector: ([epoch]) => epoch });
    fc.assert(
      fc.property(starts, fc.string(), (pairs, garbage) => {
        const offsets = [...new Set(pairs.map(([, offset]) => offset))].sort((a, b) => a - b);
        const numbers = pairs.map(([epoch]) => epoch).sort((a, b) => a - b);
        const epochs = offsets.map((startOffset, index) => ({ epoch: numbers[index]!, startOffset }));
        const text = encodeLeaderEpochs(epochs);
        expect(parseLeaderEpochs('f', text)).toEqual(epochs);
        try {
          parseLeaderEpochs('f', text.slice(0, -2) + garbage);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptFileError);
        }
      }),
      { numRuns: runs(300) },
    );
  });
});
