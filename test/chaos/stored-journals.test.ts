import { describe, expect, it } from 'vitest';
import { type BatchMeta, encodeEntry } from '../../lib/journal/entry.ts';
import { patchBatch } from '../../lib/records/batch.ts';
import { encodeBatch } from '../../lib/records/encode.ts';
import { entryPk, entrySk, journalId } from '../../lib/storage/items/journal-entry.ts';
import type { Item } from '../../lib/storage/ports.ts';
import { valueFor } from '../crash/producer.ts';
import { emptyStores } from '../support/engine.ts';
import { Problems } from './run.ts';
import { Sent } from './sent.ts';
import { replayStored, SlotWatch, StoredLedger } from './stored-journals.ts';
import { Witness } from './witness.ts';

const TOPIC = { id: 'a-topic', partitions: 1, journals: 1 };
const JOURNAL = journalId(TOPIC.id, 0);

interface StoredBatch {
  readonly base: number;
  readonly count: number;
  readonly producerId?: number;
  readonly producer?: string;
  readonly slot?: number;
  readonly object?: string;
}

function entryOf(seq: number, { base, count, producerId = 7, producer = 'p', object }: StoredBatch): Item {
  const sequenced = { producerId, producerEpoch: 0, baseSequence: count };
  const value = valueFor(producer, count, 20);
  const bytes = encodeBatch([{ timestamp: 1_000, value }], producerId < 0 ? {} : sequenced);
  patchBatch(bytes, base, 0);
  const meta: BatchMeta = {
    partition: 0,
    baseOffset: base,
    lastOffsetDelta: 0,
    maxTimestamp: 1_000,
    ...(producerId < 0 ? { producerId: -1, producerEpoch: -1, baseSequence: -1 } : sequenced),
    transactional: false,
    control: false,
    position: 0,
    size: bytes.length,
  };
  const payload =
    object === undefined
      ? ({ kind: 'inline', bytes } as const)
      : ({ kind: 'wal', key: object, start: 0, length: bytes.length } as const);
  const body = encodeEntry({ kind: 'records', time: 1_000, batches: [meta], payload });
  return { pk: entryPk(JOURNAL), sk: entrySk(seq), version: seq, nonce: `n${seq}`, body };
}

/** Replays a journal that holds these batches, an entry each; the kinds of what is wrong, and the log end. */
async function replay(batches: readonly StoredBatch[], idempotent = true, attempts = 1) {
  const stores = emptyStores();
  const first = encodeEntry({ kind: 'leaderChange', time: 1_000, leaderEpoch: 0, leader: 0 });
  const head = { pk: entryPk(JOURNAL), sk: entrySk(0), version: 0, nonce: 'n0', body: first };
  const items = [head, ...batches.map((batch, index) => entryOf(batch.slot ?? index + 1, batch))];
  // The store's time is asked for before the first put is signed.
  for (const item of items) await stores.journal.put(item, { kind: 'absent' });
  const problems = new Problems();
  const witness = new Witness(1, problems.report);
  const sent = new Sent({ producer: 'p', partition: 0, idempotent, witness, largeBytes: [1, 1] });
  for (let count = 0; count < 10; count++) sent.attempts.set(count, attempts);
  const { ends } = await replayStored(stores, TOPIC, new StoredLedger(problems.report, () => Date.now(), [sent]));
  return { kinds: problems.found.map((problem) => problem.slice(0, problem.indexOf(':'))), end: ends[0] };
}

describe('the replay of what is stored', () => {
  it('finds nothing wrong with a whole journal, and its end', async () => {
    const whole = [0, 1, 2].map((offset) => ({ base: offset, count: offset }));
    expect(await replay(whole)).toEqual({ kinds: [], end: 3 });
  });

  it('finds a record again under one producer id, and allows it under another', async () => {
    const twice = [
      { base: 0, count: 0 },
      { base: 1, count: 0 },
    ];
    expect((await replay(twice, true, 2)).kinds).toContain('duplicate');
    const anew = twice.map((batch, index) => ({ ...batch, producerId: 7 + index }));
    expect((await replay(anew)).kinds).toEqual([]);
  });

  it('finds a record without a producer id that is there more often than it was sent', async () => {
    const twice = [0, 1].map((base) => ({ base, count: 0, producerId: -1 }));
    expect((await replay(twice, false, 2)).kinds).toEqual([]);
    expect((await replay(twice, false, 1)).kinds).toEqual(['duplicate']);
  });

  it('finds a sequence that is left out', async () => {
    const skipping = [
      { base: 0, count: 0 },
      { base: 1, count: 2 },
    ];
    expect((await replay(skipping)).kinds).toEqual(['order']);
  });

  it('finds offsets that are left out or given twice, and slots that are left out', async () => {
    const at = (base: number, slot?: number) => [
      { base: 0, count: 0 },
      { base, count: 1, ...(slot === undefined ? {} : { slot }) },
    ];
    expect((await replay(at(2))).kinds).toContain('offsetGap');
    expect((await replay(at(0))).kinds).toContain('offsetTwice');
    expect((await replay(at(1, 3))).kinds).toContain('slotGap');
  });

  it('finds strangers and objects that are missing', async () => {
    expect((await replay([{ base: 0, count: 0, producer: 'q' }])).kinds).toContain('phantom');
    expect((await replay([{ base: 0, count: 0, object: 'wal/none' }])).kinds).toContain('objectMissing');
  });

  it('finds a slot that is another entry than before', async () => {
    const stores = emptyStores();
    await stores.journal.put(entryOf(0, { base: 0, count: 0 }), { kind: 'absent' });
    const problems = new Problems();
    const watch = new SlotWatch(stores, [JOURNAL], problems.report);
    await watch.look();
    const before = entryOf(0, { base: 0, count: 0 });
    watch.compareWith(JOURNAL, [before]);
    expect(problems.found).toEqual([]);
    watch.compareWith(JOURNAL, [{ ...before, nonce: 'another' }]);
    expect(problems.found).toHaveLength(1);
    watch.compareWith(JOURNAL, []);
    expect(problems.found).toHaveLength(2);
  });
});
