import { beforeEach, describe, expect, it } from 'vitest';
import type { FetchOutcome } from '../../../lib/offsets/fetch.ts';
import { offsetsPk, offsetsSk } from '../../../lib/storage/items/committed-offsets.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import {
  at,
  commitOf,
  context,
  DAY,
  fetchOf,
  GROUP,
  HOUR,
  MINUTE,
  member,
  NOBODY,
  type OffsetsProcess,
  type OffsetsWorld,
  OTHER,
  offsetsWorld,
  T0,
  type TestGroup,
  TOPIC,
} from './world.ts';

const STABLE: TestGroup = { since: T0, generation: 1, members: ['a', 'b'] };
const LEFT: TestGroup = { ...STABLE, generation: 2, members: [], emptySince: T0 };
const A = member('a', 1);

let world: OffsetsWorld;
let one: OffsetsProcess;

beforeEach(async () => {
  world = offsetsWorld();
  one = world.process();
  await world.setGroup(STABLE);
});

function commit(process: OffsetsProcess, request: ReturnType<typeof commitOf>, deadline?: number) {
  return world.run(commitNow(process, request, deadline));
}

/** The same without moving the time on. */
async function commitNow(process: OffsetsProcess, request: ReturnType<typeof commitOf>, deadline?: number) {
  const outcome = await process.offsets.commit(request, context(deadline));
  return request.topics.flatMap(({ topic, wanted }) => wanted.map(({ partition }) => outcome(topic, partition)));
}

async function fetch(process: OffsetsProcess, request = fetchOf(A, [0])): Promise<FetchOutcome> {
  return world.run(process.offsets.fetch(request, context()));
}

/** Offsets by topic and partition, in one line. */
function shown(outcome: FetchOutcome): string {
  if (outcome.kind !== 'fetched') return outcome.kind === 'refused' ? outcome.error : outcome.kind;
  return outcome.topics
    .map(({ topic, offsets }) => `${topic.name} ${offsets.map((o) => `${o.partition}:${o.offset}`).join(' ')}`)
    .join(', ');
}

describe('what it costs', () => {
  it('a warm commit: one read of the group, one put', async () => {
    expect(await commit(one, commitOf(A, { 0: 1, 5: 1 }))).toEqual(['NONE', 'NONE']);
    expect(one.meter.counts()).toEqual({ 'state.get': 2, 'state.put': 1 });
    for (let offset = 2; offset < 5; offset++) {
      one.meter.reset();
      await commit(one, commitOf(A, { 0: offset, 5: offset }));
      expect(one.meter.counts()).toEqual({ 'state.get': 1, 'state.put': 1 });
    }
  });

  it('a commit that changes nothing: two reads and no put', async () => {
    await commit(one, commitOf(A, { 0: 1 }));
    one.meter.reset();
    expect(await commit(one, commitOf(A, { 0: 1 }))).toEqual(['NONE']);
    expect(one.meter.counts()).toEqual({ 'state.get': 2 });
  });

  it('the first read of a generation: one put per block, later ones none', async () => {
    expect(shown(await fetch(one, fetchOf(A, [0, 1])))).toBe('orders 0:-1 1:-1');
    expect(one.meter.counts()).toEqual({ 'state.get': 2, 'state.put': 1 });
    one.meter.reset();
    await fetch(one, fetchOf(member('b', 1), [2, 3]));
    expect(one.meter.counts()).toEqual({ 'state.get': 2 });
  });

  it('a read of many partitions: a query instead of a get per block', async () => {
    const partitions = Array.from({ length: 100 }, (_, partition) => partition);
    await commit(one, commitOf(A, Object.fromEntries(partitions.map((p) => [p, p]))));
    expect(one.meter.totals('state.put').calls).toBe(7);
    one.meter.reset();
    const outcome = await fetch(one, fetchOf(NOBODY, partitions));
    expect(shown(outcome)).toBe(`orders ${partitions.map((p) => `${p}:${p}`).join(' ')}`);
    expect(one.meter.counts()).toEqual({ 'state.get': 1, 'state.query': 1 });
  });
});

