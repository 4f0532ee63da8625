import { beforeEach, describe, expect, it } from 'vitest';
import { UnreadableItems } from '../../../lib/kit/unreadable-items.ts';
import { collectObject } from '../../../lib/segments/collect-object.ts';
import { dueJournals as makeDueJournals } from '../../../lib/segments/due-journals.ts';
import { sealWhatIsDue } from '../../../lib/segments/seal-look.ts';
import type { SealLimits } from '../../../lib/segments/seal-span.ts';
import { type DueHandler, sweepDue } from '../../../lib/segments/sweep.ts';
import { createWorld, FOREVER, HOUR, MINUTE, T0, type World } from '../journal/world.ts';
import { append, dueList, realBatch, type Sealer, sealedContent, startSealer } from './seal-world.ts';

const LIMITS: SealLimits = { sealBytes: 2_500, sealMs: 10 * MINUTE };

let world: World;

beforeEach(async () => {
  world = await createWorld();
});

/** A process that puts its journals on the due list, as a composed one does. */
async function startHot(limits = LIMITS): Promise<Sealer> {
  const sealer = await startSealer(world);
  const { stores, clock } = sealer.process.env;
  const { due } = sealer.env;
  const dueJournals = makeDueJournals({
    journal: stores.journal,
    clock,
    due,
    limitsOf: () => limits,
    entriesGraceMs: 7_200_000,
  });
  Object.assign(sealer.process.env, { dueJournals });
  return sealer;
}

const look = ({ env, open }: Sealer, limits = LIMITS) => world.run(sealWhatIsDue(env, open, limits, FOREVER));

/** What the upkeep of a process does with the due list. */
async function sweep({ env, process, open }: Sealer) {
  const unreadable = new UnreadableItems(process.env.logger);
  const journal: DueHandler = (_, deadline) => sealWhatIsDue(env, open, LIMITS, deadline);
  const objects = { journals: process.journals, ...env, journalOf: async () => open.journal.id };
  const handlers = { journal, object: (key: string) => collectObject(objects, key) };
  const { state } = process.stores;
  return world.run(
    sweepDue({ state, clock: process.env.clock, due: env.due, unreadable }, handlers, undefined, FOREVER),
  );
}

describe('a look at a journal', () => {
  it('ends with a line and comes back in an hour if a segment item of the seal before cannot be read', async () => {
    const sealer = await startSealer(world);
    for (let count = 0; count < 3; count++) await append(world, sealer, realBatch(['x'.repeat(1_000)]));
    expect(await look(sealer)).toMatchObject({ counts: { sealed: 1 } });
    const item = world.stores.contents().state.find(({ pk }) => pk.startsWith('segments/'))!;
    const damaged = { ...item, body: Buffer.of(99), nonce: 'damaged' };
    await world.run(world.stores.state.put(damaged, { kind: 'version', version: item.version }));
    for (let count = 0; count < 3; count++) await append(world, sealer, realBatch(['x'.repeat(1_000)]));
    const { next, counts } = await look(sealer);
    expect(counts).toEqual({ sealed: 0, sealedBytes: 0, unreadable: 1 });
    expect(next).toBeGreaterThan(world.clock.now() + HOUR - MINUTE);
  });

  it('seals all that is due, span by span, and says when the rest is', async () => {
    const sealer = await startSealer(world);
    const large = 'x'.repeat(1_000);
    for (let count = 0; count < 5; count++) await append(world, sealer, realBatch([large]));
    const { next, counts } = await look(sealer);
    expect(counts).toMatchObject({ sealed: 2 });
    expect(next).toBe(sealer.open.journal.view.hotSince + LIMITS.sealMs);
    await world.clock.advance(LIMITS.sealMs);
    expect(await look(sealer)).toMatchObject({ next: undefined, counts: { sealed: 1 } });
    expect((await sealedContent(world, sealer, 0)).size).toBe(5);
  });

  it('writes the items of a seal that has none, although nothing else is due', async () => {
    const sealer = await startSealer(world);
    await append(world, sealer, realBatch(['a']));
    await world.clock.advance(LIMITS.sealMs);
    sealer.process.faults = ({ store, operation, key }) =>
      store === 'state' && operation === 'put' && key.startsWith('segments/') ? { refuse: 'unavailable' } : undefined;
    await expect(look(sealer)).rejects.toThrow('unavailable');
    const other = await startSealer(world);
    expect((await sealedContent(world, other, 0)).size).toBe(0);
    expect(await look(other)).toMatchObject({ next: undefined, counts: { sealed: 0 } });
    expect((await sealedContent(world, other, 0)).size).toBe(1);
  });

  it('comes again later for bytes that cannot be read, and at once after its deadline', async () => {
    const writer = await startSealer(world, { tier: { inlineMaxBytes: 0 } });
    await append(world, writer, realBatch(['a']));
    await world.clock.advance(LIMITS.sealMs);
    const { env, open } = await startSealer(world);
    const late = await world.run(sealWhatIsDue(env, open, LIMITS, 0));
    expect(late.next).toBe(world.clock.now());
    for (const key of world.stores.contents().blobs.keys()) await world.run(world.stores.blobs.delete(key));
    const { next, counts } = await look({ env, open } as Sealer);
    expect(counts).toMatchObject({ unreadable: 1 });
    expect(next).toBe(world.clock.now() + HOUR);
  });
});

