import { beforeEach, describe, expect, it } from 'vitest';
import { journalId } from '../../../lib/storage/items/journal-entry.ts';
import type { Fault, StoreCall } from '../../../lib/storage/memory/faults.ts';
import { createPartitions } from '../../../lib/topics/create-partitions.ts';
import { createTopic } from '../../../lib/topics/create-topic.ts';
import { deleteTopic } from '../../../lib/topics/delete-topic.ts';
import type { Topic } from '../../../lib/topics/topics.ts';
import { batch, FOREVER, first } from '../journal/world.ts';
import { type AdminProcess, type AdminWorld, createAdminWorld, newTopic } from './world.ts';

let world: AdminWorld;
let mine: AdminProcess;
let other: AdminProcess;

beforeEach(async () => {
  world = await createAdminWorld();
  mine = world.admin();
  other = world.admin();
});

const remove = (by: AdminProcess, topic: Topic) => world.run(deleteTopic(by.admin, topic, FOREVER));
const resolve = (by: AdminProcess, name: string, partition = 0) =>
  world.run(by.partitions.resolve({ name }, partition));
const journals = (configs: string) => ({ partitions: 4, configs: [{ name: 'tidelog.journals', value: configs }] });

/** The process ends at its `at`-th write: before it, or after it has landed. Nothing that comes later has an effect. */
function endsAt(at: number, landed: boolean): (call: StoreCall) => Fault | undefined {
  let writes = 0;
  return ({ operation }) => {
    if (operation === 'put') writes += 1;
    if (writes < at) return undefined;
    return writes === at && landed && operation === 'put' ? { loseAnswer: true } : { refuse: 'unavailable' };
  };
}