describe('commits', () => {
  it('of two members that share a block both hold, in one process and in two', async () => {
    const two = world.process();
    const all = [0, 1, 2, 3].map((partition) =>
      commitNow(partition % 2 === 0 ? one : two, commitOf(member('b', 1), { [partition]: partition + 10 })),
    );
    expect((await world.run(Promise.all(all))).flat()).toEqual(['NONE', 'NONE', 'NONE', 'NONE']);
    expect(shown(await fetch(one, fetchOf(A, [0, 1, 2, 3])))).toBe('orders 0:10 1:11 2:12 3:13');
  });

  it('of one process to one block take turns and meet no conflict', async () => {
    await world.run(Promise.all([1, 2, 3, 4].map((offset) => commitNow(one, commitOf(A, { 0: offset })))));
    expect(one.meter.totals('state.put').outcomes).toEqual({ committed: 4 });
    expect(shown(await fetch(one))).toBe('orders 0:4');
  });

  it('see what another process wrote, though they remember something else', async () => {
    const two = world.process();
    await commit(one, commitOf(A, { 0: 10 }));
    await commit(two, commitOf(A, { 0: 5 }));
    expect(await commit(one, commitOf(A, { 0: 10 }))).toEqual(['NONE']);
    expect(shown(await fetch(two))).toBe('orders 0:10');
  });

  it('of an earlier generation are refused by the group', async () => {
    await world.setGroup({ ...STABLE, generation: 2 });
    expect(await commit(one, commitOf(A, { 0: 1 }))).toEqual(['ILLEGAL_GENERATION']);
    expect(await commit(one, commitOf(member('gone', 2), { 0: 1 }))).toEqual(['UNKNOWN_MEMBER_ID']);
    expect(await commit(one, commitOf(NOBODY, { 0: 1 }))).toEqual(['UNKNOWN_MEMBER_ID']);
    expect(world.stored().size).toBe(0);
  });

  it('that were checked before the group moved on fail once the new owner has read, also where there was nothing', async () => {
    const late = world.process();
    let moved: Promise<void> | undefined;
    // The put of the zombie is on its way while the group moves on and the new owner reads.
    late.faults = ({ operation }) => {
      if (operation !== 'put' || moved !== undefined) return undefined;
      moved = (async () => {
        await world.setGroup({ ...STABLE, generation: 2, members: ['b'] });
        expect(shown(await one.offsets.fetch(fetchOf(member('b', 2), [0]), context()))).toBe('orders 0:-1');
      })();
      return { delayBeforeMs: 1_000 };
    };
    expect(await commit(late, commitOf(A, { 0: 99 }))).toEqual(['UNKNOWN_MEMBER_ID']);
    await moved;
    expect(shown(await fetch(one, fetchOf(member('b', 2), [0])))).toBe('orders 0:-1');
    expect(await commit(one, commitOf(member('b', 2), { 0: 1 }))).toEqual(['NONE']);
  });

  it('whose answer was lost are repeated and count once', async () => {
    let lost = 0;
    one.faults = ({ operation }) => (operation === 'put' && lost++ === 0 ? { loseAnswer: true } : undefined);
    expect(await commit(one, commitOf(A, { 0: 7 }))).toEqual(['NONE']);
    expect(shown(await fetch(one))).toBe('orders 0:7');
  });

  it('that the store does not take are COORDINATOR_NOT_AVAILABLE, and a later one is not held up', async () => {
    one.faults = ({ operation }) => (operation === 'put' ? { refuse: 'unavailable' } : undefined);
    expect(await commit(one, commitOf(A, { 0: 7 }))).toEqual(['COORDINATOR_NOT_AVAILABLE']);
    one.faults = () => undefined;
    expect(await commit(one, commitOf(A, { 0: 8 }))).toEqual(['NONE']);
    one.faults = ({ operation }) => (operation === 'get' ? { refuse: 'unavailable' } : undefined);
    await expect(commit(one, commitOf(A, { 20: 8 }))).rejects.toThrow(StoreUnavailableError);
  });

  it('of several blocks are committed block by block: what fails does not take the others along', async () => {
    const second = offsetsSk(TOPIC.id, 1);
    one.faults = ({ operation, sortKey }) =>
      operation === 'put' && sortKey === second ? { refuse: 'unavailable' } : undefined;
    expect(await commit(one, commitOf(A, { 0: 1, 16: 1, 32: 1 }))).toEqual([
      'NONE',
      'COORDINATOR_NOT_AVAILABLE',
      'NONE',
    ]);
    expect(shown(await fetch(world.process(), fetchOf(A, [0, 16, 32])))).toBe('orders 0:1 16:-1 32:1');
  });

  it('give up at the deadline when others are always faster', async () => {
    let offset = 100;
    const two = world.process();
    one.faults = ({ operation }) => {
      if (operation !== 'put') return undefined;
      void two.offsets.commit(commitOf(A, { 1: offset++ }), context());
      return { delayBeforeMs: 100 };
    };
    const deadline = world.clock.monotonic() + 2_000;
    expect(await commit(one, commitOf(A, { 0: 1 }), deadline)).toEqual(['COORDINATOR_NOT_AVAILABLE']);
    expect(world.clock.monotonic()).toBeLessThan(deadline + 1_000);
  });

  it('with metadata beyond what an item holds are refused', async () => {
    const large = world.process({ metadataMax: 1_000_000 });
    const wanted = at({ 0: 1 }, 'x'.repeat(500_000));
    expect(await commit(large, { ...commitOf(A, {}), topics: [{ topic: TOPIC, wanted }] })).toEqual([
      'OFFSET_METADATA_TOO_LARGE',
    ]);
  });
});

