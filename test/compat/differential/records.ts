import { ZERO_UUID } from '../../../lib/core/uuid.ts';
import { NO_TIMESTAMP } from '../../../lib/records/batch.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { batchOf } from '../../support/requests.ts';
import { type Family, UNKNOWN_ID } from './speaker.ts';

const T0 = 1_700_000_000_000;

const batch = (...values: string[]) => batchOf(values, { timestamp: T0 });

interface Part {
  readonly index: number;
  readonly records: readonly Buffer[] | null;
}

function produceTo(name: string, topicId: string, ...partitionData: Part[]) {
  return { name, topicId, partitionData };
}

function produceBody(acks: number, ...topicData: ReturnType<typeof produceTo>[]) {
  return { acks, timeoutMs: 10_000, topicData };
}

/** Produce: what is appended, what is refused, and what is named twice. */
export const producing: Family = {
  name: 'produce',
  async run(speaker) {
    const id = await speaker.topic('prod', 2);
    const to = (...parts: Part[]) => produceTo('prod', id, ...parts);
    const one = (index: number, ...values: string[]): Part => ({ index, records: [batch(...values)] });
    await speaker.every('a batch', ApiKey.Produce, () => produceBody(-1, to(one(0, 'a', 'b'))));
    await speaker.every('acks 1', ApiKey.Produce, () => produceBody(1, to(one(0, 'a'))));
    for (const acks of [2, -2, 32767]) {
      await speaker.every(`acks ${acks}`, ApiKey.Produce, () => produceBody(acks, to(one(0, 'a'))));
    }
    await speaker.every('nothing', ApiKey.Produce, () => produceBody(-1));
    await speaker.every('no partition', ApiKey.Produce, () => produceBody(-1, to()));
    await speaker.every('partitions that are not there', ApiKey.Produce, () =>
      produceBody(-1, to(one(2, 'a'), one(-1, 'b'), one(2147483647, 'c'))),
    );
    await speaker.every('an unknown topic', ApiKey.Produce, () =>
      produceBody(-1, produceTo('no-such', UNKNOWN_ID, one(0, 'a')), to(one(1, 'b'))),
    );
    await speaker.every('zero id and empty name', ApiKey.Produce, () =>
      produceBody(-1, produceTo('', ZERO_UUID, one(0, 'a'))),
    );
    await speaker.every('bad name', ApiKey.Produce, () => produceBody(-1, produceTo('a b', UNKNOWN_ID, one(0, 'a'))), {
      to: 12,
    });
    await speaker.every('empty records', ApiKey.Produce, () => produceBody(-1, to({ index: 0, records: [] })));
    await speaker.every('a partition twice', ApiKey.Produce, () =>
      produceBody(-1, to(one(1, 'first'), one(1, 'second'))),
    );
    await speaker.every('a topic twice', ApiKey.Produce, () =>
      produceBody(-1, to(one(1, 'third')), to(one(1, 'fourth'), one(0, 'x'))),
    );
    await speaker.every('two batches', ApiKey.Produce, () =>
      produceBody(-1, to({ index: 0, records: [batch('a'), batch('b')] })),
    );
    const damaged = batch('a');
    damaged[damaged.length - 1]! ^= 1;
    await speaker.every('a damaged batch', ApiKey.Produce, () => produceBody(-1, to({ index: 0, records: [damaged] })));
    await speaker.every('a damaged one beside a good one', ApiKey.Produce, () =>
      produceBody(-1, to({ index: 0, records: [damaged] }, one(1, 'good'))),
    );
    const magic = batch('a');
    magic[16] = 1;
    await speaker.ask('magic 1', ApiKey.Produce, 9, produceBody(-1, to({ index: 0, records: [magic] })));
    await speaker.ask(
      'bytes',
      ApiKey.Produce,
      9,
      produceBody(-1, to({ index: 0, records: [Buffer.from('no batch at all')] })),
    );
    await speaker.ask(
      'half a batch',
      ApiKey.Produce,
      9,
      produceBody(-1, to({ index: 0, records: [batch('abc').subarray(0, 70)] })),
    );
    const without = batchOf(['a'], { timestamp: NO_TIMESTAMP });
    await speaker.ask('without a time', ApiKey.Produce, 9, produceBody(-1, to({ index: 0, records: [without] })));

    const sequencedId = await speaker.topic('prod-sequences');
    const { producerId } = await speaker.prepare(ApiKey.InitProducerId, 4, {
      transactionalId: null,
      transactionTimeoutMs: 1000,
    });
    // Of the present: Kafka forgets producers a day after the timestamp of their last batch.
    const sequenced = (baseSequence: number, producerEpoch = 0, of = producerId) => {
      const records = [batchOf(['s'], { producerId: of, producerEpoch, baseSequence })];
      return produceBody(-1, produceTo('prod-sequences', sequencedId, { index: 0, records }));
    };
    await speaker.ask('sequence 0', ApiKey.Produce, 9, sequenced(0));
    await speaker.ask('sequence 0 again', ApiKey.Produce, 9, sequenced(0));
    await speaker.ask('sequence 2, too far', ApiKey.Produce, 9, sequenced(2));
    await speaker.ask('sequence 1', ApiKey.Produce, 9, sequenced(1));
    await speaker.ask('a later epoch at 5', ApiKey.Produce, 9, sequenced(5, 1));
    await speaker.ask('a later epoch at 0', ApiKey.Produce, 9, sequenced(0, 1));
    await speaker.ask('the epoch before', ApiKey.Produce, 9, sequenced(2, 0));
    await speaker.ask('an unknown producer', ApiKey.Produce, 9, sequenced(0, 0, 4_000_000_000));
    await speaker.ask('an unknown producer at 7', ApiKey.Produce, 9, sequenced(7, 0, 4_000_000_001));

    const compactId = await speaker.topic('prod-compact', 1, { 'cleanup.policy': 'compact' });
    const keyless = batchOf(['a'], { timestamp: T0 });
    await speaker.every('a key where one is needed', ApiKey.Produce, () =>
      produceBody(-1, produceTo('prod-compact', compactId, { index: 0, records: [keyless] })),
    );
    const smallId = await speaker.topic('prod-small', 1, { 'max.message.bytes': '100' });
    await speaker.every('more than fits', ApiKey.Produce, () =>
      produceBody(-1, produceTo('prod-small', smallId, { index: 0, records: [batch('x'.repeat(200))] })),
    );
    const timeId = await speaker.topic('prod-time', 1, { 'message.timestamp.type': 'LogAppendTime' });
    await speaker.every('append time', ApiKey.Produce, () =>
      produceBody(-1, produceTo('prod-time', timeId, { index: 0, records: [batch('x')] })),
    );
    const lateId = await speaker.topic('prod-late', 1, { 'message.timestamp.before.max.ms': '1000' });
    await speaker.every('too old', ApiKey.Produce, () =>
      produceBody(-1, produceTo('prod-late', lateId, { index: 0, records: [batch('x', 'y')] })),
    );
  },
};

