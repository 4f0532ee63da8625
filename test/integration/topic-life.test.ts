import { beforeEach, describe, expect, it } from 'vitest';
import { errorCode } from '../../lib/core/errors.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type Engine, emptyStores, startEngine } from '../support/engine.ts';
import {
  batchOf,
  createTopic,
  deleteTopic,
  fetch,
  listOffset,
  NOWHERE,
  produce,
  valuesIn,
} from '../support/requests.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

let stores: ReturnType<typeof emptyStores>;
let engine: Engine;

beforeEach(async () => {
  stores = emptyStores();
  engine = await startEngine({ stores });
});

const startOther = (settings: Record<string, string> = {}) => startEngine({ stores: stores.client(), settings });

async function partitionsOf(client: Engine['client'], name: string): Promise<number> {
  const topics = [{ name }];
  const answer = await client.ask(ApiKey.Metadata, 12, { topics, allowAutoTopicCreation: false });
  return answer.topics[0]!.partitions.length;
}

describe('a name that is deleted and created again', () => {
  it('is a new log', async () => {
    const old = await createTopic(engine.client, 'again', { partitions: 2 });
    const idempotent = { producerId: 5, producerEpoch: 7, baseSequence: 0 };
    await produce(engine.client, old, batchOf(['old', 'older'], idempotent));
    await deleteTopic(engine.client, old.name);
    expect((await produce(engine.client, old, batchOf(['x']))).errorCode).toBe(3);
    expect((await fetch(engine.client, old)).errorCode).toBe(3);

    const fresh = await createTopic(engine.client, 'again');
    expect(fresh.id).not.toBe(old.id);
    expect(await fetch(engine.client, fresh)).toMatchObject({ errorCode: 0, highWatermark: 0 });
    // Nothing of the old log's producers is known either.
    expect(await produce(engine.client, fresh, batchOf(['new'], { ...idempotent, producerEpoch: 0 }))).toMatchObject({
      errorCode: 0,
      baseOffset: 0,
    });
    expect(valuesIn((await fetch(engine.client, fresh)).records)).toEqual(['new']);
    expect((await fetch(engine.client, fresh, { partition: 1 })).errorCode).toBe(3);
  });

  it('is not met by those who know the old id', async () => {
    const old = await createTopic(engine.client, 'again');
    await produce(engine.client, old, batchOf(['old']));
    await deleteTopic(engine.client, old.name);
    await createTopic(engine.client, 'again');
    const other = await startOther();
    for (const { client } of [engine, other]) {
      expect((await produce(client, old, batchOf(['x']), { version: 13 })).errorCode).toBe(100);
      expect((await fetch(client, old, { version: 13 })).errorCode).toBe(100);
      const byId = { topics: [{ name: null, topicId: old.id }] };
      expect((await client.ask(ApiKey.Metadata, 12, byId)).topics[0]!.errorCode).toBe(100);
    }
  });

  it('goes on many times', async () => {
    for (let round = 0; round < 10; round++) {
      const topic = await createTopic(engine.client, 'again');
      expect(await produce(engine.client, topic, batchOf([`${round}`]))).toMatchObject({ errorCode: 0, baseOffset: 0 });
      await deleteTopic(engine.client, 'again');
    }
    expect(await partitionsOf(engine.client, 'again')).toBe(0);
  });
});