describe('reads', () => {
  it('of a group that is not there find nothing', async () => {
    await world.setGroup(undefined);
    expect(shown(await fetch(one, fetchOf(NOBODY, [0])))).toBe('absent');
  });

  it('of somebody who is no member any more are refused', async () => {
    expect(shown(await fetch(one, fetchOf(member('a', 0), [0])))).toBe('ILLEGAL_GENERATION');
  });

  it('of everything list all topics', async () => {
    await commit(one, commitOf(A, { 0: 1, 17: 2 }));
    await commit(one, commitOf(A, { 3: 3 }, OTHER));
    one.meter.reset();
    const all = { groupId: GROUP, claim: NOBODY, topics: null, requireStable: false };
    expect(shown(await world.run(one.offsets.fetch(all, context())))).toBe('orders 0:1 17:2, payments 3:3');
    expect(one.meter.counts()).toEqual({ 'state.get': 1, 'state.query': 1 });
  });

  it('are put off by a lost answer, and then give what is stored', async () => {
    let lost = 0;
    one.faults = ({ operation }) => (operation === 'put' && lost++ === 0 ? { loseAnswer: true } : undefined);
    expect(shown(await fetch(one))).toBe('orders 0:-1');
    expect([...world.stored().values()].map(({ stamp }) => stamp)).toEqual([1]);
  });

  it('remove what has expired before they say that there is nothing', async () => {
    await commit(one, commitOf(A, { 0: 1 }));
    await world.setGroup({ ...STABLE, members: [], emptySince: T0 });
    await world.clock.advance(7 * DAY);
    expect(shown(await fetch(one, fetchOf(NOBODY, [0])))).toBe('orders 0:-1');
    await world.setGroup({ ...STABLE, generation: 3 });
    expect(shown(await fetch(one, fetchOf(member('a', 3), [0])))).toBe('orders 0:-1');
  });
});