describe('a hot zone', () => {
  it('is on the due list before its first entry, once for all of its entries', async () => {
    const writer = await startHot();
    writer.process.calls.length = 0;
    await append(world, writer, realBatch(['a']));
    await append(world, writer, realBatch(['b']));
    const puts = writer.process.calls.filter(({ operation }) => operation === 'put').map(({ key }) => key);
    expect(puts).toEqual(['due', 'due', 'journal/topic/0', 'journal/topic/0']);
    const times = [LIMITS.sealMs, HOUR + 16 * MINUTE].map((ms) => String(T0 + ms).padStart(15, '0'));
    expect(dueList(world)).toEqual(times.map((time) => `${time}/journal/topic/0`));
  });

  it('has no entry while the due list cannot be written', async () => {
    const writer = await startHot();
    writer.process.faults = ({ key }) => (key === 'due' ? { delayBeforeMs: 1e15 } : undefined);
    const deadline = writer.process.env.clock.monotonic() + MINUTE;
    const result = await world.run(writer.open.writer.append(realBatch(['a']), deadline));
    expect(result).toMatchObject({ kind: 'rejected', error: 'REQUEST_TIMED_OUT' });
    expect(world.entries()).toHaveLength(1);
  });

  it('of a writer that is gone is sealed by a sweep; then nothing is on the list', async () => {
    const writer = await startHot();
    await append(world, writer, realBatch(['a']), realBatch(['x'], { partition: 1 }));
    const other = await startSealer(world);
    expect(await sweep(other)).toMatchObject({ counts: { looked: 0 } });
    await world.clock.advance(LIMITS.sealMs);
    expect(await sweep(other)).toMatchObject({ counts: { looked: 1, sealed: 1 } });
    await world.clock.advance(2 * HOUR);
    expect(await sweep(other)).toMatchObject({ counts: { looked: 1, sealed: 0, done: 1 } });
    expect(dueList(world)).toEqual([]);
    expect((await sealedContent(world, other, 0)).size).toBe(1);
  });

  it('is looked at again although its first entry lands after the first look', async () => {
    const writer = await startHot();
    // The entry's put is on its way for eleven minutes.
    writer.process.faults = ({ store, operation }) =>
      store === 'journal' && operation === 'put' ? { landAfterMs: 11 * MINUTE } : undefined;
    const appended = writer.open.writer.append(realBatch(['late']), FOREVER);
    await world.clock.advance(10 * MINUTE);
    const other = await startSealer(world);
    expect(await sweep(other)).toMatchObject({ counts: { looked: 1, sealed: 0 } });
    await world.clock.advance(2 * MINUTE);
    writer.process.faults = () => undefined;
    expect(await world.run(appended)).toMatchObject({ kind: 'appended' });
    await world.clock.advance(HOUR + 5 * MINUTE);
    expect(await sweep(other)).toMatchObject({ counts: { looked: 1, sealed: 1 } });
    expect((await sealedContent(world, other, 0)).size).toBe(1);
  });
});
