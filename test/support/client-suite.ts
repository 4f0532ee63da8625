import { describe, expect, it } from 'vitest';
import type { CodecName } from '../../lib/records/compression/codec.ts';
import { partitionForKey } from '../../lib/records/murmur2.ts';
import type { BrokerProcess } from './broker-process.ts';
import { type KcatRecord, kcat, kcatRead } from './kcat.ts';
import { codecsOf, storedBatches } from './stored-batches.ts';
import { haveKcat } from './tools.ts';

const RECORDS = 10_000;
const PARTITIONS = 3;
const T0 = 1_700_000_000_000;
/** So many of the records are written by kcat for the client to read. */
const RECORDS_OF_KCAT = 1_000;

/** One record as a client is given it; the client's partitioner has to be Kafka's own. */
export interface SentRecord {
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: Readonly<Record<string, string>>;
  /** Ms since 1970. */
  readonly timestamp: number;
}

/** One record as a client decodes it. */
export interface ReadRecord extends SentRecord {
  readonly partition: number;
  readonly offset: number;
}

export interface WriteOptions {
  readonly codec: CodecName;
  readonly idempotent: boolean;
}

/** What the suite asks of a client that writes and reads. */
export interface WritingClient {
  createTopic(topic: string, partitions: number): Promise<void>;
  /** Writes the records in this order and returns once all of them are acknowledged by all replicas; throws if one is not. */
  write(topic: string, records: readonly SentRecord[], options: WriteOptions): Promise<void>;
  /** Reads a topic to its end without a group, each partition from `from` on (0 where it says nothing). */
  read(topic: string, from?: ReadonlyMap<number, number>): Promise<ReadRecord[]>;
  /** The first offset of each partition whose record is as new as `timestamp`, by the client's own query. */
  offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, number>>;
}

export interface SuiteOptions {
  /** For the names of topics. */
  readonly name: string;
  readonly codecs: readonly CodecName[];
  /** Both, unless the client has only one. */
  readonly idempotence?: readonly boolean[];
  /** What it writes where it is given an empty value: that, unless it takes it for null. */
  readonly emptyValue?: '' | null;
  /** Known once the hooks before the tests have run. */
  broker(): BrokerProcess;
  client(): WritingClient;
}

const records: readonly SentRecord[] = Array.from({ length: RECORDS }, (_, index) => ({
  key: `key-${(index * 7919) % 1000}`,
  value: `value ${index} ${'é'.repeat(index % 20)}`,
  headers: { index: String(index), from: 'a client' },
  timestamp: T0 + index,
}));

function expectedIn(partition: number): readonly SentRecord[] {
  return records.filter(({ key }) => partitionForKey(Buffer.from(key!), PARTITIONS) === partition);
}

const inOrder = <Row extends { partition: number; offset: number }>(rows: readonly Row[]): Row[] =>
  [...rows].sort((a, b) => a.partition - b.partition || a.offset - b.offset);

/** Where the partitions end once a client has written the records. */
const ends: ReadonlyMap<number, number> = new Map(
  Array.from({ length: PARTITIONS }, (_, partition) => [partition, expectedIn(partition).length]),
);

const shownHeaders = (headers: Readonly<Record<string, string>>): string =>
  Object.entries(headers)
    .map((header) => header.join('='))
    .join(',');

/** A record as kcat's line tells it; null and empty look the same there. */
function shownByKcat(record: SentRecord | KcatRecord): object {
  const { key, value, timestamp, headers } = record;
  return { key, value, timestamp, headers: typeof headers === 'string' ? headers : shownHeaders(headers) };
}

/** What every client has to be able to do, whoever wrote it. Call it within the client's own `describe`. */
export function itWritesAndReads(options: SuiteOptions): void {
  const { name, codecs, idempotence = [false, true], emptyValue = '', broker, client } = options;
  describe.each(codecs)('with %s', (codec) => {
    it.each(idempotence)('writes 10,000 records and reads exactly those (idempotence: %s)', async (idempotent) => {
      const topic = `${name}-${codec}-${idempotent}`;
      await client().createTopic(topic, PARTITIONS);
      await client().write(topic, records, { codec, idempotent });
      const read = await client().read(topic);
      expect(read).toHaveLength(RECORDS);
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const own = read.filter((record) => record.partition === partition);
        expect(own.map(({ offset }) => offset)).toEqual(own.map((_, index) => index));
        const there = own.map(({ key, value, headers, timestamp }) => ({ key, value, headers, timestamp }));
        expect(there).toEqual(expectedIn(partition));

        const stored = await storedBatches(broker(), topic, partition);
        expect(codecsOf(stored)).toEqual([codec]);
        expect(stored.values).toEqual(own.map(({ value }) => value));
        expect([...stored.producerIds].every((id) => (idempotent ? id >= 0 : id === -1))).toBe(true);
      }
    });

    it.skipIf(!haveKcat())('and kcat read each other', async () => {
      const topic = `${name}-${codec}-${idempotence[0]}`;
      const fromKcat = records.slice(0, RECORDS_OF_KCAT);
      const stdin = fromKcat.map(({ key, value }) => `${key}\t${value}\n`).join('');
      const headers = ['-H', 'index=?', '-H', 'from=kcat'];
      const partitioner = ['-X', 'partitioner=murmur2'];
      await kcat(broker(), ['-P', '-t', topic, '-K', '\\t', '-z', codec, ...headers, ...partitioner], { stdin });
      const byKcat = inOrder(await kcatRead(broker(), topic));
      expect(byKcat).toHaveLength(RECORDS + RECORDS_OF_KCAT);
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const own = byKcat.filter((record) => record.partition === partition).slice(0, expectedIn(partition).length);
        expect(own.map(shownByKcat)).toEqual(expectedIn(partition).map(shownByKcat));
      }
      const added = inOrder(await client().read(topic, ends));
      expect(added).toHaveLength(RECORDS_OF_KCAT);
      expect(added.map((record) => ({ ...record, headers: shownHeaders(record.headers) }))).toEqual(
        byKcat.filter(({ partition, offset }) => offset >= ends.get(partition)!),
      );
    });
  });

  it('reads on from an offset and from a timestamp', async () => {
    const topic = `${name}-gzip-${idempotence[0]}`;
    const all = inOrder(await client().read(topic));
    const offsets = new Map([
      [0, 1_111],
      [1, 7],
    ]);
    const fromOffsets = all.filter(({ partition, offset }) => offset >= (offsets.get(partition) ?? 0));
    expect(inOrder(await client().read(topic, offsets))).toEqual(fromOffsets);

    const time = T0 + 4_321;
    const fromTime = all.filter(({ timestamp }) => timestamp >= time);
    expect(fromTime.length).toBeGreaterThanOrEqual(RECORDS - 4_321);
    expect(inOrder(await client().read(topic, await client().offsetsAt(topic, time)))).toEqual(fromTime);
  });

  it('keeps null and empty keys and values', async () => {
    const topic = `${name}-nulls`;
    await client().createTopic(topic, 1);
    const rest = { headers: {}, timestamp: T0 };
    const sent = [
      { key: '', value: '', ...rest },
      { key: 'k', value: null, ...rest },
      { key: null, value: 'v', ...rest },
    ];
    await client().write(topic, sent, { codec: 'none', idempotent: idempotence[0]! });
    const read = await client().read(topic);
    const expected = sent.map((record, offset) => ({ ...record, partition: 0, offset }));
    expect(read).toEqual(expected.map((record) => (record.value === '' ? { ...record, value: emptyValue } : record)));
  });
}
