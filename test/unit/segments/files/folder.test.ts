import { describe, expect, it } from 'vitest';
import { splitBatches } from '../../../../lib/records/batch.ts';
import { encodeBatch } from '../../../../lib/records/encode.ts';
import { CorruptFileError } from '../../../../lib/segments/files/corrupt-file.ts';
import { segmentFileName } from '../../../../lib/segments/files/file-names.ts';
import { type FileWriterOptions, SegmentFileWriter } from '../../../../lib/segments/files/file-writer.ts';
import { filesOfPart } from '../../../../lib/segments/files/part-files.ts';
import type { PartContent } from '../../../../lib/segments/format/segment-set.ts';
import { builtOf, contentOf, KEY, type Step } from '../format/contents.ts';
import { MemoryFolder, readAll } from './memory-folder.ts';

const data = (timestamp: number, valueBytes = 50, producer?: number): Step => ({
  kind: 'data',
  timestamps: [timestamp, timestamp + 1],
  valueBytes,
  ...(producer !== undefined && { producer }),
});
const abort = (producer: number): Step => ({ kind: 'marker', producer, type: 'abort', timestamp: 9 });
const log = contentOf([data(1, 50, 1), data(2), data(3, 50, 2), abort(1), data(5), abort(2), data(6)], 0, 100);

async function written({ baseOffset, batches }: PartContent, options: FileWriterOptions = {}): Promise<MemoryFolder> {
  const folder = new MemoryFolder();
  const writer = new SegmentFileWriter(folder, baseOffset, options);
  await writer.append(batches.flatMap((bytes) => splitBatches(bytes)));
  await writer.finish();
  return folder;
}

async function failure(folder: MemoryFolder): Promise<CorruptFileError> {
  const error = await readAll(folder).catch((caught) => caught);
  expect(error).toBeInstanceOf(CorruptFileError);
  expect(error.message).toBe(`file ${error.file}, byte ${error.position}: ${error.reason}`);
  return error;
}

/** Whether the folder's only log has the batches; comparing long buffers by `toEqual` takes minutes. */
async function readsAs(folder: MemoryFolder, { batches }: PartContent): Promise<boolean> {
  const [found] = (await readAll(folder)).contents;
  return (
    found!.batches.length === batches.length && found!.batches.every((batch, index) => batch.equals(batches[index]!))
  );
}

const FIRST = segmentFileName(100, 'log');

describe('the files of a log', () => {
  it('are those of a part with the same batches, byte for byte', async () => {
    const { object, part, log: bytes } = builtOf(log, { indexIntervalBytes: 100 });
    const { start, length } = part.index;
    const { log: name, indexes } = filesOfPart(KEY, part, object.subarray(start, start + length));
    const files = new Map([[name, bytes], ...indexes.map((file): [string, Buffer] => [file.name, file.bytes])]);
    expect((await written(log, { indexIntervalBytes: 100 })).files).toEqual(files);
    expect([...files.keys()]).toEqual(
      ['log', 'index', 'timeindex', 'txnindex'].map((kind) => `${FIRST.slice(0, -3)}${kind}`),
    );
  });

  it('have no transaction index without aborted transactions, and exist for an empty log', async () => {
    const { files } = await written(contentOf([], 0, 7));
    expect([...files].map(([name, bytes]) => [name, bytes.length])).toEqual([
      ['00000000000000000007.log', 0],
      ['00000000000000000007.index', 0],
      ['00000000000000000007.timeindex', 0],
    ]);
  });

  it('are read back with the transactions that end in each', async () => {
    const folder = await written(log, { segmentBytes: 400 });
    const { logs, contents } = await readAll(folder);
    expect(logs.length).toBeGreaterThan(2);
    expect(Buffer.concat(contents.flatMap(({ batches }) => batches))).toEqual(Buffer.concat(log.batches));
    expect(contents.flatMap(({ aborted }) => aborted)).toEqual(log.aborted);
    for (const { aborted, baseOffset, nextOffset } of contents) {
      expect(aborted.every(({ lastOffset }) => lastOffset >= baseOffset && lastOffset < nextOffset)).toBe(true);
    }
    expect(contents.at(-1)!.nextOffset).toBe(log.nextOffset);
  });

  it('begin anew where an offset does not fit into the indexes', async () => {
    const far = encodeBatch([{ timestamp: 1 }], { baseOffset: 2 ** 31 + 100 });
    const { files } = await written({ ...log, batches: [...log.batches, far] });
    expect([...files.keys()].filter((name) => name.endsWith('.log'))).toEqual([
      FIRST,
      segmentFileName(2 ** 31 + 100, 'log'),
    ]);
  });

  it('are read a piece at a time, and a large batch whole', async () => {
    const small = contentOf(Array.from({ length: 50 }, (_, index) => data(index, 30_000)));
    const folder = await written(small);
    expect(await readsAs(folder, small)).toBe(true);
    expect(folder.largestRead).toBe(1024 * 1024);
    const large = contentOf([data(1), data(2, 1_500_000), data(3)]);
    const other = await written(large);
    expect(await readsAs(other, large)).toBe(true);
    expect(other.largestRead).toBeLessThan(3_100_000);
  });
});