describe('what another process does', () => {
  it('deletes a topic under our hands', async () => {
    const topic = await createTopic(engine.client, 'shared');
    const other = await startOther();
    await produce(engine.client, topic, batchOf(['kept']));
    await deleteTopic(other.client, topic.name);
    expect((await produce(engine.client, topic, batchOf(['too late']))).errorCode).toBe(3);
    expect((await fetch(engine.client, topic)).errorCode).toBe(3);
    expect((await listOffset(engine.client, topic, -1)).errorCode).toBe(3);
    expect((await produce(engine.client, topic, batchOf(['x']), { version: 13 })).errorCode).toBe(100);
  });

  it('deletes it and creates it again under our hands', async () => {
    const topic = await createTopic(engine.client, 'shared');
    const other = await startOther();
    await produce(engine.client, topic, batchOf(['old']));
    await deleteTopic(other.client, topic.name);
    const fresh = await createTopic(other.client, topic.name);
    await produce(other.client, fresh, batchOf(['new']));
    // The first to come meets the closed journal, and whoever comes then the new topic.
    expect((await produce(engine.client, topic, batchOf(['for the old log']))).errorCode).toBe(3);
    expect(await produce(engine.client, topic, batchOf(['second']))).toMatchObject({ errorCode: 0, baseOffset: 1 });
    expect(valuesIn((await fetch(engine.client, topic)).records)).toEqual(['new', 'second']);
    const { topics } = await engine.client.ask(ApiKey.Metadata, 12, { topics: [{ name: topic.name }] });
    expect(topics[0]!.topicId).toBe(fresh.id);
  });

  it('adds partitions, which we find when they are asked for', async () => {
    const topic = await createTopic(engine.client, 'growing');
    const other = await startOther();
    expect((await produce(other.client, topic, batchOf(['x']), { partition: 2 })).errorCode).toBe(3);
    await engine.client.ask(ApiKey.CreatePartitions, 3, {
      topics: [{ name: topic.name, count: 3, assignments: null }],
      timeoutMs: 5000,
      validateOnly: false,
    });
    expect(await produce(other.client, topic, batchOf(['x']), { partition: 2 })).toMatchObject({ errorCode: 0 });
    expect(valuesIn((await fetch(engine.client, topic, { partition: 2 })).records)).toEqual(['x']);
  });

  it('changes a topic that we hear of within seconds', async () => {
    const clock = new VirtualClock();
    const own = await startEngine({ stores: emptyStores(clock), clock });
    const topic = await createTopic(own.client, 'known');
    const { stores: shared } = own.broker.admin.journals.env;
    const other = await startEngine({ stores: shared, clock });
    expect(await partitionsOf(other.client, topic.name)).toBe(1);
    await own.client.ask(ApiKey.CreatePartitions, 3, {
      topics: [{ name: topic.name, count: 5, assignments: null }],
      timeoutMs: 5000,
      validateOnly: false,
    });
    await clock.advance(11_000);
    await partitionsOf(other.client, topic.name);
    await clock.advance(1);
    expect(await partitionsOf(other.client, topic.name)).toBe(5);
  });

  it('appends between ours, without gap or double', async () => {
    const topic = await createTopic(engine.client, 'contended');
    const writers = await Promise.all([0, 1, 2, 3].map(() => startOther()));
    const count = 25;
    const answers = await Promise.all(
      writers.map(async ({ client }, writer) => {
        const offsets: number[] = [];
        for (let index = 0; index < count; index++) {
          const batch = batchOf([`${writer}:${index}`], { producerId: writer, producerEpoch: 0, baseSequence: index });
          const { errorCode: code, baseOffset } = await produce(client, topic, batch);
          expect(code).toBe(0);
          offsets.push(baseOffset);
        }
        return offsets;
      }),
    );
    const values = valuesIn((await fetch(engine.client, topic)).records);
    expect(values).toHaveLength(count * writers.length);
    for (const [writer, offsets] of answers.entries()) {
      expect(offsets.map((offset) => values[offset])).toEqual(offsets.map((_, index) => `${writer}:${index}`));
    }
  });
});

describe('a topic that is not there', () => {
  const ask = (client: Engine['client'], name: string, allowAutoTopicCreation: boolean) =>
    client.ask(ApiKey.Metadata, 12, { topics: [{ name }], allowAutoTopicCreation }).then(({ topics }) => topics[0]!);

  it('is created where client and broker allow it, and can be used at once', async () => {
    const created = await ask(engine.client, NOWHERE.name, true);
    expect(created).toMatchObject({ errorCode: 0, partitions: [{ partitionIndex: 0, leaderId: 0 }] });
    expect(await produce(engine.client, { name: created.name!, id: created.topicId }, batchOf(['x']))).toMatchObject({
      errorCode: 0,
    });
    expect(engine.lines).toMatchObject([{ level: 'warn', event: 'topic_auto_created', topic: NOWHERE.name }]);
  });

  it('is not created where the client or the broker does not allow it', async () => {
    expect(await ask(engine.client, NOWHERE.name, false)).toMatchObject({ errorCode: 3, partitions: [] });
    const other = await startOther({ 'auto.create.topics.enable': 'false' });
    expect(await ask(other.client, NOWHERE.name, true)).toMatchObject({ errorCode: 3 });
    expect(stores.contents().journal).toEqual([]);
    const invalid = await ask(engine.client, 'a/b', true);
    expect(invalid.errorCode).toBe(errorCode('INVALID_TOPIC_EXCEPTION'));
  });

  it('is created with up to 99 others, and what is asked for beyond that on the retry', async () => {
    const names = Array.from({ length: 105 }, (_, index) => ({ name: `many-${index}` }));
    const codes = async () => {
      const { topics } = await engine.client.ask(ApiKey.Metadata, 12, { topics: names });
      return topics.map((topic) => topic.errorCode);
    };
    const retriable = errorCode('LEADER_NOT_AVAILABLE');
    expect(await codes()).toEqual(names.map((_, index) => (index < 100 ? 0 : retriable)));
    expect(await codes()).toEqual(names.map(() => 0));
  });

  it('may differ from one that is only in . and _', async () => {
    for (const name of ['a.b', 'a_b']) expect(await ask(engine.client, name, true)).toMatchObject({ errorCode: 0 });
  });

  it('is created once when many ask', async () => {
    const others = await Promise.all([0, 1, 2].map(() => startOther()));
    const answers = await Promise.all(others.map(({ client }) => ask(client, NOWHERE.name, true)));
    expect(new Set(answers.map(({ errorCode: code }) => code))).toEqual(new Set([0]));
    expect(new Set(answers.map(({ topicId }) => topicId)).size).toBe(1);
  });
});

