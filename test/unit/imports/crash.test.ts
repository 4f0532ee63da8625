import { describe, expect, it } from 'vitest';
import { apply } from '../../../lib/journal/apply.ts';
import { decodeView, encodeView } from '../../../lib/journal/checkpoint-codec.ts';
import { encodeEntry } from '../../../lib/journal/entry.ts';
import { emptyView } from '../../../lib/journal/view.ts';
import { DUE_PK } from '../../../lib/storage/items/due.ts';
import { journalId } from '../../../lib/storage/items/journal-entry.ts';
import { decodeTopicImport, IMPORTS_PK } from '../../../lib/storage/items/topic-import.ts';
import type { World } from '../journal/world.ts';
import { crashAtEachCall } from '../segments/crashes.ts';
import { segmentObjects } from '../segments/seal-world.ts';
import { folderOf, importing, logOf, STEPS, sourcesOf, storedLog, topicIn } from './world.ts';

const TWO_JOURNALS = { configs: { 'tidelog.journals': '2' } };

/** Every object is in use, or on the list of what is looked at. */
function expectObjectsFound(world: World): void {
  const { state, journal } = world.stores.contents();
  const text = JSON.stringify([
    state.filter(({ pk }) => pk.startsWith('segments/')).map(({ body }) => body.toString('latin1')),
    state.filter(({ pk }) => pk === DUE_PK).map(({ sk }) => sk),
    journal.map(({ body }) => body.toString('latin1')),
  ]);
  expect(segmentObjects(world).filter((key) => !text.includes(key))).toEqual([]);
}

describe('an import that is cut off at any call to a store', () => {
  it('is invisible until it is complete, and is completed by another process', { timeout: 300_000 }, async () => {
    const folders = [await folderOf(STEPS), await folderOf(STEPS, { baseOffset: 40 })];
    const work = (world: World, process: Parameters<typeof importing>[0]) =>
      world.run(importing(process, sourcesOf(folders), TWO_JOURNALS));
    const crashes = await crashAtEachCall({
      prepare: async () => {},
      work,
      afterCrash: async ({ world, how }) => {
        const topic = topicIn(world);
        if (topic === undefined) return;
        // The name came, and only the end of the import is missing.
        for (const [partition, folder] of folders.entries()) {
          expect({ how, isWhole: (await storedLog(world, topic, partition)).equals(logOf(folder)) }).toEqual({
            how,
            isWhole: true,
          });
        }
      },
      afterRepair: async ({ world, how }) => {
        const topic = topicIn(world)!;
        for (const [partition, folder] of folders.entries()) {
          expect({ how, isWhole: (await storedLog(world, topic, partition)).equals(logOf(folder)) }).toEqual({
            how,
            isWhole: true,
          });
        }
        // The item of the import that was given up may land after the end; its journals are due to be looked at.
        const { state } = world.stores.contents();
        for (const { body } of state.filter(({ pk }) => pk === IMPORTS_PK)) {
          const { id } = decodeTopicImport(body).topic;
          expect(id).not.toBe(topic.id);
          expect(state.some(({ pk, sk }) => pk === DUE_PK && sk.endsWith(`/journal/${id}/0`))).toBe(true);
        }
        expectObjectsFound(world);
        for (const index of [0, 1]) await expectSameFold(world, journalId(topic.id, index));
      },
    });
    expect(crashes).toBeGreaterThan(100);
  });
});

/** What another process reads is what the entries say, byte for byte, and a checkpoint keeps it. */
async function expectSameFold(world: World, id: string): Promise<void> {
  const view = emptyView(id);
  for (const [seq, entry] of world.entries(id).entries()) apply(view, seq, entry, encodeEntry(entry).length);
  const { journal } = await world.run(world.process().open(id));
  expect(encodeView(journal.view).equals(encodeView(view))).toBe(true);
  expect(decodeView(id, encodeView(view))).toEqual(view);
}
