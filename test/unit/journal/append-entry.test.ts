import { beforeEach, describe, expect, it } from 'vitest';
import { AssertionError } from '../../../lib/core/assert.ts';
import type { OpenJournal } from '../../../lib/journal/open-journal.ts';
import type { EntryMaker } from '../../../lib/journal/writer/work.ts';
import { sealOf } from '../../support/seal-of.ts';
import { part } from './entries.ts';
import { batch, createWorld, FOREVER, first, MINUTE, type Process, type World } from './world.ts';

let world: World;
let process: Process;
let open: OpenJournal;

beforeEach(async () => {
  world = await createWorld();
  process = world.process();
  open = await process.open();
  process.calls.length = 0;
});

const nextEpoch: EntryMaker = (view, time) => ({
  kind: 'leaderChange',
  time,
  leaderEpoch: view.leaderEpoch + 1,
  leader: 4,
});
const epochs = () => world.entries().map((entry) => (entry.kind === 'leaderChange' ? entry.leaderEpoch : entry.kind));

describe('a control entry', () => {
  it('is made from the newest view, and made anew after a lost race', async () => {
    const other = await world.process().open();
    await other.writer.appendEntry(nextEpoch, FOREVER);
    await open.writer.appendEntry(nextEpoch, FOREVER);
    const seen: number[] = [];
    const { put } = process.stores.journal;
    let races = 2;
    process.stores.journal.put = async (...args) => {
      if (races-- > 0) await other.writer.appendEntry(nextEpoch, FOREVER);
      return put(...args);
    };
    const made = open.writer.appendEntry((view, time) => {
      seen.push(view.leaderEpoch);
      return nextEpoch(view, time);
    }, FOREVER);
    expect(await world.run(made)).toBe('written');
    expect(seen).toEqual([2, 3, 4]);
    expect(epochs()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('that there is no need for any more is not written', async () => {
    const other = await world.process().open();
    await other.writer.appendEntry((_, time) => ({ kind: 'close', time }), FOREVER);
    const close: EntryMaker = (view, time) => (view.closed ? undefined : { kind: 'close', time });
    expect(await open.writer.appendEntry(close, FOREVER)).toBe('nothing');
    expect(process.count('journal.put')).toBe(0);
  });

  it('keeps its place between batches', async () => {
    const results = [
      open.writer.append(batch('a'), FOREVER),
      open.writer.append(batch('b'), FOREVER),
      open.writer.appendEntry(nextEpoch, FOREVER),
      open.writer.append(batch('c'), FOREVER),
    ];
    await Promise.all<unknown>(results);
    expect(epochs()).toEqual([0, 'records', 'records', 1, 'records']);
    expect(open.journal.view.partitions.get(0)!.epochs).toEqual([
      { epoch: 0, startOffset: 0 },
      { epoch: 1, startOffset: 2 },
    ]);
  });

  it('is known by its nonce when the answer was lost', async () => {
    process.faults = first(2, 'journal.put', { loseAnswer: true });
    expect(await world.run(open.writer.appendEntry(nextEpoch, FOREVER))).toBe('written');
    expect(epochs()).toEqual([0, 1]);
  });

  it('is answered at its deadline, whatever becomes of it', async () => {
    process.faults = ({ operation }) => (operation === 'put' ? { loseAnswer: true } : undefined);
    const deadline = world.clock.monotonic() + 700;
    expect(await world.run(open.writer.appendEntry(nextEpoch, deadline), 701)).toBe('timedOut');
    process.faults = () => undefined;
    // It had landed; the queue finds out and goes on.
    expect(await world.run(open.writer.append(batch('a'), FOREVER))).toMatchObject({ kind: 'appended' });
    expect(epochs()).toEqual([0, 1, 'records']);
  });

  it('that the store will not take is a bug, and the queue goes on', async () => {
    const { put } = process.stores.journal;
    process.stores.journal.put = () => Promise.resolve({ kind: 'refused', reason: 'rejected', message: 'not that' });
    await expect(open.writer.appendEntry(nextEpoch, FOREVER)).rejects.toThrow('not that');
    process.stores.journal.put = put;
    expect(await open.writer.append(batch('a'), FOREVER)).toMatchObject({ kind: 'appended' });
  });

  it('is signed before the time that its caller gives, or not at all', async () => {
    const seal: EntryMaker = (view, time) => sealOf(view, (seq) => world.entries()[seq]!, view.seq, time);
    const signBefore = process.stores.journal.now() + MINUTE;
    expect(await world.run(open.writer.appendEntry(seal, FOREVER, { signBefore }))).toBe('written');
    expect(process.puts.at(-1)?.options?.signBefore).toBe(signBefore);
    // Signing is too late only when the put is made: the read before it took so long.
    process.faults = first(1, 'journal.query', { delayAfterMs: 2 * MINUTE });
    expect(await world.run(open.writer.appendEntry(seal, FOREVER, { signBefore }))).toBe('nothing');
    expect(world.entries()).toHaveLength(2);
  });

  it('that was refused because it was signed too late is not tried again', async () => {
    const signBefore = process.stores.journal.now() + MINUTE;
    const { put } = process.stores.journal;
    process.stores.journal.put = async (...args) => {
      await new Promise<void>((resolve) => world.clock.setTimer(2 * MINUTE, resolve));
      return put(...args);
    };
    const puts = process.puts.length;
    expect(await world.run(open.writer.appendEntry(nextEpoch, FOREVER, { signBefore }))).toBe('nothing');
    expect(process.puts).toHaveLength(puts + 1);
    expect(epochs()).toEqual([0]);
  });

  it('that does not fit the segments is a bug, and is not written', async () => {
    const start = { partition: 0, offset: 0, segmentsFrom: 0, segments: 1, bytes: 0 };
    const wrong: EntryMaker[] = [
      (view, time) => ({ ...sealOf(view, (seq) => world.entries()[seq]!, view.seq, time), fromSeq: 1 }),
      (_, time) => ({ kind: 'logStart', time, starts: [start] }),
      (_, time) => ({
        kind: 'replace',
        time,
        partition: 0,
        baseOffset: 0,
        nextOffset: 1,
        key: 'k',
        parts: [part({})],
        removedSegments: 1,
        removedBytes: 0,
      }),
    ];
    for (const make of wrong) await expect(open.writer.appendEntry(make, FOREVER)).rejects.toThrow(AssertionError);
    expect(world.entries()).toHaveLength(1);
  });
});
