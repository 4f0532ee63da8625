import { beforeEach, describe, expect, it } from 'vitest';
import { encodeTopic, TOPIC_IDS_PK } from '../../../lib/storage/items/topic.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { createPartitions } from '../../../lib/topics/create-partitions.ts';
import { deleteTopic } from '../../../lib/topics/delete-topic.ts';
import type { Topic } from '../../../lib/topics/topics.ts';
import { scaled } from '../../support/machine.ts';
import { FOREVER, first } from '../journal/world.ts';
import { type AdminProcess, type AdminWorld, createAdminWorld } from './world.ts';

let world: AdminWorld;
let mine: AdminProcess;
let other: AdminProcess;
let topic: Topic;

beforeEach(async () => {
  world = await createAdminWorld();
  mine = world.admin();
  other = world.admin();
  topic = await world.created(mine, 'orders');
});

const reads = (by: AdminProcess) => by.count('state.get');
const grow = (count: number) =>
  world.run(createPartitions(mine.admin, { name: 'orders', count, assignments: null }, false));
const remove = (by: AdminProcess, one: Topic) => world.run(deleteTopic(by.admin, one, FOREVER));

describe('topics', () => {
  it('are read once and then remembered, by name and by id', async () => {
    const { topics } = other.admin;
    expect(topics.peek('orders')).toBeUndefined();
    const found = await topics.get('orders');
    expect(found?.record).toEqual(topic.record);
    expect(await topics.get('orders')).toBe(found);
    expect(topics.peek('orders')).toBe(found);
    expect(topics.peekById(topic.record.id)).toBe(found);
    expect(await topics.getById(topic.record.id)).toBe(found);
    expect(reads(other)).toBe(1);
  });

  it('are read once more at most for all who ask while a read is under way', async () => {
    const all = await Promise.all(Array.from({ length: 10 }, () => other.admin.topics.get('orders')));
    expect(all.map((one) => one?.record.id)).toEqual(Array(10).fill(topic.record.id));
    expect(reads(other)).toBeLessThanOrEqual(2);
  });

  it('that are not there are not remembered', async () => {
    const { topics } = other.admin;
    expect(await topics.get('later')).toBeUndefined();
    expect(await topics.getById('nowhere')).toBeUndefined();
    await world.created(mine, 'later');
    expect((await topics.get('later'))?.record.name).toBe('later');
  });

  it('with a name that cannot be cost no read', async () => {
    expect(await other.admin.topics.get('a/b')).toBeUndefined();
    expect(other.calls).toEqual([]);
  });

  it('in use are read again after ten seconds, while the caller has what is remembered', async () => {
    const { topics } = other.admin;
    await topics.get('orders');
    await grow(5);
    await world.clock.advance(10_000);
    expect(topics.peek('orders')?.record.partitions).toBe(1);
    expect(reads(other)).toBe(1);
    await world.clock.advance(1);
    expect(topics.peek('orders')?.record.partitions).toBe(1);
    await world.clock.advance(0);
    expect(topics.peek('orders')?.record.partitions).toBe(5);
    expect(reads(other)).toBe(2);
  });

  it('not in use for a minute are read before they are used', async () => {
    const { topics } = other.admin;
    await topics.get('orders');
    await remove(mine, topic);
    await world.clock.advance(60_001);
    expect(topics.peek('orders')).toBeUndefined();
    expect(topics.peekById(topic.record.id)).toBeUndefined();
    expect(await topics.get('orders')).toBeUndefined();
  });

  it('are kept where they cannot be read again', async () => {
    const { topics } = other.admin;
    await topics.get('orders');
    other.faults = () => ({ refuse: 'unavailable' });
    await world.clock.advance(10_001);
    expect(topics.peek('orders')).toBeDefined();
    await world.clock.advance(1);
    expect(topics.peek('orders')).toBeDefined();
    await expect(topics.read('orders')).rejects.toThrow(StoreUnavailableError);
    await expect(topics.get('unknown')).rejects.toThrow(StoreUnavailableError);
  });

  it('are not replaced by what was read before they were changed here', async () => {
    mine.faults = first(1, 'state.get', { delayAfterMs: 1_000 });
    const slow = mine.admin.topics.read('orders');
    await world.clock.advance(1);
    await grow(4);
    expect((await world.run(slow))?.record.partitions).toBe(4);
    expect(mine.admin.topics.peek('orders')?.record.partitions).toBe(4);
  });

  it('do not come back by what was read before they were deleted here', async () => {
    mine.faults = first(1, 'state.get', { delayAfterMs: 1_000 });
    const slow = mine.admin.topics.read('orders');
    await world.clock.advance(1);
    await remove(mine, topic);
    expect(await world.run(slow)).toBeUndefined();
    expect(mine.admin.topics.peek('orders')).toBeUndefined();
  });

  it('are listed by name, page by page, without those deleted', async () => {
    for (const name of ['zebra', 'apple', 'mango', 'fig']) await world.created(mine, name);
    await remove(mine, (await mine.admin.topics.get('mango'))!);
    other.faults = () => ({ cutPageTo: 2 });
    const names = (await other.admin.topics.list()).map(({ record }) => record.name);
    expect(names).toEqual(['apple', 'fig', 'orders', 'zebra']);
  });

  it('are looked for by id in the copy, which may be older than the truth', async () => {
    await grow(6);
    const copy = world.storedById(topic.record.id)!;
    // The process that added the partitions ended before it had written the copy.
    const old = { pk: TOPIC_IDS_PK, sk: topic.record.id, version: copy.version + 1, nonce: 'old' };
    await world.stores.state.put(
      { ...old, body: encodeTopic(topic.record) },
      { kind: 'version', version: copy.version },
    );
    const { topics } = other.admin;
    await topics.get('orders');
    expect((await topics.getById(topic.record.id))?.record.partitions).toBe(6);
    const cold = world.admin().admin.topics;
    expect((await cold.getById(topic.record.id))?.record.id).toBe(topic.record.id);
  });

  describe('whose deletion did not reach the copy under their id', () => {
    /** Deleted, created again, but the copy of the old one still says that it lives. */
    async function recreated(): Promise<Topic> {
      await remove(mine, topic);
      const fresh = await world.created(mine, 'orders');
      const { version } = world.storedById(topic.record.id)!;
      const body = encodeTopic(topic.record);
      const stale = { pk: TOPIC_IDS_PK, sk: topic.record.id, version, nonce: 'stale', body };
      await world.stores.state.put(stale, { kind: 'version', version });
      return fresh;
    }

    it('are not mistaken for the new topic of that name', async () => {
      const fresh = await recreated();
      const { topics } = other.admin;
      expect((await topics.get('orders'))?.record.id).toBe(fresh.record.id);
      expect(await topics.getById(topic.record.id)).toBeUndefined();
    });

    it('can be asked for by a process that knows neither, and nothing is lost', async () => {
      const fresh = await recreated();
      const found = await other.admin.topics.getById(topic.record.id);
      if (found !== undefined) expect(await remove(other, found)).toBe(false);
      const { id } = topic.record;
      expect(await world.run(other.partitions.resolve({ id }, 0))).toMatchObject({
        error: 'UNKNOWN_TOPIC_ID',
      });
      const known = await world.run(other.partitions.resolve({ name: 'orders' }, 0));
      expect(known).toMatchObject({ kind: 'open', topic: { record: { id: fresh.record.id } } });
    });
  });
});

describe('what is remembered', () => {
  it('is bounded', { timeout: scaled(10_000) }, () => {
    const { topics } = other.admin;
    for (let index = 0; index < 20_001; index++) {
      topics.remember({ ...topic.record, name: `t${index}`, id: `id${index}` }, 1);
    }
    expect([topics.peek('t0'), topics.peekById('id0')]).toEqual([undefined, undefined]);
    expect(topics.peek('t1')).toBeDefined();
    expect(topics.peekById('id20000')?.record.name).toBe('t20000');
  });

  it('is the newer version, in whichever order they come', () => {
    const { topics } = other.admin;
    topics.remember({ ...topic.record, partitions: 7 }, 5);
    topics.remember({ ...topic.record, partitions: 2 }, 4);
    expect(topics.peek('orders')?.record.partitions).toBe(7);
    topics.remember({ ...topic.record, deletedAt: 9 }, 6);
    expect(topics.peek('orders')).toBeUndefined();
    expect(topics.peekById(topic.record.id)).toBeUndefined();
  });
});