interface Fetched {
  readonly partition: number;
  readonly fetchOffset?: number;
  readonly currentLeaderEpoch?: number;
  readonly partitionMaxBytes?: number;
  readonly lastFetchedEpoch?: number;
}

/** Fetch: what is read, what is refused, and what is named twice. */
export const fetching: Family = {
  name: 'fetch',
  async run(speaker) {
    const id = await speaker.topic('read', 2);
    const send = (index: number, ...values: string[]) =>
      speaker.prepare(
        ApiKey.Produce,
        9,
        produceBody(-1, produceTo('read', id, { index, records: [batch(...values)] })),
      );
    await send(0, 'a', 'b', 'c');
    await send(0, 'd');
    await send(1, 'z');
    const of = (topic: string, topicId: string, ...partitions: Fetched[]) => ({
      topic,
      topicId,
      partitions: partitions.map((one) => ({ fetchOffset: 0, partitionMaxBytes: 1_000_000, ...one })),
    });
    const read = (...partitions: Fetched[]) => of('read', id, ...partitions);
    const body = (
      topics: ReturnType<typeof of>[],
      more: { isolationLevel?: number; maxBytes?: number; minBytes?: number } = {},
    ) => ({
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 10_000_000,
      ...more,
      topics,
      forgottenTopicsData: [],
    });
    const every = (what: string, topics: ReturnType<typeof of>[], from = 4) =>
      speaker.every(what, ApiKey.Fetch, () => body(topics), { from });
    await every('all', [read({ partition: 0 }, { partition: 1 })]);
    await every('from the middle', [read({ partition: 0, fetchOffset: 1 })]);
    await every('at the end', [read({ partition: 0, fetchOffset: 4 })]);
    await every('out of range', [read({ partition: 0, fetchOffset: 99 }, { partition: 1, fetchOffset: -1 })]);
    await every('nothing', []);
    await every('no partition', [read()]);
    await every('partitions that are not there', [read({ partition: 2 }, { partition: -1 }, { partition: 1 })]);
    await every('unknown', [of('no-such', UNKNOWN_ID, { partition: 0 }), read({ partition: 1 })]);
    await every('zero id and empty name', [of('', ZERO_UUID, { partition: 0 })]);
    await every('zero id beside another', [of('', ZERO_UUID, { partition: 0 }), read({ partition: 1 })]);
    await every('zero id twice', [of('', ZERO_UUID, { partition: 0 }), of('', ZERO_UUID, { partition: 0 })]);
    await every('unknown id twice', [of('no', UNKNOWN_ID, { partition: 0 }), of('no', UNKNOWN_ID, { partition: 0 })]);
    await every('a partition twice', [read({ partition: 0, fetchOffset: 1 }, { partition: 0, fetchOffset: 3 })]);
    await every('a topic twice', [read({ partition: 0 }), read({ partition: 1 })]);
    await every('a topic twice, another between', [
      read({ partition: 0 }),
      of('no', UNKNOWN_ID, { partition: 0 }),
      read({ partition: 1 }),
    ]);
    const marker = (await speaker.prepare(ApiKey.Metadata, 12, { topics: [{ name: 'marker', topicId: ZERO_UUID }] }))
      .topics[0]!;
    await every('topics in turn', [
      read({ partition: 0 }),
      of('marker', marker.topicId, { partition: 0 }),
      read({ partition: 1 }),
    ]);
    await every('a partition in two topics', [read({ partition: 1 }), read({ partition: 1, fetchOffset: 1 })]);
    await every(
      'leader epochs',
      [read({ partition: 0, currentLeaderEpoch: 0 }, { partition: 1, currentLeaderEpoch: 9 })],
      9,
    );
    await every('leader epoch -2', [read({ partition: 0, currentLeaderEpoch: -2 })], 9);
    await every(
      'last fetched epoch',
      [
        read(
          { partition: 0, fetchOffset: 2, lastFetchedEpoch: 0 },
          { partition: 1, fetchOffset: 1, lastFetchedEpoch: 9 },
        ),
      ],
      12,
    );
    await every('one byte', [read({ partition: 0, partitionMaxBytes: 1 })]);
    await every('no bytes', [read({ partition: 0, partitionMaxBytes: 0 })]);
    await every('less than no bytes', [read({ partition: 0, partitionMaxBytes: -1 })]);
    for (const maxBytes of [0, 1, -1]) {
      await speaker.every(`${maxBytes} bytes in all`, ApiKey.Fetch, () =>
        body([read({ partition: 0 }, { partition: 1 })], { maxBytes }),
      );
    }
    for (const isolationLevel of [1, 2, -1]) {
      await speaker.every(`isolation ${isolationLevel}`, ApiKey.Fetch, () =>
        body([read({ partition: 0 })], { isolationLevel }),
      );
    }
    await speaker.ask('by another replica', ApiKey.Fetch, 12, { ...body([read({ partition: 0 })]), replicaId: -2 });
    const emptyId = await speaker.topic('read-empty');
    await every('an empty partition', [of('read-empty', emptyId, { partition: 0 })]);
  },
};

