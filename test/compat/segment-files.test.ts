import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  compressionCodec,
  isControl,
  isTransactional,
  lastOffset,
  patchBatch,
  readBatchHeader,
  splitBatches,
} from '../../lib/records/batch.ts';
import { Codec, codecName } from '../../lib/records/compression/codec.ts';
import { readControlBatch } from '../../lib/records/control.ts';
import { iterateRecords } from '../../lib/records/record.ts';
import { filesOfPart } from '../../lib/segments/files/part-files.ts';
import { buildSegmentSet, type PartContent } from '../../lib/segments/format/segment-set.ts';
import { temporaryFolder } from '../support/broker-process.ts';
import { dumpLog, type LogDump } from '../support/dump-log.ts';
import { scaled } from '../support/machine.ts';
import { mavenMissing } from '../support/maven.ts';
import { have } from '../support/tools.ts';
import { byCodec } from '../unit/records/golden.ts';
import { bytesOf, contentOf, indexOf, KEY, logOf, type Step } from '../unit/segments/format/contents.ts';

/** A first run fetches some hundred jars. */
const FETCH_TIMEOUT_MS = scaled(300_000);

const missing = mavenMissing();
const HAVE_TOOLS = have('kafka-dump-log', missing === undefined, `${missing}. Install maven with a Java 17 to run it.`);

const START = 1_700_000_000_000;

/** Batches of some size whose timestamps jump back and forth. */
function dataSteps(count: number, options: Partial<Step & { kind: 'data' }> = {}): Step[] {
  return Array.from({ length: count }, (_, index) => {
    const timestamp = START + index * 10 - (index % 3) * 25;
    return { kind: 'data', timestamps: [timestamp, timestamp + 7, timestamp - 3], valueBytes: 40 + index, ...options };
  });
}

/** The offset as it was, and the same batch again and again behind it. */
function repeated(batch: Buffer, count: number): PartContent {
  const records = 4;
  const batches = Array.from({ length: count }, (_, index) => {
    const copy = Buffer.from(batch);
    patchBatch(copy, index * records, 3);
    return copy;
  });
  return { partition: 0, baseOffset: 0, nextOffset: count * records, batches, aborted: [] };
}

const transactions: Step[] = Array.from({ length: 30 }, (_, round): Step[] => [
  { kind: 'data', timestamps: [START + round], valueBytes: 100, producer: 1 },
  { kind: 'data', timestamps: [START + round], valueBytes: 100, producer: 2 },
  { kind: 'data', timestamps: [START + round], valueBytes: 100 },
  { kind: 'marker', producer: 1, type: round % 2 === 0 ? 'abort' : 'commit', timestamp: START + round },
  { kind: 'data', timestamps: [START + round], valueBytes: 100, producer: 1 },
  { kind: 'marker', producer: 2, type: round % 3 === 0 ? 'abort' : 'commit', timestamp: START + round },
]).flat();

/** One partition each; the name says what is special about it. */
const logs: Readonly<Record<string, PartContent>> = {
  plain: contentOf(dataSteps(60), 0, 0),
  'far-from-zero': contentOf(dataSteps(60), 0, 2 ** 40),
  gzip: contentOf(dataSteps(60, { codec: Codec.gzip, valueBytes: 900 })),
  snappy: contentOf(dataSteps(60, { codec: Codec.snappy, valueBytes: 900 })),
  lz4: contentOf(dataSteps(60, { codec: Codec.lz4, valueBytes: 900 })),
  // Kafka's own batch, for runtimes that cannot write the codec.
  zstd: repeated(byCodec.zstd, 60),
  transactions: contentOf(transactions),
  epochs: contentOf(dataSteps(40).flatMap((step): Step[] => [step, { kind: 'epoch' }])),
  'one-batch': contentOf(dataSteps(1), 0, 7),
  'no-timestamps': contentOf(dataSteps(40, { timestamps: [-1, -1], valueBytes: 300 })),
};