describe('deletion', () => {
  it('forgets offsets, and a repeated one finds nothing to do', async () => {
    await commit(one, commitOf(A, { 0: 1, 1: 1, 16: 1 }));
    const request = { groupId: GROUP, topics: [{ topic: TOPIC, wanted: [0, 16] }] };
    for (const puts of [2, 0]) {
      one.meter.reset();
      const outcome = await world.run(one.offsets.delete(request, context()));
      expect(outcome.kind === 'deleted' ? outcome.error(TOPIC) : outcome.error).toBe('NONE');
      expect(one.meter.totals('state.put').calls).toBe(puts);
    }
    expect(shown(await fetch(one, fetchOf(A, [0, 1, 16])))).toBe('orders 0:-1 1:1 16:-1');
  });

  it('is refused for a topic that the group reads, and without a group', async () => {
    await world.setGroup({ ...STABLE, subscribed: [TOPIC.name] });
    await commit(one, commitOf(A, { 0: 1 }));
    const request = { groupId: GROUP, topics: [{ topic: TOPIC, wanted: [0] }] };
    const outcome = await world.run(one.offsets.delete(request, context()));
    expect(outcome.kind === 'deleted' && outcome.error(TOPIC)).toBe('GROUP_SUBSCRIBED_TO_TOPIC');
    await world.setGroup(undefined);
    expect(await world.run(one.offsets.delete(request, context()))).toEqual({
      kind: 'refused',
      error: 'GROUP_ID_NOT_FOUND',
    });
  });

  it('of a group empties what was written within the hour, and removes it later', async () => {
    await commit(one, commitOf(A, { 0: 1, 16: 1 }));
    await world.setGroup(undefined);
    for (const puts of [2, 0]) {
      one.meter.reset();
      expect(await world.run(one.offsets.removeGroup(GROUP, T0))).toBe(false);
      expect([one.meter.totals('state.put').calls, one.meter.totals('state.delete').calls]).toEqual([puts, 0]);
    }
    expect([...world.stored().values()].map(({ committed }) => committed.size)).toEqual([0, 0]);
    await world.clock.advance(HOUR + MINUTE);
    expect(await world.run(one.offsets.removeGroup(GROUP, T0))).toBe(true);
    expect(world.stored().size).toBe(0);
  });

  it('of a group can be repeated after a crash, and leaves the offsets of one that was made again', async () => {
    await commit(one, commitOf(A, { 0: 1, 16: 1, 32: 1 }));
    await world.setGroup(undefined);
    await world.clock.advance(HOUR + MINUTE);
    let deletions = 0;
    one.faults = ({ operation }) => (operation === 'delete' && deletions++ > 0 ? { refuse: 'unavailable' } : undefined);
    await expect(world.run(one.offsets.removeGroup(GROUP, T0))).rejects.toThrow(StoreUnavailableError);
    expect(world.stored().size).toBe(2);

    await world.setGroup({ since: T0 + 2 * HOUR, generation: 1, members: ['c'] });
    const C = member('c', 1);
    const two = world.process();
    expect(shown(await fetch(two, fetchOf(C, [0, 16, 32])))).toBe('orders 0:-1 16:-1 32:-1');
    expect(await commit(two, commitOf(C, { 16: 5 }))).toEqual(['NONE']);
    one.faults = () => undefined;
    await world.run(one.offsets.removeGroup(GROUP, T0));
    expect(shown(await fetch(two, fetchOf(C, [0, 16, 32])))).toBe('orders 0:-1 16:5 32:-1');
  });

  it('keeps the item for an hour, so that a frozen process that knows of none cannot write one', async () => {
    const frozen = world.process();
    let thawed: Promise<unknown> | undefined;
    frozen.faults = ({ operation }) => {
      if (operation !== 'put' || thawed !== undefined) return undefined;
      thawed = (async () => {
        await one.offsets.fetch(fetchOf(member('b', 1), [0]), context());
        await world.setGroup(LEFT);
        await world.expire(one, LEFT);
      })();
      return { delayBeforeMs: 5_000 };
    };
    await commit(frozen, commitOf(A, { 0: 99 }));
    await thawed;
    expect(shown(await fetch(one, fetchOf(NOBODY, [0])))).toBe('orders 0:-1');
    expect(world.stored().size).toBe(1);
    await world.clock.advance(2 * HOUR);
    await world.run(world.expire(one, LEFT));
    expect(world.stored().size).toBe(0);
  });

  it('of an empty block happens after an hour, however often expiry looks at it', async () => {
    const expire = () => world.run(world.expire(one, LEFT, async () => false));
    const versions = () =>
      world.stores.contents().state.flatMap(({ pk, version }) => (pk === offsetsPk(GROUP) ? [version] : []));
    await commit(one, commitOf(A, { 0: 1 }));
    await world.clock.advance(1_000);
    await expire();
    const emptied = versions();
    expect(emptied).toHaveLength(1);
    await world.clock.advance(HOUR / 2);
    await expire();
    expect(versions()).toEqual(emptied);
    await world.clock.advance(HOUR / 2 + 1_000);
    await expire();
    expect(versions()).toEqual([]);
  });

  it('of topics that are gone happens with expiry', async () => {
    await commit(one, commitOf(A, { 0: 1 }));
    await commit(one, commitOf(A, { 0: 1 }, OTHER));
    await world.clock.advance(2 * HOUR);
    await world.run(world.expire(one, LEFT, async (id) => id === OTHER.id));
    expect([...world.stored().keys()]).toEqual([offsetsSk(OTHER.id, 0)]);
    const { state } = world.stores.contents();
    expect(state.some(({ pk, sk }) => pk === offsetsPk(GROUP) && sk.startsWith(TOPIC.id))).toBe(false);
  });
});
