import { describe, expect, it } from 'vitest';
import { collectObject } from '../../../lib/segments/collect-object.ts';
import { mergeSegments } from '../../../lib/segments/merge.ts';
import { MERGE_SEGMENTS_MIN } from '../../../lib/segments/merge-plan.ts';
import { sealJournal } from '../../../lib/segments/seal.ts';
import { createWorld, FOREVER, HOUR, JOURNAL, MINUTE, type World } from '../journal/world.ts';
import {
  append,
  type Content,
  dueList,
  realBatch,
  type Sealer,
  sealedContent,
  segmentObjects,
  startSealer,
  stopAt,
} from './seal-world.ts';

const LIMITS = { mergeBytes: 64 * 1024 };
const SEALS = MERGE_SEGMENTS_MIN + 1;

const merge = ({ env, open }: Sealer) => mergeSegments(env, open, 0, LIMITS, FOREVER);

async function sealOne(world: World, sealer: Sealer, value: string): Promise<void> {
  await append(world, sealer, realBatch([value, `${value}!`]));
  const { env, open } = sealer;
  await world.run(sealJournal(env, open, { sealBytes: 1, sealMs: 1 }, FOREVER, true));
}

/** Nine sealed segments of one partition; the newest is not merged. */
async function manySegments(): Promise<{ world: World; sealer: Sealer; content: Content }> {
  const world = await createWorld();
  const sealer = await startSealer(world);
  for (let count = 0; count < SEALS; count++) await sealOne(world, sealer, `value ${count}`);
  return { world, sealer, content: await sealedContent(world, sealer, 0) };
}

async function list(world: World, { env }: Sealer) {
  const { segments } = await world.run(env.index.list('topic', 0, { from: 0, consistent: true }));
  return segments;
}

/** What the view counts is what the items say, and nothing is lost. */
async function expectWhole(world: World, content: Content): Promise<void> {
  const survivor = await startSealer(world);
  // The next merge or seal completes what was left half done.
  await world.run(merge(survivor));
  await sealOne(world, survivor, 'next');
  await sealOne(world, survivor, 'last');
  const sealed = await sealedContent(world, survivor, 0);
  expect(Object.fromEntries(sealed)).toMatchObject(Object.fromEntries(content));
  expect(sealed.size).toBe(content.size + 2);
  const segments = await list(world, survivor);
  const view = survivor.open.journal.view.partitions.get(0)!;
  expect(view.segments).toBe(segments.length);
  expect(view.sealedBytes).toBe(segments.reduce((bytes, { log }) => bytes + log.length, 0));
  const named = new Set(segments.map(({ key }) => key));
  const due = dueList(world);
  const unnamed = segmentObjects(world).filter((key) => !named.has(key));
  const replaced = world.stores
    .contents()
    .state.filter(({ pk }) => pk === 'segments/topic/0')
    .map(({ body }) => body);
  // Each other object is on the due list or still named by the item of a replaced segment.
  expect(
    unnamed.filter((key) => !due.some((sk) => sk.endsWith(key)) && !replaced.some((body) => body.includes(key))),
  ).toEqual([]);
}

