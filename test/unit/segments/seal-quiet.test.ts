import { beforeEach, describe, expect, it } from 'vitest';
import { UnreadableItems } from '../../../lib/kit/unreadable-items.ts';
import { collectWal } from '../../../lib/segments/collect-wal.ts';
import { quietSealAt, sealQuiet } from '../../../lib/segments/seal-quiet.ts';
import { trimJournal } from '../../../lib/segments/trim.ts';
import { createWorld, FOREVER, HOUR, MINUTE, type World } from '../journal/world.ts';
import { compacting, seal } from './compact-world.ts';
import { append, entryContent, realBatch, type Sealer, sealedContent, startSealer } from './seal-world.ts';

const GRACE = 2 * HOUR;

let world: World;
let sealer: Sealer;

beforeEach(async () => {
  world = await createWorld();
  // Every batch is in a WAL object.
  sealer = await startSealer(world, { tier: { inlineMaxBytes: 0 } });
});

const look = (by = sealer, deadline = FOREVER) => world.run(sealQuiet(by.env, by.open, deadline));
const walObjects = () => [...world.stores.contents().blobs.keys()].filter((key) => key.startsWith('wal/'));
const collect = (graceMs = HOUR) =>
  world.run(
    collectWal(
      sealer.process.journals,
      new UnreadableItems(sealer.process.env.logger),
      { graceMs, everyMs: 0 },
      undefined,
      FOREVER,
    ),
  );

/** Two batches, a seal each. */
async function sealTwice(): Promise<void> {
  for (const value of ['a', 'b']) {
    await append(world, sealer, realBatch([value]));
    await seal(world, sealer);
  }
}

describe('a journal that has become quiet', () => {
  it('gets one seal without batches, and then nothing is due', async () => {
    await sealTwice();
    const sealedAt = sealer.open.journal.view.lastSeal!.time;
    expect(await look()).toEqual({ isSealed: false, next: sealedAt + HOUR });
    await world.clock.advance(HOUR);
    expect(await look()).toEqual({ isSealed: true, next: undefined });
    const { view } = sealer.open.journal;
    expect(view.lastSeal).toMatchObject({ parts: [], key: '', fromSeq: 4, toSeq: 4 });
    expect(view).toMatchObject({ trimmableSeq: 3, hotSince: -1, hotBytes: 0 });
    const entries = world.entries().length;
    await world.clock.advance(48 * HOUR);
    sealer.process.calls.length = 0;
    expect(await look()).toEqual({ isSealed: false, next: undefined });
    expect(sealer.process.calls).toEqual([]);
    expect(world.entries()).toHaveLength(entries);
  });

  it('is read from its segments alone: entries and WAL objects go after their graces', async () => {
    await append(world, sealer, realBatch(['a']), realBatch(['b']));
    const content = await entryContent(world, sealer, 0);
    await seal(world, sealer);
    await world.clock.advance(HOUR);
    await look();
    await world.clock.advance(GRACE + 1);
    await world.run(trimJournal(sealer.open, GRACE, FOREVER));
    await collect();
    expect(world.entries().map(({ kind }) => kind)).toEqual(['seal', 'seal']);
    expect(walObjects()).toEqual([]);
    expect(content.size).toBe(2);
    expect(await sealedContent(world, sealer, 0)).toEqual(content);
  });

  it('keeps the WAL objects of its newest batches until then', async () => {
    await sealTwice();
    await world.clock.advance(24 * HOUR);
    await collect();
    expect(walObjects()).toHaveLength(2);
    await look();
    await collect();
    expect(walObjects()).toEqual([]);
  });

  it('lets go of a WAL object that comes later and that nothing names', async () => {
    await sealTwice();
    await world.clock.advance(HOUR);
    await look();
    await world.clock.advance(HOUR);
    await collect();
    const { wal, stores } = sealer.process.env;
    await world.run(wal.write(sealer.open.journal.id, [Buffer.from('bytes')]));
    // As long as an entry may still name it, it stays, although nothing was written since.
    await world.clock.advance(24 * MINUTE);
    await collect(0);
    expect(walObjects()).toHaveLength(1);
    await world.clock.advance(2 * MINUTE);
    await world.run(stores.journal.query({ pk: 'any', consistent: true }));
    await collect(0);
    expect(walObjects()).toEqual([]);
  });

  it('can be compacted to its end', async () => {
    await sealTwice();
    expect(await world.run(compacting(sealer))).toMatchObject({ kind: 'cleaned', counts: { recordsRead: 1 } });
    await world.clock.advance(HOUR);
    await look();
    expect(await world.run(compacting(sealer))).toMatchObject({ kind: 'cleaned', counts: { recordsRead: 1 } });
  });

  it('is not quiet with a batch that is not sealed, closed, or without a seal', async () => {
    expect(quietSealAt(sealer.open.journal.view)).toBeUndefined();
    await sealTwice();
    const at = quietSealAt(sealer.open.journal.view);
    expect(at).toBeDefined();
    await append(world, sealer, realBatch(['c']));
    expect(quietSealAt(sealer.open.journal.view)).toBeUndefined();
    await seal(world, sealer);
    await sealer.open.writer.appendEntry((_, time) => ({ kind: 'close', time }), FOREVER);
    expect(quietSealAt(sealer.open.journal.view)).toBeUndefined();
  });

  it('is sealed by one of several processes, and a batch that comes first is not in the seal', async () => {
    await sealTwice();
    const other = await startSealer(world);
    await world.clock.advance(HOUR);
    const outcomes = await Promise.all([look(), look(other)]);
    expect(outcomes.filter(({ isSealed }) => isSealed)).toHaveLength(1);
    expect(world.entries().filter(({ kind }) => kind === 'seal')).toHaveLength(3);

    await append(world, sealer, realBatch(['c']));
    await seal(world, sealer);
    await world.clock.advance(HOUR);
    // The other process does not see the batch before its entry loses the slot.
    await world.run(other.open.journal.catchUp(true));
    other.process.faults = ({ store, operation }) =>
      store === 'journal' && operation === 'put' ? { delayBeforeMs: MINUTE } : undefined;
    const late = look(other);
    await world.clock.advance(1_000);
    await append(world, sealer, realBatch(['d']));
    expect(await late).toMatchObject({ isSealed: false, next: undefined });
    expect(sealer.open.journal.view.lastSeal!.parts).toHaveLength(1);
  });

  it('gets the items of its newest seal first, whoever wrote that', async () => {
    await append(world, sealer, realBatch(['a']));
    sealer.process.faults = ({ store, operation, key }) =>
      store === 'state' && operation === 'put' && key.startsWith('segments/') ? { refuse: 'unavailable' } : undefined;
    await seal(world, sealer);
    sealer.process.faults = () => undefined;
    expect((await sealedContent(world, sealer, 0)).size).toBe(0);
    await world.clock.advance(HOUR);
    expect(await look(await startSealer(world))).toMatchObject({ isSealed: true });
    expect((await sealedContent(world, sealer, 0)).size).toBe(1);
  });
});