describe.skipIf(!HAVE_TOOLS)('kafka-dump-log on the files of a segment set', () => {
  const folder = temporaryFolder();
  const names = Object.keys(logs);
  const contents = names.map((name, partition) => ({ ...logs[name]!, partition }));
  const set = buildSegmentSet(contents, { key: KEY });
  const object = bytesOf(set);
  const paths = new Map<string, string>();

  beforeAll(() => {
    for (const [partition, part] of set.parts.entries()) {
      const { start, length } = part.index;
      const files = filesOfPart(KEY, part, object.subarray(start, start + length));
      const target = join(folder.path, `${names[partition]}-0`);
      mkdirSync(target, { recursive: true });
      for (const { name, bytes } of [{ name: files.log, bytes: logOf(object, part) }, ...files.indexes]) {
        const path = join(target, name);
        writeFileSync(path, bytes);
        paths.set(`${names[partition]}.${name.split('.')[1]}`, path);
      }
    }
  });

  afterAll(() => folder.remove());

  const pathsOf = (kind: string) => [...paths].filter(([name]) => name.endsWith(`.${kind}`)).map(([, path]) => path);

  it('prints every batch and record as it was written', { timeout: FETCH_TIMEOUT_MS }, async () => {
    const dump = await dumpLog(['--deep-iteration', '--print-data-log'], pathsOf('log'));
    // The tool of this version says so of every file that does not begin at offset 0, Kafka's own ones included.
    const complaints = contents
      .filter(({ baseOffset }) => baseOffset > 0)
      .map(({ partition, baseOffset }) => {
        const path = paths.get(`${names[partition]}.log`);
        return `Non-consecutive offsets in ${path}\n  -1 is followed by ${baseOffset}`;
      });
    expect(
      dump.err
        .trim()
        .split(/\n(?=Non)/)
        .sort(),
    ).toEqual(complaints.sort());
    for (const [partition, name] of names.entries()) {
      const lines = dump.linesOf.get(paths.get(`${name}.log`)!)!;
      expect({ name, lines }).toEqual({ name, lines: expectedLines(contents[partition]!) });
    }
  });

  it('prints the indexes as they were written, and finds every entry in the log', async () => {
    const dump = await dumpLog([], ['index', 'timeindex', 'txnindex'].flatMap(pathsOf));
    expect(dump.err).toBe('');
    for (const [partition, part] of set.parts.entries()) {
      const { offsets, times, aborted } = indexOf(object, part);
      const slots = ({ count }: { count: number }) => Array.from({ length: count }, (_, slot) => slot);
      const linesOf = (kind: string) => dump.linesOf.get(paths.get(`${names[partition]}.${kind}`)!);
      const indexPath = paths.get(`${names[partition]}.index`);
      const entries = slots(offsets).map((slot) => offsets.entry(slot));
      expect(linesOf('index')).toEqual(
        entries.length === 0
          ? [`${indexPath} is empty.`]
          : entries.map(({ offset, position }) => `offset: ${offset} position: ${position}`),
      );
      expect(linesOf('timeindex')).toEqual(
        slots(times).map((slot) => `timestamp: ${times.entry(slot).timestamp} offset: ${times.entry(slot).offset}`),
      );
      expect(linesOf('txnindex') ?? []).toEqual(
        aborted.map(
          (one) =>
            `version: 0 producerId: ${one.producerId} firstOffset: ${one.firstOffset} ` +
            `lastOffset: ${one.lastOffset} lastStableOffset: ${one.lastStableOffset}`,
        ),
      );
    }
    expect(indexOf(object, set.parts[names.indexOf('plain')]!).offsets.count).toBeGreaterThan(2);
    expect(indexOf(object, set.parts[names.indexOf('transactions')]!).aborted.length).toBeGreaterThan(20);
  });

  it('passes the check of the indexes', async () => {
    const files = ['index', 'timeindex'].flatMap(pathsOf);
    const sanity = await dumpLog(['--index-sanity-check'], files);
    expect(sanity.err).toBe('');
    const verdicts = files.map((file) => sanity.linesOf.get(file)!.join('\n'));
    expect(verdicts).toEqual(
      files.map(
        (file) =>
          `${file} ${readFileSync(file).length === 0 && file.endsWith('.index') ? 'is empty.' : 'passed sanity check.'}`,
      ),
    );
    const verified = await dumpLog(['--verify-index-only'], files);
    expect(verified.err).toBe('');
    expect([...verified.linesOf.values()].flat().filter((line) => !line.endsWith(' is empty.'))).toEqual([]);
  });

  it('complains about an index that is wrong', async () => {
    const path = paths.get('plain.index')!;
    const [log, right] = [paths.get('plain.log')!, readFileSync(path)];
    const wrong = Buffer.from(right);
    wrong.writeInt32BE(wrong.readInt32BE(0) + 1, 0);
    writeFileSync(path, wrong);
    const dump: LogDump = await dumpLog(['--verify-index-only'], [path]).finally(() => writeFileSync(path, right));
    expect(dump.err).toContain('Mismatches in');
    expect(splitBatches(readFileSync(log))).toHaveLength(60);
  });
});

/** What kafka-dump-log prints for a log, by our own reading of the batches. */
function expectedLines({ baseOffset, batches }: PartContent): string[] {
  let position = 0;
  const lines = [`Log starting offset: ${baseOffset}`];
  for (const bytes of batches) {
    const header = readBatchHeader(bytes);
    const control = isControl(header.attributes);
    const lastSequence = header.baseSequence < 0 ? -1 : header.baseSequence + header.lastOffsetDelta;
    lines.push(
      `baseOffset: ${header.baseOffset} lastOffset: ${lastOffset(header)} count: ${header.recordCount} ` +
        `baseSequence: ${header.baseSequence} lastSequence: ${lastSequence} producerId: ${header.producerId} ` +
        `producerEpoch: ${header.producerEpoch} partitionLeaderEpoch: ${header.partitionLeaderEpoch} ` +
        `isTransactional: ${isTransactional(header.attributes)} isControl: ${control} ` +
        `deleteHorizonMs: OptionalLong.empty position: ${position} CreateTime: ${header.maxTimestamp} ` +
        `size: ${bytes.length} magic: 2 compresscodec: ${codecName(compressionCodec(header.attributes))} ` +
        `crc: ${header.crc} isvalid: true`,
    );
    position += bytes.length;
    let index = 0;
    for (const record of iterateRecords(bytes)) {
      const sequence = header.baseSequence < 0 ? -1 : header.baseSequence + index;
      index++;
      const marker = control ? readControlBatch(bytes) : undefined;
      lines.push(
        `| offset: ${record.offset} CreateTime: ${record.timestamp} keySize: ${record.key?.length ?? -1} ` +
          `valueSize: ${record.value?.length ?? -1} sequence: ${sequence} ` +
          `headerKeys: [${record.headers.map(({ key }) => key).join(',')}]` +
          (marker?.kind === 'marker'
            ? ` endTxnMarker: ${marker.type.toUpperCase()} coordinatorEpoch: ${marker.coordinatorEpoch}`
            : (record.key === null ? '' : ` key: ${record.key}`) +
              (record.value === null ? '' : ` payload: ${record.value}`)),
      );
    }
  }
  return lines;
}