describe('a merge', () => {
  it('makes one segment of many, with the same batches', async () => {
    const { world, sealer, content } = await manySegments();
    const old = await list(world, sealer);
    const bytes = old.slice(0, -1).reduce((sum, { log }) => sum + log.length, 0);
    const other = await startSealer(world);
    expect(await world.run(merge(other))).toEqual({ kind: 'merged', segments: SEALS - 1, bytes });
    const segments = await list(world, other);
    expect(segments.map(({ baseOffset, nextOffset }) => [baseOffset, nextOffset])).toEqual([
      [0, 2 * (SEALS - 1)],
      [2 * (SEALS - 1), 2 * SEALS],
    ]);
    expect(segments[0]!.key).toMatch(/^segment\/topic\/p0\/0000000000000000-/);
    expect(segments[0]!.maxTimestamp).toBe(old[0]!.maxTimestamp);
    expect(await sealedContent(world, other, 0)).toEqual(content);
    expect(await world.run(merge(other))).toEqual({ kind: 'nothingDue' });
    await expectWhole(world, content);
  });

  it.each([
    ['before the store has carried it out', false],
    ['after that, without the answer', true],
  ])('that stops at any call loses nothing, %s', { timeout: 60_000 }, async (_, arrives) => {
    const { world: first, sealer } = await manySegments();
    sealer.process.calls.length = 0;
    await first.run(merge(sealer));
    const calls = sealer.process.calls.length;
    for (let at = 1; at <= calls; at++) {
      const { world, content } = await manySegments();
      const stopped = await startSealer(world);
      stopped.process.faults = stopAt(at, arrives);
      void merge(stopped);
      await world.clock.advance(MINUTE);
      await expectWhole(world, content);
    }
  });

  it('of two at once wins, whoever is slower and wherever', { timeout: 60_000 }, async () => {
    const { world: first, sealer } = await manySegments();
    sealer.process.calls.length = 0;
    await first.run(merge(sealer));
    const calls = sealer.process.calls.length;
    for (let at = 1; at <= calls; at++) {
      const { world, content } = await manySegments();
      const [slow, fast] = [await startSealer(world), await startSealer(world)];
      let made = 0;
      slow.process.faults = () => (++made === at ? { delayBeforeMs: 1_000, delayAfterMs: 1_000 } : undefined);
      const outcomes = await world.run(Promise.all([merge(slow), merge(fast)]));
      expect(outcomes.filter(({ kind }) => kind === 'merged')).toHaveLength(1);
      expect(['lost', 'nothingDue']).toContain(outcomes.find(({ kind }) => kind !== 'merged')!.kind);
      await expectWhole(world, content);
    }
  });

  it('is lost if another one comes in while it completes the one before', { timeout: 60_000 }, async () => {
    const { world, sealer } = await manySegments();
    await world.run(merge(sealer));
    for (let count = 0; count < SEALS; count++) await sealOne(world, sealer, `more ${count}`);
    const content = await sealedContent(world, sealer, 0);
    const [slow, fast] = [await startSealer(world), await startSealer(world)];
    let isStored = false;
    slow.process.faults = ({ store, operation }) => {
      if (store === 'blobs' && operation === 'put') isStored = true;
      // The read of the entry whose items are completed.
      return isStored && store === 'journal' && operation === 'get' ? { delayAfterMs: 10_000 } : undefined;
    };
    const merging = merge(slow);
    await world.clock.advance(1_000);
    // The entry of the faster one is there, its items are not yet.
    fast.process.faults = ({ store, operation, key }) =>
      store === 'state' && operation === 'put' && key.startsWith('segments/') ? { delayBeforeMs: 60_000 } : undefined;
    const faster = merge(fast);
    await world.clock.advance(1_000);
    await world.run(slow.open.journal.catchUp(true));
    expect(await world.run(merging)).toEqual({ kind: 'lost' });
    expect(await world.run(faster)).toMatchObject({ kind: 'merged' });
    await expectWhole(world, content);
  });

  it('is lost if retention stops counting one of the segments meanwhile', async () => {
    const { world, sealer, content } = await manySegments();
    const other = await startSealer(world);
    sealer.process.faults = ({ store, operation }) =>
      store === 'blobs' && operation === 'put' ? { delayAfterMs: 10_000 } : undefined;
    const merging = merge(sealer);
    const [gone] = await list(world, other);
    const start = { partition: 0, offset: 2, segmentsFrom: 2, segments: 1, bytes: gone!.log.length };
    await world.run(other.open.writer.appendEntry((_, time) => ({ kind: 'logStart', time, starts: [start] }), FOREVER));
    expect(await world.run(merging)).toEqual({ kind: 'lost' });
    expect(await sealedContent(world, other, 0)).toEqual(content);
  });

  it('leaves everything as it is if an object is missing or damaged', async () => {
    const { world, sealer } = await manySegments();
    const entries = world.entries();
    const [key] = segmentObjects(world);
    const { bytes } = world.stores.contents().blobs.get(key!)!;
    bytes.writeUInt8(bytes[70]! ^ 1, 70);
    const damaged = await world.run(merge(sealer));
    expect(damaged).toEqual({ kind: 'unreadable', message: `object ${key}: the batch at offset 0 is damaged` });
    await world.run(world.stores.blobs.put(key!, [bytes.subarray(0, 70)]));
    expect(await world.run(merge(sealer))).toEqual({ kind: 'unreadable', message: `object ${key} is cut off` });
    await world.run(world.stores.blobs.delete(key!));
    expect(await world.run(merge(sealer))).toEqual({ kind: 'unreadable', message: `object ${key} is missing` });
    expect(world.entries()).toEqual(entries);
    expect(segmentObjects(world)).toHaveLength(SEALS - 1);
  });
});

it('leaves everything as it is if a segment item cannot be read', async () => {
  const { world, sealer } = await manySegments();
  const entries = world.entries();
  const item = world.stores.contents().state.find(({ pk }) => pk.startsWith('segments/'))!;
  const damaged = { ...item, body: Buffer.of(99), nonce: 'damaged' };
  await world.run(world.stores.state.put(damaged, { kind: 'version', version: item.version }));
  const message = expect.stringContaining(`item ${item.pk}/${item.sk}`);
  expect(await world.run(merge(sealer))).toEqual({ kind: 'unreadable', message });
  expect(world.entries()).toEqual(entries);
  expect(segmentObjects(world)).toHaveLength(SEALS);
});

it.each<[string, (sealer: Sealer) => Promise<unknown>]>([
  ['a seal without items', async ({ env, open }) => sealJournal(env, open, { sealBytes: 1, sealMs: 1 }, FOREVER, true)],
  ['a merge without items', merge],
])('the object of %s is not deleted: its entry names it', async (_, work) => {
  const { world, sealer } = await manySegments();
  await append(world, sealer, realBatch(['unsealed']));
  const before = new Set(segmentObjects(world));
  sealer.process.faults = ({ store, operation, key }) =>
    store === 'state' && operation === 'put' && key.startsWith('segments/') ? { refuse: 'unavailable' } : undefined;
  await world.run(work(sealer));
  const key = segmentObjects(world).find((one) => !before.has(one))!;
  await world.clock.advance(3 * HOUR);
  const other = await startSealer(world);
  const journalOf = async () => JOURNAL;
  await world.run(collectObject({ journals: other.process.journals, ...other.env, journalOf }, key));
  expect(segmentObjects(world)).toContain(key);
  // The seal that covers the entry of the merge writes its items.
  for (const value of ['next', 'last']) await sealOne(world, other, value);
  expect((await list(world, other)).map((one) => one.key)).toContain(key);
});
