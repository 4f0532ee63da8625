import { beforeEach, describe, expect, it } from 'vitest';
import { createJournal } from '../../../lib/journal/create.ts';
import { Journals, type OpenJournal } from '../../../lib/journal/open-journal.ts';
import { viewBytes } from '../../../lib/journal/view-bytes.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { batch, createWorld, FOREVER, first, type Process, T0, type World } from './world.ts';

/** A journal stays open for so long after its last use. */
const HELD_MS = 10_000;

let world: World;
let process: Process;
let open: OpenJournal;

beforeEach(async () => {
  world = await createWorld();
  process = world.process();
  open = await process.open();
  process.calls.length = 0;
});

const queries = () => process.calls.filter(({ operation }) => operation === 'query');

describe('reading on', () => {
  it('is one query for all who ask together', async () => {
    process.faults = () => ({ delayBeforeMs: 10 });
    const asked = [open.journal.catchUp(false), open.journal.catchUp(false), open.journal.catchUp(false)];
    await world.run(Promise.all(asked));
    expect(queries()).toHaveLength(1);
  });

  it('is one query for all who ask while another one is under way', async () => {
    process.faults = () => ({ delayBeforeMs: 10 });
    const first = open.journal.catchUp(false);
    await world.clock.advance(1);
    const asked = [first, open.journal.catchUp(false), open.journal.catchUp(false)];
    await world.run(Promise.all(asked));
    expect(queries()).toHaveLength(2);
  });

  it('never shares a query that began before the call', async () => {
    process.faults = () => ({ delayAfterMs: 10 });
    const before = open.journal.catchUp(true);
    const other = await world.process().open();
    await world.clock.advance(1);
    await other.writer.append(batch('news'), FOREVER);
    const after = open.journal.catchUp(true);
    await world.run(before);
    expect(open.journal.view.seq).toBe(0);
    await world.run(after);
    expect(open.journal.view.seq).toBe(1);
  });

  it('is strongly consistent if one of those who share it needs that', async () => {
    process.faults = () => ({ delayBeforeMs: 10 });
    const first = open.journal.catchUp(false);
    await world.clock.advance(1);
    const asked = [false, true, false].map((consistent) => open.journal.catchUp(consistent));
    await world.run(Promise.all([first, ...asked]));
    expect(queries().map(({ consistent }) => consistent)).toEqual([false, true]);
  });

  it('fails for those who shared it, and for nobody else', async () => {
    process.faults = first(1, 'journal.query', { delayBeforeMs: 5, refuse: 'throttled' });
    const outcomes = ['a', 'b', 'c'].map(() =>
      open.journal.catchUp(true).then(
        () => 'read',
        () => 'failed',
      ),
    );
    expect(await world.run(Promise.all(outcomes))).toEqual(['failed', 'failed', 'failed']);
    await world.run(open.journal.catchUp(true));
  });

  it('is not put off by those who ask again and again', async () => {
    process.faults = () => ({ delayBeforeMs: 1 });
    let busy = true;
    const again = async () => {
      while (busy) await open.journal.catchUp(false);
    };
    const rivals = [again(), again()];
    await world.clock.advance(0);
    const strong = open.journal.catchUp(true);
    await world.run(strong, 3);
    busy = false;
    await world.run(Promise.all(rivals));
  });

  it('goes on through pages, and through pages that the store cuts short', async () => {
    const other = await world.process().open();
    for (let index = 0; index < 20; index++) await other.writer.append(batch(`${index}`), FOREVER);
    process.faults = () => ({ cutPageTo: 3 });
    await open.journal.catchUp(true);
    expect(open.journal.view.seq).toBe(20);
    expect(queries()).toHaveLength(7);
  });

  it('takes an eventual answer with a gap for no answer', async () => {
    const other = await world.process().open();
    for (let index = 0; index < 3; index++) await other.writer.append(batch(`${index}`), FOREVER);
    const { query } = process.stores.journal;
    // An answer from several replicas: the newest entry is there, the one before it is not.
    process.stores.journal.query = async (request) => {
      const page = await query(request);
      return request.consistent ? page : { ...page, items: page.items.filter((_, index) => index !== 1) };
    };
    await open.journal.catchUp(false);
    expect(open.journal.view.seq).toBe(3);
    expect(queries().map(({ consistent }) => consistent)).toEqual([false, true]);
  });

  it('passes over what an own append has folded in meanwhile', async () => {
    process.faults = ({ operation }) => (operation === 'query' ? { delayAfterMs: 50 } : undefined);
    const reading = open.journal.catchUp(true);
    await open.writer.append(batch('a'), FOREVER);
    await open.writer.append(batch('b'), FOREVER);
    await world.run(reading);
    expect(open.journal.view.seq).toBe(2);
    expect(open.journal.view.partitions.get(0)!.nextOffset).toBe(2);
  });
});

describe('a journal', () => {
  it('that was not created is not there', async () => {
    expect(await process.journals.open('nowhere/0')).toBeUndefined();
    expect(process.journals.size).toBe(1);
  });

  it('is created once', async () => {
    await createJournal(process.env, 'new/0', T0);
    await expect(createJournal(process.env, 'new/0', T0)).rejects.toThrow('its first slot is taken');
    expect(world.entries('new/0')).toEqual([{ kind: 'leaderChange', time: T0, leaderEpoch: 0, leader: 0 }]);
  });

  it('is created also when the answer was lost', async () => {
    process.faults = first(1, 'journal.put', { loseAnswer: true });
    await world.run(createJournal(process.env, 'new/0', T0));
    expect(world.entries('new/0')).toHaveLength(1);
  });

  it('of which nobody can tell is unavailable', async () => {
    process.faults = () => ({ refuse: 'unavailable' });
    await expect(world.run(createJournal(process.env, 'new/0', T0))).rejects.toThrow(StoreUnavailableError);
  });
});

