import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  Attribute,
  hasDeleteHorizon,
  hasProducerId,
  isControl,
  lastOffset,
  readBatchHeader,
} from '../../lib/records/batch.ts';
import { Codec, type CodecId } from '../../lib/records/compression/codec.ts';
import { readControlBatch } from '../../lib/records/control.ts';
import { encodeBatch } from '../../lib/records/encode.ts';
import { iterateRecords } from '../../lib/records/record.ts';
import { cleanBatch, type LastOfProducer } from '../../lib/segments/clean/clean-batch.ts';
import { mapBatch } from '../../lib/segments/clean/map-batch.ts';
import { OffsetMap } from '../../lib/segments/clean/offset-map.ts';
import { PassedTransactions } from '../../lib/segments/clean/transactions.ts';
import type { AbortedTransaction } from '../../lib/segments/format/transaction-index.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { javaMissing } from '../support/java-program.ts';
import { KafkaBroker } from '../support/kafka-broker.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { scaled } from '../support/machine.ts';
import { batchesIn, createTopic, fetch, produce, type TopicName } from '../support/requests.ts';
import { have } from '../support/tools.ts';
import { until } from '../support/waiting.ts';

const START_TIMEOUT_MS = scaled(300_000);
const RUN_TIMEOUT_MS = scaled(120_000);
const WAIT = { withinMs: 60_000, everyMs: 200 };

/** The cleaner looks this often; a topic's dirty ratio says when it may begin. */
const KAFKA_SETTINGS = {
  'log.cleaner.backoff.ms': '200',
  'log.cleaner.threads': '1',
  'transaction.state.log.num.partitions': '1',
};
const NEVER = '1';
const NOW = '0.001';

/** A record whose timestamp is this far behind the first one of its segment begins a new segment. */
const SEGMENT_MS = 600_000;

const missing = javaMissing();
const HAVE_KAFKA = have('Apache Kafka', missing === undefined, `${missing}. Install maven with a Java 17 to run it.`);

type Producer = { producerId: number; producerEpoch: number; baseSequence: number };

/** The first result that is there. */
async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  let result: T | undefined;
  const answers = async () => {
    result = await ask();
    return result !== undefined;
  };
  await until(answers, what, WAIT);
  return result!;
}

/** Writes into one partition of Kafka what a compacted topic may have. */
class Script {
  readonly #client: TcpClient;
  readonly topic: TopicName;
  #timestamp = Date.now();
  /** Base offset of the segment that Kafka writes now. */
  active = 0;
  #end = 0;

  constructor(client: TcpClient, topic: TopicName) {
    this.#client = client;
    this.topic = topic;
  }

  async producer(transactionalId: string | null): Promise<Producer> {
    return eventually('a producer id', async () => {
      if (transactionalId !== null) {
        await this.#client.ask(ApiKey.FindCoordinator, 4, { keyType: 1, coordinatorKeys: [transactionalId] });
      }
      const asked = { transactionalId, transactionTimeoutMs: 60_000 };
      const { errorCode, producerId, producerEpoch } = await this.#client.ask(ApiKey.InitProducerId, 4, asked);
      return errorCode === 0 ? { producerId, producerEpoch, baseSequence: 0 } : undefined;
    });
  }