describe('a topic', () => {
  it('is its journals, an item under its id and one under its name', async () => {
    const topic = await world.created(mine, 'orders', journals('3'));
    expect(topic.record).toMatchObject({ name: 'orders', partitions: 4, journals: 3, replicationFactor: 1 });
    expect(world.stored('orders')).toEqual(world.storedById(topic.record.id));
    const kinds = [0, 1, 2, 3].map((index) => world.entries(journalId(topic.record.id, index)).map(({ kind }) => kind));
    expect(kinds).toEqual([['leaderChange'], ['leaderChange'], ['leaderChange'], []]);
    const keys = mine.calls.map(({ store, operation, key }) => `${store}.${operation} ${key.split('/')[0]}`);
    expect(keys).toEqual([
      'state.get topics',
      'journal.put journal',
      'journal.put journal',
      'journal.put journal',
      'state.put topic-ids',
      'state.put topics',
    ]);
  });

  it('has the defaults where nothing is said, and no more journals than partitions', async () => {
    const { record } = await world.created(mine, 'a', { partitions: -1, replicationFactor: -1 });
    expect(record).toMatchObject({ partitions: 3, replicationFactor: 2, journals: 1 });
    const few = await world.created(mine, 'b', { ...journals('8'), partitions: 2 });
    expect(few.record.journals).toBe(2);
    const assignments = [0, 1].map((partition) => ({ partition, brokers: [4, 5, 6] }));
    const assigned = await world.created(mine, 'c', { partitions: -1, replicationFactor: -1, assignments });
    expect(assigned.record).toMatchObject({ partitions: 2, replicationFactor: 3 });
  });

  it('is not created to be validated', async () => {
    const outcome = await createTopic(mine.admin, newTopic('a'), true);
    expect(outcome).toEqual({ kind: 'valid', partitions: 1, replicationFactor: 1, journals: 1, configs: {} });
    expect(mine.count('state.put') + mine.count('journal.put')).toBe(0);
  });

  const invalid: readonly [string, object, string][] = [
    ['a name that may not be', { name: 'a b' }, 'INVALID_TOPIC_EXCEPTION'],
    ['no partitions', { partitions: 0 }, 'INVALID_PARTITIONS'],
    ['too many partitions', { partitions: 10_001 }, 'INVALID_PARTITIONS'],
    ['no replicas', { replicationFactor: 0 }, 'INVALID_REPLICATION_FACTOR'],
    ['an unknown config', { configs: [{ name: 'x', value: '1' }] }, 'INVALID_CONFIG'],
    ['a config without a value', { configs: [{ name: 'retention.ms', value: null }] }, 'INVALID_CONFIG'],
    ['partitions and an assignment', { assignments: [{ partition: 0, brokers: [1] }] }, 'INVALID_REQUEST'],
    ['a gap in its assignment', assigned([0, [1]], [2, [1]]), 'INVALID_REPLICA_ASSIGNMENT'],
    ['a partition assigned twice', assigned([0, [1]], [0, [1]]), 'INVALID_REPLICA_ASSIGNMENT'],
    ['an uneven assignment', assigned([0, [1]], [1, [1, 2]]), 'INVALID_REPLICA_ASSIGNMENT'],
    ['a broker twice', assigned([0, [1, 1]]), 'INVALID_REPLICA_ASSIGNMENT'],
    ['no broker', assigned([0, []]), 'INVALID_REPLICA_ASSIGNMENT'],
  ];
  it.each(invalid)('with %s is refused and costs nothing', async (_, fields, error) => {
    const name = 'name' in fields ? String(fields.name) : 'orders';
    expect(await world.create(mine, name, fields)).toMatchObject({ kind: 'rejected', error });
    expect(mine.calls).toEqual([]);
  });

  it('that is there is not created again', async () => {
    await world.created(mine, 'orders');
    expect(await world.create(other, 'orders')).toMatchObject({ error: 'TOPIC_ALREADY_EXISTS' });
  });

  it('that was deleted can be created again, as another one; versions never restart', async () => {
    const versions: number[] = [];
    const ids = new Set<string>();
    for (let round = 0; round < 4; round++) {
      const by = round % 2 === 0 ? mine : other;
      const topic = await world.created(by, 'orders');
      ids.add(topic.record.id);
      versions.push(world.stored('orders')!.version);
      expect(await remove(by, topic)).toBe(true);
      versions.push(world.stored('orders')!.version);
      expect(world.stored('orders')!.record.deletedAt).toBeTypeOf('number');
      expect(world.storedById(topic.record.id)!.record.deletedAt).toBeTypeOf('number');
      expect(await resolve(by, 'orders')).toMatchObject({ error: 'UNKNOWN_TOPIC_OR_PARTITION' });
    }
    expect(ids.size).toBe(4);
    expect(versions.every((version, index) => index === 0 || version > versions[index - 1]!)).toBe(true);
  });

  it('created by many at once is created by one of them', async () => {
    const processes = Array.from({ length: 6 }, () => world.admin());
    for (const one of processes) {
      one.faults = () => ({ delayBeforeMs: one.env.random.next() * 20, delayAfterMs: one.env.random.next() * 20 });
    }
    for (let round = 0; round < 3; round++) {
      const outcomes = await Promise.all(processes.map((one) => world.create(one, 'orders')));
      expect(outcomes.filter(({ kind }) => kind === 'created')).toHaveLength(1);
      const winner = outcomes.findIndex(({ kind }) => kind === 'created');
      const { record } = (outcomes[winner] as { topic: Topic }).topic;
      expect(world.stored('orders')?.record.id).toBe(record.id);
      expect(outcomes.filter(({ kind }) => kind !== 'created')).toMatchObject(
        Array(5).fill({ error: 'TOPIC_ALREADY_EXISTS' }),
      );
      // All come to that one, once they have forgotten the one before it.
      await world.clock.advance(60_001);
      const opened = await Promise.all(processes.map((one) => resolve(one, 'orders')));
      expect(opened).toMatchObject(Array(6).fill({ kind: 'open', topic: { record: { id: record.id } } }));
      expect(await remove(processes[winner]!, (outcomes[winner] as { topic: Topic }).topic)).toBe(true);
    }
  });

  it('whose last put went unanswered is created all the same', async () => {
    mine.faults = ({ key }) => (key === 'topics' && mine.count('state.put') === 2 ? { loseAnswer: true } : undefined);
    const topic = await world.created(mine, 'orders');
    expect(world.stored('orders')?.record.id).toBe(topic.record.id);
  });
});

