import { describe, expect, it } from 'vitest';
import { ABANDONED_AFTER_MS, collectImport } from '../../../lib/imports/unfinished.ts';
import { DUE_PK } from '../../../lib/storage/items/due.ts';
import { journalId } from '../../../lib/storage/items/journal-entry.ts';
import { decodeTopicImport, IMPORTS_PK } from '../../../lib/storage/items/topic-import.ts';
import { createWorld, HOUR, MINUTE, type World } from '../journal/world.ts';
import { stopAt } from '../segments/seal-world.ts';
import { folderOf, importerOf, importing, STEPS, sourcesOf, topicIn } from './world.ts';

const unfinished = (world: World) => {
  const item = world.stores.contents().state.find(({ pk }) => pk === IMPORTS_PK);
  return item && decodeTopicImport(item.body);
};

/** An import of which some objects are stored, whose process ended then. */
async function cutOff(): Promise<{ world: World; id: string }> {
  const world = await createWorld();
  const dying = world.process();
  dying.faults = stopAt(60, true);
  void importing(dying, sourcesOf([await folderOf(STEPS)])).catch(() => {});
  await world.clock.advance(MINUTE);
  expect(topicIn(world)).toBeUndefined();
  return { world, id: unfinished(world)!.topic.id };
}

const kinds = (world: World, id: string) => world.entries(journalId(id, 0)).map(({ kind }) => kind);
const collect = (world: World, id: string) => world.run(collectImport(importerOf(world.process()).admin, id));

describe('an import that nobody goes on with', () => {
  it('is left alone for a week, and its journals are on the due list for when that is over', async () => {
    const { world, id } = await cutOff();
    expect(kinds(world, id)).toContain('import');
    await world.clock.advance(ABANDONED_AFTER_MS - HOUR);
    await collect(world, id);
    expect(unfinished(world)?.isAbandoned).toBe(false);
    expect(kinds(world, id)).not.toContain('close');
    const due = world.stores.contents().state.filter(({ pk, sk }) => pk === DUE_PK && sk.endsWith(journalId(id, 0)));
    expect(due.some(({ sk }) => Number(sk.slice(0, 15)) > world.clock.now())).toBe(true);
  });

  it('is given up then: its journals close and it does not go on', async () => {
    const { world, id } = await cutOff();
    await world.clock.advance(ABANDONED_AFTER_MS + HOUR);
    await collect(world, 'another');
    expect(unfinished(world)).toBeDefined();
    await collect(world, id);
    expect(unfinished(world)).toBeUndefined();
    expect(kinds(world, id).at(-1)).toBe('close');
    const outcome = await world.run(importing(world.process(), sourcesOf([await folderOf(STEPS)])));
    expect(outcome).toMatchObject({ kind: 'imported', isResumed: false });
    expect(topicIn(world)!.id).not.toBe(id);
  });

  it('is given up at once by an import of other files into a topic of that name', async () => {
    const { world, id } = await cutOff();
    const folder = await folderOf(STEPS.slice(0, 1));
    const outcome = await world.run(importing(world.process(), sourcesOf([folder])));
    expect(outcome).toMatchObject({ kind: 'imported', isResumed: false, records: 2 });
    expect(kinds(world, id).at(-1)).toBe('close');
  });

  it('is gone on with by the same import, which says so', async () => {
    const { world, id } = await cutOff();
    const outcome = await world.run(importing(world.process(), sourcesOf([await folderOf(STEPS)])));
    expect(outcome).toMatchObject({ kind: 'imported', isResumed: true });
    expect(topicIn(world)!.id).toBe(id);
  });

  it('is not stored by the process that was given up on, however late that wakes', async () => {
    const world = await createWorld();
    const slow = world.process();
    let isHeld = false;
    slow.faults = ({ store, operation }) => {
      if (store !== 'blobs' || operation !== 'put' || isHeld) return undefined;
      isHeld = true;
      return { delayBeforeMs: ABANDONED_AFTER_MS + 2 * HOUR };
    };
    const late = importing(slow, sourcesOf([await folderOf(STEPS)])).catch((error: unknown) => error);
    await world.clock.advance(ABANDONED_AFTER_MS + HOUR);
    await collect(world, unfinished(world)!.topic.id);
    expect(await world.run(late)).toBeInstanceOf(Error);
    expect(topicIn(world)).toBeUndefined();
  });
});