  /** `a=1` is a record, `a` a tombstone. */
  async write(text: string, options: { codec?: CodecId; producer?: Producer; transactionalId?: string } = {}) {
    const { codec = Codec.none, producer, transactionalId } = options;
    const records = text.split(' ').map((one, index) => {
      const [key, value] = one.split('=');
      const headers = index % 2 === 0 ? [] : [{ key: 'h', value: Buffer.from('x') }];
      return {
        key: Buffer.from(key!),
        value: value === undefined ? null : Buffer.from(value),
        timestamp: this.#timestamp + index,
        headers,
      };
    });
    if (producer !== undefined && transactionalId !== undefined) {
      const { producerId, producerEpoch } = producer;
      await eventually('a partition in the transaction', async () => {
        const added = await this.#client.ask(ApiKey.AddPartitionsToTxn, 3, {
          v3AndBelowTransactionalId: transactionalId,
          v3AndBelowProducerId: producerId,
          v3AndBelowProducerEpoch: producerEpoch,
          v3AndBelowTopics: [{ name: this.topic.name, partitions: [0] }],
        });
        return added.resultsByTopicV3AndBelow[0]?.resultsByPartition[0]?.partitionErrorCode === 0 ? true : undefined;
      });
    }
    const batch = encodeBatch(records, { codec, isTransactional: transactionalId !== undefined, ...producer });
    const { errorCode, baseOffset } = await produce(this.#client, this.topic, batch, {
      ...(transactionalId !== undefined && { transactionalId }),
    });
    expect(errorCode).toBe(0);
    if (producer !== undefined) producer.baseSequence += records.length;
    this.#end = baseOffset + records.length;
  }

  async end(transactionalId: string, { producerId, producerEpoch }: Producer, committed: boolean) {
    await eventually('the end of the transaction', async () => {
      const asked = { transactionalId, producerId, producerEpoch, committed };
      const { errorCode } = await this.#client.ask(ApiKey.EndTxn, 3, asked);
      return errorCode === 0 ? true : undefined;
    });
    // The answer may come before the marker.
    const end = this.#end + 1;
    await until(async () => (await this.batches()).at(-1)!.end >= end, 'the marker', WAIT);
    this.#end = end;
  }

  /** What is written next begins a segment. */
  roll(): void {
    this.#timestamp += SEGMENT_MS + 60_000;
    this.active = this.#end;
  }

  async batches(): Promise<{ bytes: Buffer; end: number }[]> {
    const all: { bytes: Buffer; end: number }[] = [];
    for (let offset = 0; ; ) {
      const { errorCode, records } = await fetch(this.#client, this.topic, { offset });
      expect(errorCode).toBe(0);
      const found = batchesIn(records).filter(({ header }) => lastOffset(header) >= offset);
      if (found.length === 0) return all;
      all.push(...found.map(({ header, bytes }) => ({ bytes: Buffer.from(bytes), end: lastOffset(header) + 1 })));
      offset = all.at(-1)!.end;
    }
  }

  async #setRatio(value: string): Promise<void> {
    const configs = [{ name: 'min.cleanable.dirty.ratio', configOperation: 0, value }];
    const resources = [{ resourceType: 2, resourceName: this.topic.name, configs }];
    const { responses } = await this.#client.ask(ApiKey.IncrementalAlterConfigs, 1, { resources, validateOnly: false });
    expect(responses[0]?.errorCode).toBe(0);
  }

  /** Has Kafka clean all but the segment that it writes. */
  async clean(): Promise<{ before: Buffer[]; after: Buffer[] }> {
    const before = (await this.batches()).map(({ bytes }) => bytes);
    await this.#setRatio(NOW);
    const after = await eventually('Kafka to clean', async () => {
      const found = (await this.batches()).map(({ bytes }) => bytes);
      return Buffer.concat(found).equals(Buffer.concat(before)) ? undefined : found;
    });
    await this.#setRatio(NEVER);
    return { before, after };
  }
}

/** The state of the producers after these batches, and the transactions that were aborted in them. */
function statesOf(batches: readonly Buffer[]): {
  producers: Map<number, LastOfProducer>;
  aborted: AbortedTransaction[];
} {
  const producers = new Map<number, LastOfProducer>();
  const open = new Map<number, number>();
  const aborted: AbortedTransaction[] = [];
  for (const batch of batches) {
    const header = readBatchHeader(batch);
    if (!hasProducerId(header)) continue;
    const { producerId, producerEpoch: epoch, baseOffset } = header;
    const before = producers.get(producerId);
    if (!isControl(header.attributes)) {
      producers.set(producerId, { epoch, lastDataOffset: lastOffset(header) });
      if (header.attributes & Attribute.transactional && !open.has(producerId)) open.set(producerId, baseOffset);
      continue;
    }
    producers.set(producerId, { epoch, lastDataOffset: before?.epoch === epoch ? before.lastDataOffset : -1 });
    const control = readControlBatch(batch);
    const firstOffset = open.get(producerId);
    open.delete(producerId);
    if (firstOffset === undefined || control?.kind !== 'marker' || control.type !== 'abort') continue;
    const last = baseOffset;
    aborted.push({ producerId, firstOffset, lastOffset: last, lastStableOffset: Math.min(last + 1, ...open.values()) });
  }
  return { producers, aborted };
}

interface OurPass {
  readonly active: number;
  readonly now: number;
  readonly deleteRetentionMs: number;
  readonly producers: ReadonlyMap<number, LastOfProducer>;
  readonly firstDirty: number;
}

/** What our cleaner leaves of the same batches. */
function cleaned(batches: readonly Buffer[], pass: OurPass): Buffer[] {
  const { active, firstDirty } = pass;
  const isClosed = (batch: Buffer) => readBatchHeader(batch).baseOffset < active;
  const { aborted } = statesOf(batches);
  const map = new OffsetMap(1024 * 1024);
  const mapping = new PassedTransactions('somewhere');
  mapping.add(aborted);
  for (const batch of batches.filter(isClosed)) {
    const header = readBatchHeader(batch);
    if (header.baseOffset >= firstDirty) mapBatch(map, mapping, batch, header);
  }
  map.latestOffset = active - 1;
  const transactions = new PassedTransactions('start');
  transactions.add(aborted);
  return batches.flatMap((batch) => {
    if (!isClosed(batch)) return [batch];
    const { bytes } = cleanBatch(
      { ...pass, map, transactions, uncleanableFrom: active },
      batch,
      readBatchHeader(batch),
    );
    return bytes ?? [];
  });
}

/** Everything but how the codec wrote the same bytes. */
function contentOf(batch: Buffer) {
  const { crc, sizeInBytes, ...header } = readBatchHeader(batch);
  const records = [...iterateRecords(batch)].map(({ offset, timestamp, key, value, headers }) => ({
    offset,
    timestamp,
    key: key?.toString('latin1'),
    value: value?.toString('latin1'),
    headers: headers.map((one) => [one.key, String(one.value)]),
  }));
  const isCompressed = (header.attributes & Attribute.codecMask) !== 0;
  return { ...header, records, bytes: isCompressed ? 'compressed' : batch.toString('hex') };
}