/** ListOffsets and OffsetForLeaderEpoch. */
export const offsets: Family = {
  name: 'offsets',
  async run(speaker) {
    const id = await speaker.topic('list', 2);
    const send = (name: string, topicId: string, index: number, records: Buffer) =>
      speaker.prepare(ApiKey.Produce, 9, produceBody(-1, produceTo(name, topicId, { index, records: [records] })));
    await send('list', id, 0, batch('a', 'b', 'c'));
    await send('list', id, 0, batchOf(['d'], { timestamp: T0 + 10 }));
    const timelessId = await speaker.topic('timeless');
    await send('timeless', timelessId, 0, batchOf(['a'], { timestamp: NO_TIMESTAMP }));
    interface Asked {
      readonly partitionIndex: number;
      readonly timestamp: number;
      readonly currentLeaderEpoch?: number;
    }
    const of = (name: string, ...partitions: Asked[]) => ({ name, partitions });
    const body = (version: number, topics: ReturnType<typeof of>[], isolationLevel = 0, replicaId = -1) => ({
      replicaId,
      ...(version >= 2 ? { isolationLevel } : {}),
      topics,
    });
    const every = (what: string, topics: ReturnType<typeof of>[], from = 1) =>
      speaker.every(what, ApiKey.ListOffsets, (version) => body(version, topics), { from });
    const at = (timestamp: number, partitionIndex = 0): Asked => ({ partitionIndex, timestamp });
    for (const timestamp of [-1, -2, -3, -4, -5, -6, -7, -100, 0, 1, T0, T0 + 1, T0 + 5, T0 + 11]) {
      await every(`at ${timestamp}`, [of('list', at(timestamp))]);
    }
    for (const timestamp of [-1, -2, -3, -4, -5, 0, T0])
      await every(`empty at ${timestamp}`, [of('list', at(timestamp, 1))]);
    for (const timestamp of [-1, -3, 0, T0]) await every(`timeless at ${timestamp}`, [of('timeless', at(timestamp))]);
    await every('nothing', []);
    await every('no partition', [of('list')]);
    await every('what is not there', [
      of('list', at(-1, 2), at(-1, -1)),
      of('no-such', at(-1)),
      of('', at(-1)),
      of('a b', at(-1)),
    ]);
    await every('a partition twice', [of('list', at(-1), at(-2), at(-1, 1))]);
    await every('three times', [of('list', at(-1), at(-2), at(T0))]);
    await every('a topic twice', [of('list', at(-1)), of('list', at(-1, 1))]);
    await every('a partition in two topics', [of('list', at(-1)), of('list', at(-2))]);
    await every('an unknown one twice', [of('no-such', at(-1), at(-1))]);
    for (const epoch of [0, 1, -2, 99]) {
      await every(`epoch ${epoch}`, [of('list', { partitionIndex: 0, timestamp: -1, currentLeaderEpoch: epoch })], 4);
    }
    for (const isolation of [1, 2, -1]) {
      await speaker.every(
        `isolation ${isolation}`,
        ApiKey.ListOffsets,
        (version) => body(version, [of('list', at(-1), at(-3, 1))], isolation),
        { from: 2 },
      );
      await speaker.every(
        `isolation ${isolation} by time`,
        ApiKey.ListOffsets,
        (version) => body(version, [of('list', at(T0)), of('list', at(-2, 1))], isolation),
        { from: 2 },
      );
    }
    await speaker.every('of a debugging replica', ApiKey.ListOffsets, (version) =>
      body(version, [of('list', at(-1))], 0, -2),
    );
    const epochs = (
      topic: string,
      ...partitions: { partition: number; currentLeaderEpoch: number; leaderEpoch: number }[]
    ) => ({ topic, partitions });
    const end = (leaderEpoch: number, currentLeaderEpoch = -1, partition = 0) => ({
      partition,
      currentLeaderEpoch,
      leaderEpoch,
    });
    const ends = (what: string, ...topics: ReturnType<typeof epochs>[]) =>
      speaker.every(what, ApiKey.OffsetForLeaderEpoch, (version) => ({
        ...(version >= 3 ? { replicaId: -1 } : {}),
        topics,
      }));
    for (const epoch of [0, 1, 99, -1, -2]) await ends(`end of ${epoch}`, epochs('list', end(epoch)));
    for (const current of [0, 1, 99, -2]) await ends(`end in ${current}`, epochs('list', end(0, current)));
    await ends('end of what is empty', epochs('list', end(0, -1, 1)));
    await ends(
      'end of what is not there',
      epochs('list', end(0, -1, 2), end(0, -1, -1)),
      epochs('no-such', end(0)),
      epochs('', end(0)),
    );
    await ends('end twice', epochs('list', end(0), end(1)), epochs('list', end(0)));
    await ends('end of nothing');
    await ends('end of no partition', epochs('list'));
  },
};