describe('the open journals', () => {
  const names = (count: number) => Array.from({ length: count }, (_, index) => `many/${index}`);

  it('are read once by all who ask at the same time', async () => {
    const cold = world.process();
    const all = await Promise.all(Array.from({ length: 10 }, () => cold.journals.open('topic/0')));
    expect(new Set(all).size).toBe(1);
    expect(cold.count('journal.query')).toBe(1);
  });

  it('are not remembered when they could not be read', async () => {
    const cold = world.process();
    cold.faults = first(1, 'journal.query', { refuse: 'throttled' });
    await expect(cold.journals.open('topic/0')).rejects.toThrow(StoreUnavailableError);
    expect(await cold.journals.open('topic/0')).toBeDefined();
  });

  it('are bounded in bytes: the idle ones that were not used for longest go first', async () => {
    for (const name of names(1_002)) await createJournal(process.env, name, T0);
    const cold = world.process();
    const size = viewBytes((await process.open('many/0')).journal.view);
    const journals = new Journals(cold.env, 1_000 * size);
    for (const name of names(1_000)) await journals.open(name);
    journals.peek('many/0')!.tail.watch(() => {});
    const { writer } = journals.peek('many/2')!;
    for (const name of names(1_000)) if (name !== 'many/1') journals.peek(name);
    journals.peek('many/1');
    await world.clock.advance(HELD_MS);
    cold.faults = ({ operation }) => (operation === 'put' ? { delayBeforeMs: 1_000 } : undefined);
    const appending = writer.append(batch('slow'), FOREVER);
    await journals.open('many/1000');
    await journals.open('many/1001');
    expect(journals.size).toBe(1_000);
    // Somebody waits at the end of 0, 1 was used last, and 2 has an append on its way: 3 and 4 had to go.
    const kept = [0, 1, 2, 3, 4, 5].filter((index) => journals.peek(`many/${index}`) !== undefined);
    expect(kept).toEqual([0, 1, 2, 5]);
    await world.run(appending);
  });

  it('are not closed before their openers have used them, even if those in use take all memory', async () => {
    for (const name of names(3)) await createJournal(process.env, name, T0);
    const cold = world.process();
    const size = viewBytes((await process.open('many/0')).journal.view);
    const journals = new Journals(cold.env, size);
    (await journals.open('many/0'))!.tail.watch(() => {});
    await world.clock.advance(HELD_MS);
    const opened = await journals.open('many/1');
    expect(journals.peek('many/1')).toBe(opened);
    // It waits for something else, such as a takeover, while others are opened.
    await world.clock.advance(HELD_MS - 1);
    await journals.open('many/2');
    expect(await journals.open('many/1')).toBe(opened);
  });

  it('that have grown count with what they have become', async () => {
    for (const name of names(3)) await createJournal(process.env, name, T0);
    const cold = world.process();
    const size = viewBytes((await process.open('many/0')).journal.view);
    const journals = new Journals(cold.env, 40 * size);
    const { writer } = (await journals.open('many/0'))!;
    for (let partition = 0; partition < 200; partition++) {
      await world.run(writer.append({ ...batch('x'), partition }, FOREVER));
    }
    await world.clock.advance(60_000);
    await journals.open('many/1');
    expect(journals.size).toBe(1);
    expect(journals.peek('many/1')).toBeDefined();
  });

  it('of a topic that is gone are forgotten with their entries, once nobody uses them', async () => {
    const open = await process.open();
    await world.run(open.writer.append(batch('x'), FOREVER));
    const unwatch = open.tail.watch(() => {});
    process.journals.forget('topic/0');
    expect(process.journals.size).toBe(1);
    const { seq } = open.journal.view;
    expect(process.env.cache.get('topic/0', seq)).toBeDefined();
    unwatch();
    await createJournal(process.env, 'other/0', T0);
    await world.clock.advance(60_000);
    await process.open('other/0');
    expect([...process.journals.opened()].map(({ journal }) => journal.id)).toEqual(['other/0']);
    expect(process.env.cache.get('topic/0', seq)).toBeUndefined();
  });

  it('lets go of one whose topic goes while it is being opened', async () => {
    await createJournal(process.env, 'topic/1', T0);
    const opening = process.journals.open('topic/1');
    process.journals.forget('topic/1');
    expect(await world.run(opening)).toBeDefined();
    await createJournal(process.env, 'other/0', T0);
    await world.clock.advance(60_000);
    await process.open('other/0');
    expect([...process.journals.opened()].map(({ journal }) => journal.id)).toEqual(['topic/0', 'other/0']);
  });

  it('twice in one process are as safe as in two', async () => {
    const mine = await process.open();
    const again = (await new Journals(process.env).open('topic/0'))!;
    expect(again).not.toBe(mine);
    const results = [1, 2, 3].flatMap((n) => [
      mine.writer.append(batch(`mine ${n}`), FOREVER),
      again.writer.append(batch(`again ${n}`), FOREVER),
    ]);
    const offsets = (await world.run(Promise.all(results))).map((one) =>
      one.kind === 'appended' ? one.baseOffset : -1,
    );
    expect([...offsets].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    await mine.journal.catchUp(true);
    await again.journal.catchUp(true);
    expect(mine.journal.view).toEqual(again.journal.view);
  });
});