/** The time at which Kafka cleaned, which a new delete horizon tells. */
function timeOf(before: readonly Buffer[], after: readonly Buffer[], deleteRetentionMs: number): number {
  const known = new Set(before.map((batch) => readBatchHeader(batch)).map(({ baseTimestamp }) => baseTimestamp));
  const headers = after.map((batch) => readBatchHeader(batch));
  const fresh = headers.find((header) => hasDeleteHorizon(header.attributes) && !known.has(header.baseTimestamp));
  return fresh === undefined ? Date.now() : fresh.baseTimestamp - deleteRetentionMs;
}

describe.skipIf(!HAVE_KAFKA)('compaction and the cleaner of Apache Kafka 4.3.1', () => {
  let kafka: KafkaBroker;
  let client: TcpClient;

  beforeAll(async () => {
    kafka = await KafkaBroker.start(KAFKA_SETTINGS);
    client = await TcpClient.connect(kafka);
  }, START_TIMEOUT_MS);

  afterAll(async () => {
    client?.close();
    await kafka?.stop();
  });

  async function scriptFor(name: string, deleteRetentionMs: number): Promise<Script> {
    const configs = {
      'cleanup.policy': 'compact',
      'min.cleanable.dirty.ratio': NEVER,
      'delete.retention.ms': String(deleteRetentionMs),
      'segment.ms': String(SEGMENT_MS),
      'message.timestamp.after.max.ms': String(2 ** 53),
      'index.interval.bytes': '0',
    };
    return new Script(client, await createTopic(client, name, { configs }));
  }

  /** One round of both cleaners on the same log. */
  async function cleanBoth(script: Script, firstDirty: number, deleteRetentionMs: number): Promise<Buffer[]> {
    const { before, after } = await script.clean();
    const now = timeOf(before, after, deleteRetentionMs);
    const { producers } = statesOf(before);
    const ours = cleaned(before, { active: script.active, now, deleteRetentionMs, producers, firstDirty });
    expect(ours.map(contentOf)).toEqual(after.map(contentOf));
    return after;
  }

  const left = (batches: readonly Buffer[]) =>
    batches
      .filter((batch) => !isControl(readBatchHeader(batch).attributes))
      .flatMap((batch) => [...iterateRecords(batch)].map(({ key, value }) => `${key}=${value}`));

  it(
    'leave the same of keyed records, tombstones and compressed batches',
    async () => {
      const script = await scriptFor('plain', 3_600_000);
      const idempotent = await script.producer(null);
      await script.write('a=1 b=1 c=1', { codec: Codec.gzip });
      await script.write('a=2 d=1 e=1 f=1', { codec: Codec.lz4 });
      await script.write('b d=2', { producer: idempotent });
      await script.write('g=1 h=1', { producer: idempotent });
      await script.write('g=2 h=2 i=1', { codec: Codec.snappy });
      script.roll();
      await script.write('e=2 a=3 j=1', { codec: Codec.gzip });
      await script.write('c', { codec: Codec.gzip });
      await script.write('k=1 k=2 l=1', { producer: idempotent });
      script.roll();
      await script.write('k=3 z=1');
      const after = await cleanBoth(script, 0, 3_600_000);
      const kept = [
        'f=1',
        'b=null',
        'd=2',
        'g=2',
        'h=2',
        'i=1',
        'e=2',
        'a=3',
        'j=1',
        'c=null',
        'k=2',
        'l=1',
        'k=3',
        'z=1',
      ];
      expect(left(after)).toEqual(kept);
    },
    RUN_TIMEOUT_MS,
  );

  it(
    'leave the same of transactions, in round after round',
    async () => {
      const script = await scriptFor('transactional', 0);
      const one = { transactionalId: 'one', producer: await script.producer('one') };
      const two = { transactionalId: 'two', producer: await script.producer('two') };
      const end = (of: typeof one, committed: boolean) => script.end(of.transactionalId, of.producer, committed);
      await script.write('a=0 t=0');
      await script.write('a=1 b=1', one);
      await end(one, true);
      await script.write('a=aborted c=aborted', one);
      await script.write('d=1 t', two);
      await end(one, false);
      await script.write('e=1', one);
      script.roll();
      await script.write('f=1');
      await script.write('e=aborted', two);
      await end(two, false);
      await end(one, true);
      script.roll();
      await script.write('z=1');
      const ends = [0, script.active];
      const first = await cleanBoth(script, 0, 0);
      expect(left(first)).toEqual(['t=0', 'a=1', 'b=1', 'e=1', 'f=1', 'z=1']);

      // The markers have no records any more, then their horizon has passed.
      for (const round of [1, 2, 3]) {
        await script.write(`b=${round} y=${round}`, one);
        await end(one, round !== 2);
        script.roll();
        await script.write(`z=${round + 1}`);
        ends.push(script.active);
        await cleanBoth(script, ends.at(-2)!, 0);
      }
      script.roll();
    },
    RUN_TIMEOUT_MS,
  );
});