describe('a new process', () => {
  it('finds everything as it was, also when the last one did not end in order', async () => {
    const topic = await createTopic(engine.client, 'kept', { partitions: 3 });
    const producers = new Map<number, number>();
    for (let round = 0; round < 300; round++) {
      const producerId = round % 7;
      const baseSequence = producers.get(producerId) ?? 0;
      producers.set(producerId, baseSequence + 1);
      const batch = batchOf([`${round}`], { producerId, producerEpoch: 0, baseSequence, timestamp: 1_000 + round });
      await produce(engine.client, topic, batch, { partition: 0 });
    }
    const next = await startEngine({ stores });
    const read = await fetch(next.client, topic);
    expect(valuesIn(read.records)).toEqual(Array.from({ length: 300 }, (_, round) => `${round}`));
    // Sequences are known: the last batch of a producer again, its next one, and one that is out of order.
    const again = batchOf(['299'], { producerId: 5, producerEpoch: 0, baseSequence: 42, timestamp: 1_299 });
    expect(await produce(next.client, topic, again)).toMatchObject({ errorCode: 0, baseOffset: 299 });
    const wrong = batchOf(['x'], { producerId: 5, producerEpoch: 0, baseSequence: 44 });
    expect((await produce(next.client, topic, wrong)).errorCode).toBe(errorCode('OUT_OF_ORDER_SEQUENCE_NUMBER'));
    const right = batchOf(['x'], { producerId: 5, producerEpoch: 0, baseSequence: 43 });
    expect(await produce(next.client, topic, right)).toMatchObject({ errorCode: 0, baseOffset: 300 });
    expect(await listOffset(next.client, topic, 1_150)).toMatchObject({ offset: 150, timestamp: 1_150 });
  });

  it('hands out other producer ids', async () => {
    const request = { transactionalId: null, transactionTimeoutMs: 1_000 };
    const ids = new Set<number>();
    for (let round = 0; round < 3; round++) {
      const { client } = await startOther();
      for (let index = 0; index < 3; index++) {
        ids.add((await client.ask(ApiKey.InitProducerId, 4, request)).producerId);
      }
    }
    expect(ids.size).toBe(9);
  });
});

describe('what a process remembers of topics', () => {
  /** After this a topic that was not in use is read before it is used. */
  const STALE_MS = 61_000;

  async function twoProcesses() {
    const clock = new VirtualClock();
    const shared = emptyStores(clock);
    const [mine, other] = [
      await startEngine({ stores: shared, clock }),
      await startEngine({ stores: shared.client(), clock }),
    ];
    return { clock, mine, other };
  }

  const held = ({ broker }: Engine) => {
    const { size, env } = broker.admin.journals;
    return { journals: size, bytes: env.cache.bytes };
  };

  it('goes with the topics, however many are created and deleted', async () => {
    for (let round = 0; round < 30; round++) {
      const topic = await createTopic(engine.client, `passing-${round}`, { partitions: 3 });
      for (let partition = 0; partition < 3; partition++) {
        await produce(engine.client, topic, batchOf(['x'.repeat(1_000)]), { partition });
      }
      await deleteTopic(engine.client, topic.name);
    }
    expect(held(engine)).toEqual({ journals: 0, bytes: 0 });
  });

  it.each([
    [
      'a client asks for the topic',
      async (name: string, other: Engine) => void (await partitionsOf(other.client, name)),
    ],
    [
      'a client lists all topics',
      async (_: string, other: Engine) =>
        void (await other.client.ask(ApiKey.Metadata, 12, { topics: null, allowAutoTopicCreation: false })),
    ],
  ])('goes with a topic that another process deleted, once %s', async (_, ask) => {
    const { clock, mine, other } = await twoProcesses();
    const topic = await createTopic(mine.client, 'passing');
    await produce(mine.client, topic, batchOf(['x'], { timestamp: clock.now() }));
    await fetch(other.client, topic);
    expect(held(other).journals).toBe(1);
    await deleteTopic(mine.client, topic.name);
    await clock.advance(STALE_MS);
    await ask(topic.name, other);
    expect(held(other)).toEqual({ journals: 0, bytes: 0 });
  });

  it('goes with a topic whose name was given to another one', async () => {
    const { clock, mine, other } = await twoProcesses();
    const topic = await createTopic(mine.client, 'again');
    await fetch(other.client, topic);
    await deleteTopic(mine.client, topic.name);
    const next = await createTopic(mine.client, 'again');
    await clock.advance(STALE_MS);
    await produce(other.client, next, batchOf(['x'], { timestamp: clock.now() }));
    const open = [...other.broker.admin.journals.opened()].map(({ journal }) => journal.id);
    expect(open).toEqual([`${next.id}/0`]);
  });
});