describe('a partition folder', () => {
  it('has its topic and its leader epochs in text files, and others that do not matter', async () => {
    const folder = await written(log);
    folder.put('partition.metadata', 'version: 0\ntopic_id: JbZT3yWWTMKRbgxR3RpLyA');
    folder.put('leader-epoch-checkpoint', '0\n1\n4 100\n');
    folder.put(segmentFileName(100, 'index'), 'garbage');
    folder.put('00000000000000000100.snapshot', 'garbage');
    folder.put('00000000000000000050.log.deleted', 'garbage');
    const { topicId, epochs, logs, contents } = await readAll(folder);
    expect({ topicId, epochs }).toEqual({
      topicId: 'JbZT3yWWTMKRbgxR3RpLyA',
      epochs: [{ epoch: 4, startOffset: 100 }],
    });
    expect(logs.map(({ name }) => name)).toEqual([FIRST]);
    expect(contents[0]!.batches).toEqual(log.batches);
  });

  it('without text files has neither', async () => {
    const { topicId, epochs } = await readAll(await written(log));
    expect({ topicId, epochs }).toEqual({ topicId: undefined, epochs: [] });
  });

  it('in which Kafka was replacing segments is refused', async () => {
    const folder = await written(log);
    folder.put('00000000000000000100.log.swap', '');
    expect(await failure(folder)).toMatchObject({ file: '00000000000000000100.log.swap', position: 0 });
  });

  it('with an absurd text file is refused without reading it', async () => {
    const folder = await written(log);
    folder.put('leader-epoch-checkpoint', Buffer.alloc(2 * 1024 * 1024));
    expect(await failure(folder)).toMatchObject({ file: 'leader-epoch-checkpoint' });
    expect(folder.largestRead).toBeLessThan(2 * 1024 * 1024);
  });
});

describe('a damaged log file', () => {
  const size = log.batches[0]!.length;
  const damaged = async (
    change: (file: Buffer) => Buffer | undefined,
    name = FIRST,
    options: FileWriterOptions = {},
  ) => {
    const folder = await written(log, options);
    const copy = Buffer.from(folder.files.get(name)!);
    folder.put(name, change(copy) ?? copy);
    return failure(folder);
  };

  it('is refused where it is cut off, at the batch that is not whole', async () => {
    for (const length of [size + 1, size + 60, size + 61, 2 * size - 1]) {
      expect(await damaged((file) => file.subarray(0, length))).toMatchObject({ file: FIRST, position: size });
    }
  });

  it('is refused at the batch whose checksum is wrong', async () => {
    for (const at of [size + 17, size + 21, size + 61, 2 * size - 1]) {
      const error = await damaged((file) => {
        file[at]! ^= 1;
        return undefined;
      });
      expect(error).toMatchObject({ file: FIRST, position: size, reason: expect.stringContaining('CRC') });
    }
  });

  it('is refused where zeros or old formats follow', async () => {
    const total = Buffer.concat(log.batches).length;
    expect(await damaged((file) => Buffer.concat([file, Buffer.alloc(100)]))).toMatchObject({ position: total });
    const error = await damaged((file) => {
      file[size + 16] = 1;
      return undefined;
    });
    expect(error).toMatchObject({ position: size, reason: 'batch has magic 1' });
  });

  it('is refused where offsets go back, and in a second file with its position there', async () => {
    const back = await damaged((file) => {
      file.writeBigInt64BE(101n, size);
      return undefined;
    });
    expect(back).toMatchObject({ position: size, reason: 'a batch at offset 101, expected 102 or more' });
    const second = segmentFileName(102, 'log');
    const split = { segmentBytes: size };
    const before = await damaged((file) => void file.writeBigInt64BE(101n), second, split);
    expect(before).toMatchObject({ file: second, position: 0, reason: 'a batch at offset 101, expected 102 or more' });
    const beyond = await damaged((file) => void file.writeBigInt64BE(101n), FIRST, split);
    expect(beyond).toMatchObject({
      file: FIRST,
      position: 0,
      reason: expect.stringContaining('next file begins at 102'),
    });
  });

  it('is refused where a length is absurd, without reading as much', async () => {
    const folder = await written(log);
    const copy = Buffer.from(folder.files.get(FIRST)!);
    copy.writeInt32BE(2 ** 31 - 1, size + 8);
    folder.put(FIRST, copy);
    expect(await failure(folder)).toMatchObject({ file: FIRST, position: size });
    expect(folder.largestRead).toBeLessThanOrEqual(copy.length);
  });

  it('is refused where a marker cannot be read', async () => {
    const marker = encodeBatch([{ timestamp: 1, key: Buffer.from([0]) }], {
      isControl: true,
      producerId: 1,
      baseOffset: 500,
    });
    const folder = await written(log);
    await folder.append(FIRST, marker);
    const position = Buffer.concat(log.batches).length;
    expect(await failure(folder)).toMatchObject({ file: FIRST, position, reason: 'control record has no type' });
  });
});
