import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeEntry } from '../../lib/journal/entry.ts';
import { Journal } from '../../lib/journal/journal.ts';
import { readBatches } from '../../lib/journal/read.ts';
import { decodeWalHeader, frameWalObject } from '../../lib/journal/wal-object.ts';
import { readBatchHeader } from '../../lib/records/batch.ts';
import { entryPk, entrySk, type JournalId } from '../../lib/storage/items/journal-entry.ts';
import { createWorld, type World } from '../unit/journal/world.ts';

/**
 * WAL objects and the entries that name them, as base64. Both hold one batch ("other") of another journal, then two batches
 * ("one", "two") of `journal`. The first programs wrote them without a header.
 */
interface StoredForm {
  readonly form: 'without a header' | 'with a header';
  readonly key: string;
  readonly object: string;
  readonly entry: string;
}

const { journal, forms }: { journal: JournalId; forms: StoredForm[] } = JSON.parse(
  readFileSync(new URL('wal-objects.json', import.meta.url), 'utf8'),
);

const bytesOf = (base64: string) => Buffer.from(base64, 'base64');

async function store(world: World, { key, object, entry }: StoredForm): Promise<void> {
  const first = encodeEntry({ kind: 'leaderChange', time: 0, leaderEpoch: 0, leader: 0 });
  for (const [seq, body] of [first, bytesOf(entry)].entries()) {
    const item = { pk: entryPk(journal), sk: entrySk(seq), version: seq, nonce: `n${seq}`, body };
    await world.stores.journal.put(item, { kind: 'absent' });
  }
  await world.stores.blobs.put(key, [bytesOf(object)]);
}

describe.each(forms)('a WAL object $form', (stored) => {
  it('is read', async () => {
    const world = await createWorld();
    await store(world, stored);
    const opened = await Journal.open(world.process().env, journal);
    const read = await readBatches(opened!, { partition: 0, from: 0, to: 2, maxBytes: 1e6, atLeastOne: true });
    expect(read.map(({ bytes }) => readBatchHeader(bytes).baseOffset)).toEqual([0, 1]);
    expect(read.map(({ bytes }) => bytes.toString('latin1').includes('one'))).toEqual([true, false]);
    expect(read.map(({ bytes }) => bytes.toString('latin1').includes('two'))).toEqual([false, true]);
  });
});

it('a WAL object is written with these bytes', () => {
  const { key, object } = forms[1]!;
  const bytes = bytesOf(object);
  const header = decodeWalHeader(key, bytes);
  const writer = 'EBESExQVFhcYGRobHB0eHw';
  const other = journal.replace('/0', '/1');
  const stretches = [
    { journal: other, start: 174, length: 73 },
    { journal, start: 251, length: 142 },
  ];
  expect(header).toEqual({ key, writer, time: 1_700_000_000_000, stretches });
  const frames = frameWalObject(header);
  const framed = frames.flatMap(({ before, start }, index) => [
    before,
    bytes.subarray(start, start + stretches[index]!.length),
  ]);
  expect(Buffer.concat(framed).toString('base64')).toBe(object);
});
