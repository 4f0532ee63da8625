import { beforeEach, describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../lib/core/bytes.ts';
import { SegmentIndex } from '../../../lib/segments/segment-index.ts';
import { encodeSegment, type LiveSegment, segmentPk, segmentSk } from '../../../lib/storage/items/segment.ts';
import type { StoreCall } from '../../../lib/storage/memory/faults.ts';
import { meterStores } from '../../../lib/storage/metering.ts';
import { CountingMeter } from '../../support/counting-meter.ts';
import { createWorld, FOREVER, first, HOUR, MINUTE, type Process, type World } from '../journal/world.ts';
import { epochsOf, indexOf, JOURNAL, part, replacement, say, seal, sealed, stored, TOPIC } from './index-world.ts';

let world: World;
let one: Process;
let index: SegmentIndex;
beforeEach(async () => {
  world = await createWorld();
  one = world.process();
  index = indexOf(one);
});

const find = (offset: number, by = index, options = {}) => world.run(by.find(TOPIC, 0, offset, options));
const replace = (...args: Parameters<typeof replacement>) =>
  world.run(index.writeReplace(JOURNAL, replacement(...args), world.clock.now()));
const queries = () => one.calls.filter(({ operation }) => operation === 'query').length;

describe('find', () => {
  it('gives the segment that holds the offset, by one query of one item', async () => {
    await sealed(world, index, [10, 20, 30]);
    for (const [offset, base] of [
      [0, 0],
      [9, 0],
      [10, 10],
      [29, 20],
    ] as const) {
      const before = queries();
      expect(await find(offset, indexOf(one))).toMatchObject({ state: 'live', baseOffset: base, journal: JOURNAL });
      expect(queries() - before).toBe(1);
    }
  });

  it('gives none after the last segment, before the first one, and of another partition', async () => {
    await sealed(world, index, [10, 20]);
    expect(await find(20)).toBeUndefined();
    await world.run(index.remove(TOPIC, 0, 10, { deadline: FOREVER }));
    expect(await find(5)).toBeUndefined();
    expect(await world.run(index.find(TOPIC, 1, 15))).toBeUndefined();
    expect(await world.run(index.find('other', 0, 15))).toBeUndefined();
  });

  it('asks again once a minute has passed, since the segment may have been replaced', async () => {
    await sealed(world, index, [10, 20]);
    await find(3);
    const before = queries();
    await world.clock.advance(MINUTE - 1_000);
    await find(3);
    expect(queries()).toBe(before);
    await world.clock.advance(2_000);
    await find(3);
    expect(queries()).toBe(before + 1);
  });

  it('asks no second time for a segment that it found, and does after `forget` or when told', async () => {
    await sealed(world, index, [10, 20]);
    expect(await find(3)).toMatchObject({ baseOffset: 0 });
    const before = queries();
    expect(await find(7)).toMatchObject({ baseOffset: 0 });
    expect(queries()).toBe(before);
    index.forget(TOPIC, 0, 9);
    await find(7);
    expect(queries()).toBe(before + 1);
    await find(7, index, { consistent: true });
    expect(queries()).toBe(before + 2);
    expect(one.calls.at(-1)).toMatchObject({ consistent: true });
  });

  it('asks strongly consistent for a segment that an eventually consistent read does not show', async () => {
    await sealed(world, index, [10, 20]);
    one.faults = ({ consistent }) => (consistent ? undefined : { lag: { writes: 1 } });
    expect(await find(15)).toMatchObject({ baseOffset: 10 });
  });

  it('follows replaced segments to the one that holds the offset, also over several replacements', async () => {
    await sealed(world, index, [10, 20, 30, 40]);
    await replace(10, 20, 40);
    await replace(11, 10, 40);
    await replace(12, 0, 40);
    expect(say(stored(world))).toEqual(['0-40@12', '10>0@12', '20>10@11', '30>20@10']);
    for (const offset of [0, 15, 25, 35, 39]) expect(await find(offset, indexOf(one))).toMatchObject({ seq: 12 });
    await replace(13, 0, 5, 22, 40);
    for (const [offset, base] of [
      [4, 0],
      [15, 5],
      [21, 5],
      [25, 22],
      [35, 22],
    ] as const) {
      expect(await find(offset, indexOf(one))).toMatchObject({ seq: 13, baseOffset: base });
    }
  });

  it('serves what was replaced from its cache until it is asked to forget it', async () => {
    await sealed(world, index, [10, 20]);
    const other = indexOf(world.process());
    await find(15, other);
    await replace(10, 0, 20);
    expect(await find(15, other)).toMatchObject({ baseOffset: 10, seq: 2 });
    other.forget(TOPIC, 0, 15);
    expect(await find(15, other, { consistent: true })).toMatchObject({ baseOffset: 0, seq: 10 });
    expect(await find(12, other)).toMatchObject({ baseOffset: 0, seq: 10 });
  });

  it('says which item it cannot read', async () => {
    const item = { pk: segmentPk(TOPIC, 0), sk: segmentSk(5), version: 1, nonce: 'n' };
    await one.stores.state.put({ ...item, body: Buffer.of(9, 0) }, { kind: 'absent' });
    await expect(find(5)).rejects.toThrow(MalformedBytesError);
    await expect(find(5)).rejects.toThrow(`segments/${TOPIC}/0/0000000000000005`);
    const body = encodeSegment({ ...liveAt(6), state: 'live' });
    await one.stores.state.put({ ...item, version: 2, body }, { kind: 'version', version: 1 });
    await expect(find(5)).rejects.toThrow('begins at 6');
  });
});

function liveAt(baseOffset: number): LiveSegment {
  const named = { key: 'k', journal: JOURNAL, seq: 2, namedAt: 0, maxTimestampSoFar: 0, epochs: [] };
  return { ...part(baseOffset, baseOffset + 10), ...named, state: 'live' };
}

describe('list', () => {
  const bases = async (request: Parameters<SegmentIndex['list']>[2]) => {
    const found: number[] = [];
    let pages = 0;
    for (let from: number | undefined = request.from; from !== undefined; ) {
      const page: Awaited<ReturnType<SegmentIndex['list']>> = await world.run(
        index.list(TOPIC, 0, { ...request, from }),
      );
      found.push(...page.segments.map(({ baseOffset }) => baseOffset));
      from = page.next;
      pages++;
    }
    return { found, pages };
  };

  it.each([1, 2, 3, 100])('goes up and down from an offset, by pages of %d', async (limit) => {
    await sealed(world, index, [10, 20, 30, 40, 50, 60]);
    await replace(10, 20, 50);
    expect((await bases({ from: 0, limit })).found).toEqual([0, 10, 20, 50]);
    expect((await bases({ from: 15, limit })).found).toEqual([10, 20, 50]);
    expect((await bases({ from: 45, limit })).found).toEqual([20, 50]);
    expect((await bases({ from: 60, limit })).found).toEqual([]);
    expect((await bases({ from: 100, order: 'descending', limit })).found).toEqual([50, 20, 10, 0]);
    expect((await bases({ from: 45, order: 'descending', limit })).found).toEqual([20, 10, 0]);
    expect((await bases({ from: 5, order: 'descending', limit })).found).toEqual([0]);
  });

  it('starts at the first segment that is left, and gives nothing where there is none', async () => {
    expect(await world.run(index.list(TOPIC, 0, { from: 0 }))).toEqual({ segments: [], next: undefined });
    expect(await world.run(index.list(TOPIC, 0, { from: 9, order: 'descending' }))).toEqual({
      segments: [],
      next: undefined,
    });
    await sealed(world, index, [10, 20, 30]);
    await world.run(index.remove(TOPIC, 0, 15, { deadline: FOREVER }));
    expect((await bases({ from: 0 })).found).toEqual([10, 20]);
    expect((await bases({ from: 100, order: 'descending' })).found).toEqual([20, 10]);
  });

  it('steps over hundreds of replaced segments', async () => {
    const ends = Array.from({ length: 300 }, (_, at) => (at + 1) * 10);
    await sealed(world, index, ends);
    await replace(1_000, 10, 2_990);
    for (const limit of [1, 50]) {
      expect((await bases({ from: 0, limit })).found).toEqual([0, 10, 2_990]);
      expect((await bases({ from: 5_000, order: 'descending', limit })).found).toEqual([2_990, 10, 0]);
    }
  });
});

describe('firstByTime', () => {
  const byTime = (timestamp: number, from = 0, to = 1e9) => world.run(index.firstByTime(TOPIC, 0, timestamp, from, to));

  it('takes about log2 of the number of segments queries of one item', async () => {
    const count = 10_000;
    const meter = new CountingMeter();
    const { state } = meterStores(one.stores, meter);
    const metered = new SegmentIndex({ ...one.env, state });
    for (let at = 0; at < count; at++) {
      const segment = { ...liveAt(at * 10), maxTimestamp: at, maxTimestampSoFar: at };
      const item = { pk: segmentPk(TOPIC, 0), sk: segmentSk(at * 10), version: 2, nonce: `${at}` };
      await one.stores.state.put({ ...item, body: encodeSegment(segment) }, { kind: 'absent' });
    }
    for (const timestamp of [0, 1, 4_999, 5_000, 7_777, 9_999]) {
      meter.reset();
      const found = await metered.firstByTime(TOPIC, 0, timestamp, 0, count * 10);
      expect(found?.baseOffset).toBe(timestamp * 10);
      const { calls, items } = meter.totals('state.query');
      expect(calls).toBeLessThanOrEqual(Math.ceil(Math.log2(count)) + 1);
      expect(items).toBe(calls);
    }
    meter.reset();
    expect(await metered.firstByTime(TOPIC, 0, 10_000, 0, count * 10)).toBeUndefined();
    expect(meter.totals('state.query').calls).toBeLessThanOrEqual(Math.ceil(Math.log2(count)) + 1);
  });

  it('gives the first one with the time among timestamps in any order, within the offsets asked for', async () => {
    const timestamps = [5, 3, 9, 2, 9, 12, 1, 12];
    for (const [at, timestamp] of timestamps.entries()) {
      const one = seal(at + 1, part(at * 10, at * 10 + 10, timestamp));
      await world.run(index.writeSeal(JOURNAL, one, world.clock.now(), epochsOf));
    }
    for (let timestamp = 0; timestamp < 14; timestamp++) {
      for (const from of [0, 15, 30, 55, 80]) {
        for (const to of [1, 40, 80, 1_000]) {
          const expected = timestamps.findIndex(
            (one, at) => one >= timestamp && at * 10 + 10 > from && at * 10 < to && from < to,
          );
          expect((await byTime(timestamp, from, to))?.baseOffset).toBe(expected < 0 ? undefined : expected * 10);
        }
      }
    }
  });

  it('finds the record after compaction has removed the largest timestamp', async () => {
    await sealed(world, index, [10, 20, 30, 40]);
    const cleaned = { ...replacement(10, 0, 10), parts: [part(0, 10, -1)] };
    await world.run(index.writeReplace(JOURNAL, cleaned, world.clock.now()));
    expect((await byTime(5))?.baseOffset).toBe(10);
  });

  it('finds the newest segment where eventually consistent reads do not show it', async () => {
    await sealed(world, index, [10, 20, 30]);
    one.faults = ({ consistent }) => (consistent ? undefined : { lag: { writes: 1 } });
    expect((await byTime(25, 0, 30))?.baseOffset).toBe(20);
  });

  it('goes over offsets that no segment holds', async () => {
    await sealed(world, index, [10, 20, 30]);
    await world.run(index.remove(TOPIC, 0, 20, { deadline: FOREVER }));
    expect((await byTime(5))?.baseOffset).toBe(20);
    expect((await byTime(5, 0, 1e9))?.baseOffset).toBe(20);
    expect(await byTime(5, 0, 15)).toBeUndefined();
  });
});

describe('writeSeal', () => {
  const write = (one = seal(7, part(0, 10)), confirmedAt = world.clock.now()) =>
    world.run(index.writeSeal(JOURNAL, one, confirmedAt, epochsOf));

  it('writes an item for each part, with what the entry says', async () => {
    const both = seal(7, part(0, 10, 50), part(40, 60, 70, 3));
    await write(both);
    expect(stored(world, 0)).toEqual([
      {
        ...part(0, 10, 50),
        ...{ state: 'live', key: both.key, journal: JOURNAL, seq: 7, namedAt: both.time },
        maxTimestampSoFar: 50,
        epochs: [{ epoch: 0, startOffset: 0 }],
      },
    ]);
    expect(say(stored(world, 3))).toEqual(['40-60@7']);
    expect(await world.run(index.readBack(JOURNAL, both))).toBe(true);
  });

  it('carries the largest timestamp on', async () => {
    for (const [at, timestamp] of [5, 3, -1, 9].entries()) await write(seal(at + 1, part(at, at + 1, timestamp)));
    expect(stored(world).map(({ maxTimestampSoFar }) => maxTimestampSoFar)).toEqual([5, 5, 5, 9]);
  });

  it('keeps the epochs that the segment has offsets of', async () => {
    const epochs = [0, 10, 25, 30].map((startOffset, at) => ({ epoch: at * 2, startOffset }));
    await world.run(index.writeSeal(JOURNAL, seal(1, part(10, 30)), world.clock.now(), () => epochs));
    expect(stored(world)[0]!.epochs).toEqual(epochs.slice(1, 3));
  });

  it('costs one query and one put for a part, and one query when it is there', async () => {
    await sealed(world, index, [10]);
    const calls = one.calls.length;
    await write(seal(7, part(10, 20)));
    expect(one.calls.slice(calls).map(({ operation }) => operation)).toEqual(['query', 'put']);
    await write(seal(7, part(10, 20)));
    expect(one.calls.slice(calls + 2).map(({ operation, consistent }) => [operation, consistent])).toEqual([
      ['query', true],
    ]);
  });

  it('signs no put an hour after the entry was seen', async () => {
    const seen = world.clock.now();
    await world.clock.advance(HOUR - MINUTE);
    await write(seal(7, part(0, 10)), seen);
    await world.clock.advance(MINUTE);
    await expect(write(seal(8, part(10, 20)), seen)).rejects.toThrow('was not stored');
    expect(say(stored(world))).toEqual(['0-10@7']);
  });

  it('leaves a segment that was replaced since as it is, also when its item has gone', async () => {
    await sealed(world, index, [10, 20]);
    await replace(10, 0, 20);
    await write(seal(2, part(10, 20)));
    expect(say(stored(world))).toEqual(['0-20@10', '10>0@10']);
    await world.clock.advance(2 * HOUR);
    await world.run(index.removeReplaced(TOPIC, 0, 0, 20, { deadline: FOREVER }));
    await write(seal(2, part(10, 20)));
    expect(say(stored(world))).toEqual(['0-20@10']);
    expect(await world.run(index.readBack(JOURNAL, seal(2, part(10, 20))))).toBe(true);
  });

  it('takes a put without an answer for what it is', async () => {
    one.faults = first(1, 'state.put', { loseAnswer: true });
    await write();
    expect([say(stored(world)), one.count('state.put')]).toEqual([['0-10@7'], 2]);
  });

  it('writes the same once when several processes do it', async () => {
    const both = [index, indexOf(world.process()), indexOf(world.process())].map((by) =>
      by.writeSeal(JOURNAL, seal(7, part(0, 10), part(0, 5, 1, 1)), world.clock.now(), epochsOf),
    );
    await world.run(Promise.all(both));
    expect([say(stored(world)), say(stored(world, 1))]).toEqual([['0-10@7'], ['0-5@7']]);
  });
});

describe('readBack', () => {
  it('is false until every part has its item, and reads strongly consistent', async () => {
    const both = seal(7, part(0, 10), part(0, 5, 1, 1));
    expect(await world.run(index.readBack(JOURNAL, both))).toBe(false);
    await world.run(index.writeSeal(JOURNAL, seal(7, part(0, 10)), world.clock.now(), epochsOf));
    expect(await world.run(index.readBack(JOURNAL, both))).toBe(false);
    await world.run(index.writeSeal(JOURNAL, both, world.clock.now(), epochsOf));
    const before = one.calls.length;
    expect(await world.run(index.readBack(JOURNAL, both))).toBe(true);
    expect(one.calls.slice(before).every((call: StoreCall) => call.consistent)).toBe(true);
  });

  it('is false where only an older segment holds the offsets', async () => {
    await sealed(world, index, [10]);
    expect(await world.run(index.readBack(JOURNAL, seal(7, part(0, 10))))).toBe(false);
    expect(await world.run(index.readBack(JOURNAL, seal(7, part(5, 10))))).toBe(false);
  });
});
