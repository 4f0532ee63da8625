import { ByteWriter } from '../../lib/core/bytes.ts';
import { ENTRY_FORMAT } from '../../lib/journal/entry.ts';
import { entryPk, entrySk } from '../../lib/storage/items/journal-entry.ts';
import { UNKNOWN_KIND } from './ledger.ts';
import type { World } from './world.ts';

/** Writes an entry of a kind that only a later program knows, as one would during a deploy that went wrong. */
export async function writeUnknownEntry(world: World): Promise<void> {
  const store = world.store.client({ name: 'newcomer', faults: () => undefined }).journal;
  for (const journal of world.ledger.journals.values()) {
    for (;;) {
      const seq = journal.entries.length;
      const body = new ByteWriter();
      body.u8(ENTRY_FORMAT);
      body.u8(UNKNOWN_KIND);
      body.uint(Math.floor(world.clock.now()));
      const item = {
        pk: entryPk(journal.id),
        sk: entrySk(seq),
        version: seq,
        nonce: `newcomer-${seq}`,
        body: body.finish(),
      };
      if ((await store.put(item, { kind: 'absent' })).kind === 'committed') break;
    }
  }
}