describe('creation that ends halfway', () => {
  const points = [1, 2, 3, 4].flatMap((at) => [false, true].map((landed) => [at, landed] as const));
  it.each(points)('at write %i (landed: %s) leaves a whole topic or none', async (at, landed) => {
    mine.faults = endsAt(at, landed);
    await expect(world.create(mine, 'orders', journals('2'))).rejects.toThrow();
    const exists = world.stored('orders') !== undefined;
    expect(exists).toBe(at === 4 && landed);
    expect(await world.create(other, 'orders', journals('2'))).toMatchObject(
      exists ? { error: 'TOPIC_ALREADY_EXISTS' } : { kind: 'created' },
    );
    const opened = await resolve(other, 'orders');
    if (opened.kind !== 'open') throw new Error('not open');
    expect(await world.run(opened.open.writer.append(batch('a'), FOREVER))).toMatchObject({ baseOffset: 0 });
  });
});

describe('deletion', () => {
  it('lets nobody append from then on, who has the topic open or not', async () => {
    const topic = await world.created(mine, 'orders', journals('2'));
    const opened = await Promise.all([0, 1].map((partition) => resolve(other, 'orders', partition)));
    expect(await remove(mine, topic)).toBe(true);
    for (const one of opened) {
      if (one.kind !== 'open') throw new Error('not open');
      const late = one.open.writer.append(batch('late', { partition: one.partition }), FOREVER);
      expect(await world.run(late)).toMatchObject({ error: 'UNKNOWN_TOPIC_OR_PARTITION' });
    }
    expect(await remove(mine, topic)).toBe(false);
  });

  it('of an older topic of that name does no harm to the new one', async () => {
    const old = await world.created(mine, 'orders');
    await remove(mine, old);
    const fresh = await world.created(mine, 'orders');
    expect(await remove(other, old)).toBe(false);
    expect(world.stored('orders')?.record).toEqual(fresh.record);
  });

  it('by several at once is done once, and each is told so', async () => {
    const topic = await world.created(mine, 'orders', journals('2'));
    const processes = Array.from({ length: 4 }, () => world.admin());
    for (const one of processes) one.faults = () => ({ delayBeforeMs: one.env.random.next() * 20 });
    const outcomes = await Promise.all(processes.map((one) => remove(one, topic)));
    expect(outcomes).toContain(true);
    for (const index of [0, 1]) {
      const kinds = world.entries(journalId(topic.record.id, index)).map(({ kind }) => kind);
      expect(kinds).toEqual(['leaderChange', 'close']);
    }
  });

  it('that somebody else finished is a success for the one who began it', async () => {
    const topic = await world.created(mine, 'orders');
    mine.faults = ({ operation, key }) =>
      operation === 'get' && key === 'topics' ? { delayBeforeMs: 1_000 } : undefined;
    const slow = deleteTopic(mine.admin, topic, FOREVER);
    await world.clock.advance(10);
    expect(await remove(other, topic)).toBe(true);
    expect(await world.run(slow)).toBe(true);
  });

  it('that cannot close the journal in time is unavailable', async () => {
    const topic = await world.created(mine, 'orders');
    mine.faults = ({ operation }) => (operation === 'put' ? { refuse: 'throttled' } : undefined);
    const deadline = world.clock.monotonic() + 500;
    await expect(world.run(deleteTopic(mine.admin, topic, deadline), 501)).rejects.toThrow('in time');
    expect(world.stored('orders')?.record.deletedAt).toBeUndefined();
  });
});

