import { beforeEach, describe, expect, it } from 'vitest';
import type { MarkersEntry } from '../../../lib/journal/entry.ts';
import type { OpenJournal } from '../../../lib/journal/open-journal.ts';
import type { EntryMaker } from '../../../lib/journal/writer/work.ts';
import type { JournalId } from '../../../lib/storage/items/journal-entry.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { sealOf } from '../../support/seal-of.ts';
import { meta } from './entries.ts';
import { batch, createWorld, FOREVER, JOURNAL, type Process, type World } from './world.ts';

const NEVER = () => Promise.reject(new Error('this call was not expected'));

let world: World;
let process: Process;
let open: OpenJournal;
/** Slots of the journal when `begin` was called. */
let begun: number[];
/** What `begin` does; nothing by default. */
let onBegin: () => Promise<void>;

beforeEach(async () => {
  world = await createWorld();
  begun = [];
  onBegin = async () => {};
  const begin = (journal: JournalId) => {
    begun.push(world.entries(journal).length);
    return onBegin();
  };
  process = world.process({ dueJournals: { begin, close: NEVER, raiseLogStart: NEVER } });
  open = await process.open();
});

const append = (text: string, deadline = FOREVER) => world.run(open.writer.append(batch(text), deadline));
const seal: EntryMaker = (view, time) => sealOf(view, (seq) => world.entries()[seq]!, view.seq, time);
const markers = (time: number): MarkersEntry => {
  const batches = [meta({ producerId: 7, producerEpoch: 0, transactional: true, control: true })];
  const payload = { kind: 'inline', bytes: Buffer.alloc(0) } as const;
  return { kind: 'markers', time, producerId: 7, producerEpoch: 0, commit: true, batches, payload };
};

describe('a hot zone', () => {
  it('begins before its first entry with batches, once', async () => {
    await append('a');
    await append('b');
    expect(begun).toEqual([1]);
    await open.writer.appendEntry(seal, FOREVER);
    expect(begun).toEqual([1]);
    await append('c');
    await append('d');
    expect(begun).toEqual([1, 4]);
  });

  it('begins with a transaction marker too, and with no other control entry', async () => {
    await open.writer.appendEntry((_, time) => ({ kind: 'leaderChange', time, leaderEpoch: 1, leader: 1 }), FOREVER);
    await open.writer.appendEntry((_, time) => ({ kind: 'logStart', time, starts: [] }), FOREVER);
    expect(begun).toEqual([]);
    expect(await open.writer.appendEntry((_, time) => markers(time), FOREVER)).toBe('written');
    expect(begun).toEqual([3]);
    await append('a');
    expect(begun).toEqual([3]);
  });

  it('that has begun costs an append nothing', async () => {
    await append('a');
    process.calls.length = 0;
    await append('b');
    expect(process.calls.map(({ store, operation }) => `${store}.${operation}`)).toEqual(['journal.put']);
    expect(begun).toEqual([1]);
  });

  it('that others have begun meanwhile does not begin again', async () => {
    const other = await world.process().open();
    onBegin = async () => {
      await other.writer.append(batch('first'), FOREVER);
    };
    expect(await append('a')).toMatchObject({ kind: 'appended', baseOffset: 1 });
    expect(begun).toEqual([1]);
  });

  it('that was begun and sealed by others meanwhile begins again', async () => {
    const other = await world.process().open();
    let races = 1;
    onBegin = async () => {
      if (races-- === 0) return;
      await other.writer.append(batch('first'), FOREVER);
      await other.writer.appendEntry(seal, FOREVER);
    };
    expect(await append('a')).toMatchObject({ kind: 'appended', baseOffset: 1 });
    expect(begun).toEqual([1, 3]);
  });

  it('that does not begin for the store is tried again, and nothing is written before', async () => {
    let failures = 3;
    onBegin = async () => {
      if (failures-- > 0) throw new StoreUnavailableError('no item');
    };
    expect(await append('a')).toMatchObject({ kind: 'appended', baseOffset: 0 });
    expect(begun).toEqual([1, 1, 1, 1]);
    expect(process.lines.filter(({ event }) => event === 'store_unavailable')).toHaveLength(3);
  });

  it('that never begins lets no request wait past its deadline, and writes none of them', async () => {
    onBegin = () => Promise.reject(new StoreUnavailableError('no item'));
    const deadline = world.clock.monotonic() + 700;
    expect(await append('a', deadline)).toMatchObject({ kind: 'rejected', error: 'REQUEST_TIMED_OUT' });
    onBegin = async () => {};
    expect(await append('b')).toMatchObject({ kind: 'appended', baseOffset: 0 });
    expect(world.entries(JOURNAL)).toHaveLength(2);
  });

  it('that cannot begin because of a bug fails the batch, and the writer goes on', async () => {
    onBegin = () => Promise.reject(new Error('a bug'));
    expect(await append('a')).toMatchObject({ kind: 'rejected', error: 'KAFKA_STORAGE_ERROR' });
    onBegin = async () => {};
    expect(await append('b')).toMatchObject({ kind: 'appended', baseOffset: 0 });
  });

  it('takes the batches that come while it begins into the next entry', async () => {
    let more: Promise<unknown> | undefined;
    onBegin = async () => {
      more ??= open.writer.append(batch('b'), FOREVER);
    };
    await append('a');
    expect(await more).toMatchObject({ kind: 'appended', baseOffset: 1 });
    expect(begun).toEqual([1]);
  });
});
