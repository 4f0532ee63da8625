import { describe, expect, it } from 'vitest';
import { CorruptFileError } from '../../../../lib/segments/files/corrupt-file.ts';
import { parseSegmentFileName, segmentFileName } from '../../../../lib/segments/files/file-names.ts';
import { encodeLeaderEpochs, parseLeaderEpochs } from '../../../../lib/segments/files/leader-epoch-checkpoint.ts';
import { encodePartitionMetadata, parsePartitionMetadata } from '../../../../lib/segments/files/partition-metadata.ts';

function failure(run: () => unknown): CorruptFileError {
  try {
    run();
  } catch (error) {
    if (error instanceof CorruptFileError) return error;
    throw error;
  }
  throw new Error('it was read');
}

describe('names of files', () => {
  it('have the base offset in 20 digits', () => {
    expect(segmentFileName(42, 'log')).toBe('00000000000000000042.log');
    expect(segmentFileName(Number.MAX_SAFE_INTEGER, 'txnindex')).toBe('00009007199254740991.txnindex');
    for (const kind of ['log', 'index', 'timeindex', 'txnindex'] as const) {
      expect(parseSegmentFileName(segmentFileName(170, kind))).toEqual({ baseOffset: 170, kind });
    }
  });

  it.each([
    '42.log',
    '00000000000000000042.snapshot',
    '00000000000000000042.log.deleted',
    '00000000000000000042.log.swap',
    '99999999999999999999.log',
    'leader-epoch-checkpoint',
    '',
  ])('of other kinds are not taken for a segment: %s', (name) => {
    expect(parseSegmentFileName(name)).toBeUndefined();
  });
});

describe('leader-epoch-checkpoint', () => {
  const epochs = [
    { epoch: 0, startOffset: 0 },
    { epoch: 7, startOffset: 4096 },
  ];

  it('has the text that Kafka writes', () => {
    expect(encodeLeaderEpochs(epochs)).toBe('0\n2\n0 0\n7 4096\n');
    expect(encodeLeaderEpochs([])).toBe('0\n0\n');
  });

  it('is read back, also with the line ends of other systems, and if it is empty', () => {
    expect(parseLeaderEpochs('f', encodeLeaderEpochs(epochs))).toEqual(epochs);
    expect(parseLeaderEpochs('f', '0\r\n1\r\n3 9\r\n')).toEqual([{ epoch: 3, startOffset: 9 }]);
    expect(parseLeaderEpochs('f', '')).toEqual([]);
  });

  it.each([
    ['1\n0\n', 0],
    ['0\n', 2],
    ['0\nx\n', 2],
    ['0\n2\n0 0\n', 8],
    ['0\n1\n0 0\n1 5\n', 12],
    ['0\n2\n0 0\n1\n', 8],
    ['0\n2\n0 0\n1 5 9\n', 8],
    ['0\n2\n0 0\n-1 5\n', 8],
    ['0\n2\n4 0\n4 5\n', 8],
    ['0\n2\n4 6\n5 5\n', 8],
    ['\0\0\0', 0],
  ])('is refused with the position of the line: %j', (text, position) => {
    expect(failure(() => parseLeaderEpochs('the-file', text))).toMatchObject({ file: 'the-file', position });
  });
});

describe('partition.metadata', () => {
  const topicId = 'JbZT3yWWTMKRbgxR3RpLyA';

  it('has the text that Kafka writes, and is read back', () => {
    expect(encodePartitionMetadata(topicId)).toBe(`version: 0\ntopic_id: ${topicId}`);
    expect(parsePartitionMetadata('f', encodePartitionMetadata(topicId))).toBe(topicId);
    expect(parsePartitionMetadata('f', `version: 1\r\ntopic_id: ${topicId}\r\nmore: 1\r\n`)).toBe(topicId);
  });

  it.each([
    ['', 0],
    ['version: x\ntopic_id: JbZT3yWWTMKRbgxR3RpLyA', 0],
    ['version: 0', 11],
    ['version: 0\ntopic_id: short', 11],
    ['version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA', 11],
  ])('is refused with the position of the line: %j', (text, position) => {
    expect(failure(() => parsePartitionMetadata('the-file', text))).toMatchObject({ file: 'the-file', position });
  });
});