describe('deletion that ends halfway', () => {
  // Two close entries, the mark under the name, the mark under the id.
  const points = [1, 2, 3, 4].flatMap((at) => [false, true].map((landed) => [at, landed] as const));
  it.each(points)('at write %i (landed: %s) is finished by whoever finds the topic closed', async (at, landed) => {
    const topic = await world.created(mine, 'orders', journals('2'));
    mine.faults = endsAt(at, landed);
    await expect(world.run(deleteTopic(mine.admin, topic, world.clock.monotonic() + 5_000))).rejects.toThrow();
    const begun = at > 1 || landed;
    const ends = await Promise.all([0, 1].map((partition) => resolve(other, 'orders', partition)));
    expect(ends.some(({ kind }) => kind === 'failed')).toBe(begun);
    await world.clock.advance(1_000);
    expect(world.stored('orders')?.record.deletedAt === undefined).toBe(!begun);
    if (!begun) return;
    for (const index of [0, 1]) {
      expect(world.entries(journalId(topic.record.id, index)).at(-1)?.kind).toBe('close');
    }
    const { record } = await world.created(other, 'orders');
    expect(record.id).not.toBe(topic.record.id);
    expect(await resolve(other, 'orders')).toMatchObject({ kind: 'open' });
  });

  it('is not mistaken for one by a process whose memory is old', async () => {
    const topic = await world.created(mine, 'orders');
    await other.admin.topics.get('orders');
    await remove(mine, topic);
    await world.created(mine, 'orders');
    expect(await resolve(other, 'orders')).toMatchObject({ kind: 'open' });
    await world.clock.advance(1_000);
    expect(world.stored('orders')?.record.deletedAt).toBeUndefined();
    expect(other.count('journal.put') + other.count('state.put')).toBe(0);
  });

  it('is finished once, however many find it, and again if the first could not', async () => {
    const topic = await world.created(mine, 'orders');
    mine.faults = endsAt(1, true);
    await expect(world.run(deleteTopic(mine.admin, topic, world.clock.monotonic() + 5_000))).rejects.toThrow();
    other.faults = ({ operation }) => (operation === 'put' ? { refuse: 'unavailable' } : undefined);
    await Promise.all(Array.from({ length: 10 }, () => resolve(other, 'orders')));
    await world.clock.advance(20_000);
    expect(other.lines.filter(({ event }) => event === 'deletion_not_finished')).toHaveLength(1);
    other.faults = () => undefined;
    await resolve(other, 'orders');
    await world.clock.advance(1_000);
    expect(world.stored('orders')?.record.deletedAt).toBeTypeOf('number');
  });
});

describe('more partitions', () => {
  const grow = (by: AdminProcess, count: number, fields = {}) =>
    world.run(createPartitions(by.admin, { name: 'orders', count, assignments: null, ...fields }, false));

  it('are there at once, and for others when they need them', async () => {
    const topic = await world.created(mine, 'orders', journals('2'));
    await resolve(other, 'orders');
    expect(await grow(mine, 7)).toBeUndefined();
    expect(mine.admin.topics.peek('orders')?.record.partitions).toBe(7);
    expect(world.storedById(topic.record.id)).toEqual(world.stored('orders'));
    expect(await resolve(other, 'orders', 6)).toMatchObject({ kind: 'open', partition: 6 });
    expect(await resolve(other, 'orders', 7)).toMatchObject({ error: 'UNKNOWN_TOPIC_OR_PARTITION' });
    expect(await resolve(other, 'orders', -1)).toMatchObject({ error: 'UNKNOWN_TOPIC_OR_PARTITION' });
    // The number of journals, by which partitions find theirs, stays.
    expect(world.stored('orders')?.record.journals).toBe(2);
  });

  it.each([
    ['fewer', { count: 3 }, 'INVALID_PARTITIONS'],
    ['as many', { count: 4 }, 'INVALID_PARTITIONS'],
    ['too many', { count: 10_001 }, 'INVALID_PARTITIONS'],
    ['of an unknown topic', { name: 'nowhere' }, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['with a name that cannot be', { name: '' }, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['with too few assigned', { count: 6, assignments: [{ brokers: [1] }] }, 'INVALID_REPLICA_ASSIGNMENT'],
    ['assigned to nobody', { count: 5, assignments: [{ brokers: [] }] }, 'INVALID_REPLICA_ASSIGNMENT'],
  ])('%s are refused', async (_, fields, error) => {
    await world.created(mine, 'orders', journals('1'));
    expect(await grow(mine, 5, fields)).toMatchObject({ error });
    expect(world.stored('orders')?.record.partitions).toBe(4);
  });

  it('are a success also when nobody heard of it', async () => {
    await world.created(mine, 'orders');
    // The put lands, and neither it nor its repetitions are answered.
    mine.faults = first(8, 'state.put', { loseAnswer: true });
    expect(await grow(mine, 4)).toBeUndefined();
    expect(world.stored('orders')?.record.partitions).toBe(4);
  });

  it('by two at once: both are told the truth', async () => {
    await world.created(mine, 'orders');
    for (const one of [mine, other]) one.faults = () => ({ delayBeforeMs: 5 });
    const outcomes = await Promise.all([grow(mine, 4), grow(other, 9)]);
    expect(world.stored('orders')?.record.partitions).toBe(9);
    expect(outcomes[1]).toBeUndefined();
  });
});
function assigned(...list: [number, number[]][]) {
  return {
    partitions: -1,
    replicationFactor: -1,
    assignments: list.map(([partition, brokers]) => ({ partition, brokers })),
  };
}
