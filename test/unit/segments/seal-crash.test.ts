import { describe, expect, it } from 'vitest';
import { type SealOutcome, sealJournal } from '../../../lib/segments/seal.ts';
import type { SealLimits } from '../../../lib/segments/seal-span.ts';
import { createWorld, FOREVER, HOUR, MINUTE, type World } from '../journal/world.ts';
import {
  append,
  type Content,
  dueList,
  entryContent,
  realBatch,
  type Sealer,
  sealedContent,
  segmentObjects,
  startSealer,
  stopAt,
} from './seal-world.ts';

const LIMITS: SealLimits = { sealBytes: 1_000_000, sealMs: HOUR };
const WAL = { tier: { inlineMaxBytes: 0 } };
const PARTITIONS = [0, 1];

const start = ({ env, open }: Sealer) => sealJournal(env, open, LIMITS, FOREVER, true);

/** A journal with records in two partitions, part of them sealed, read by a process without a cache. */
async function sealedOnce(): Promise<{ world: World; writer: Sealer; content: Content[] }> {
  const world = await createWorld();
  const writer = await startSealer(world, WAL);
  await append(world, writer, realBatch(['a', 'b']), realBatch(['x'], { partition: 1 }));
  await world.run(start(writer));
  await append(world, writer, realBatch(['c']), realBatch(['y'], { partition: 1 }));
  const content = await Promise.all(PARTITIONS.map((partition) => entryContent(world, writer, partition)));
  return { world, writer, content };
}

/** Everything is in segments once others have sealed twice more, and nothing is there twice. */
async function expectWhole(world: World, content: readonly Content[]): Promise<void> {
  const survivor = await startSealer(world, WAL);
  for (const value of ['next', 'last']) {
    await append(world, survivor, realBatch([value]));
    expect(await world.run(start(survivor))).toMatchObject({ kind: 'sealed' });
  }
  for (const partition of PARTITIONS) {
    const sealed = await sealedContent(world, survivor, partition);
    expect(Object.fromEntries(sealed)).toMatchObject(Object.fromEntries(content[partition]!));
    expect(sealed.size).toBe(content[partition]!.size + (partition === 0 ? 2 : 0));
  }
  const seals = world.entries().filter((entry) => entry.kind === 'seal');
  expect(seals.map(({ fromSeq }) => fromSeq)).toEqual([0, ...seals.slice(0, -1).map(({ toSeq }) => toSeq + 1)]);
  // Each object that no seal names is on the due list, so that it is found.
  const named = new Set(seals.map(({ key }) => key));
  const strays = segmentObjects(world).filter((key) => !named.has(key));
  expect(strays.filter((key) => !dueList(world).some((sk) => sk.endsWith(key)))).toEqual([]);
}

/** The calls to the stores that one seal makes. */
async function callsOfSeal(): Promise<number> {
  const { world } = await sealedOnce();
  const sealer = await startSealer(world, WAL);
  sealer.process.calls.length = 0;
  await world.run(start(sealer));
  return sealer.process.calls.length;
}

describe('a process that stops at any call of a seal', () => {
  it.each([
    ['before the store has carried it out', false],
    ['after that, without the answer', true],
  ])('leaves a journal that others seal, %s', { timeout: 60_000 }, async (_, arrives) => {
    const calls = await callsOfSeal();
    expect(calls).toBeGreaterThan(10);
    for (let at = 1; at <= calls; at++) {
      const { world, content } = await sealedOnce();
      const stopped = await startSealer(world, WAL);
      stopped.process.faults = stopAt(at, arrives);
      void start(stopped);
      await world.clock.advance(MINUTE);
      await expectWhole(world, content);
    }
  });
});

describe('several sealers at once', () => {
  it('seal a span once, whoever is slower and wherever', { timeout: 60_000 }, async () => {
    const calls = await callsOfSeal();
    for (let at = 1; at <= calls; at++) {
      const { world, content } = await sealedOnce();
      const [slow, fast] = [await startSealer(world, WAL), await startSealer(world, WAL)];
      let made = 0;
      slow.process.faults = () => {
        made += 1;
        return made === at ? { delayBeforeMs: 1_000, delayAfterMs: 1_000 } : undefined;
      };
      const outcomes: SealOutcome[] = await world.run(Promise.all([start(slow), start(fast)]));
      // The slower one may begin after the span was sealed.
      const sealed = outcomes.filter(({ kind }) => kind === 'sealed');
      expect(sealed).toHaveLength(1);
      const other = outcomes.find(({ kind }) => kind !== 'sealed')!;
      expect(['lost', 'nothingDue']).toContain(other.kind);
      await expectWhole(world, content);
    }
  });

  it('have one seal in progress per process', async () => {
    const { world, writer } = await sealedOnce();
    const other = await startSealer(world, WAL);
    let inProgress = 0;
    let most = 0;
    const counting: Sealer['env'] = {
      ...writer.env,
      slots: {
        runWithin: (clock, waitMs, task) =>
          writer.env.slots.runWithin(clock, waitMs, async () => {
            most = Math.max(most, ++inProgress);
            try {
              return await task();
            } finally {
              inProgress -= 1;
            }
          }),
      } as Sealer['env']['slots'],
    };
    await world.run(Promise.all([writer, other].map(({ open }) => sealJournal(counting, open, LIMITS, FOREVER, true))));
    expect(most).toBe(1);
  });
});

it('writes the items of the seal before it, which its process did not come to (R15)', async () => {
  const { world, writer } = await sealedOnce();
  writer.process.faults = ({ store, operation, key }) =>
    store === 'state' && operation === 'put' && key.startsWith('segments/') ? { refuse: 'unavailable' } : undefined;
  expect(await world.run(start(writer))).toMatchObject({ kind: 'sealed' });
  expect(writer.process.lines).toMatchObject([{ event: 'seal_items_failed' }]);
  const other = await startSealer(world, WAL);
  expect((await sealedContent(world, other, 0)).size).toBe(1);
  await append(world, other, realBatch(['d']));
  // While the items cannot be written, nothing is sealed.
  other.process.faults = writer.process.faults;
  await expect(world.run(start(other))).rejects.toThrow('unavailable');
  expect(world.entries().filter(({ kind }) => kind === 'seal')).toHaveLength(2);
  other.process.faults = () => undefined;
  expect(await world.run(start(other))).toMatchObject({ kind: 'sealed' });
  expect((await sealedContent(world, other, 0)).size).toBe(3);
});
