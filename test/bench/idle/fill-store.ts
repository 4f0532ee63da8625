import { join } from 'node:path';
import { assert } from '../../../lib/core/assert.ts';
import { systemClock } from '../../../lib/core/clock.ts';
import { silentLogger } from '../../../lib/core/logger.ts';
import { newNonce } from '../../../lib/core/nonce.ts';
import { systemRandom } from '../../../lib/core/random.ts';
import { apply } from '../../../lib/journal/apply.ts';
import { encodeView } from '../../../lib/journal/checkpoint-codec.ts';
import { decodeEntry, type Entry, encodeEntry } from '../../../lib/journal/entry.ts';
import { readBatches } from '../../../lib/journal/read.ts';
import { emptyView, type JournalView } from '../../../lib/journal/view.ts';
import { patchBatch } from '../../../lib/records/batch.ts';
import { encodeBatch } from '../../../lib/records/encode.ts';
import { type ComposedBroker, composeBroker } from '../../../lib/run/compose-broker.ts';
import { openEmbeddedStores } from '../../../lib/storage/embedded/embedded-stores.ts';
import { openEnvironment } from '../../../lib/storage/embedded/environment.ts';
import { encodeRecord, recordKey } from '../../../lib/storage/embedded/record.ts';
import { entryPk, entrySk, journalId } from '../../../lib/storage/items/journal-entry.ts';
import type { Stores } from '../../../lib/storage/ports.ts';
import { createTopic } from '../../../lib/topics/create-topic.ts';
import { settingsOf } from '../../support/settings.ts';

/** The topic whose journal is long; it has one partition. */
export const BUSY_TOPIC = 'busy';

/** Topics that are created at the same time: their items share commits. */
const TOPICS_AT_ONCE = 500;

/** Entries in one transaction of LMDB; all of its changed pages are in memory until it commits. */
const ENTRIES_PER_TRANSACTION = 20_000;

/** Entries behind the last checkpoint: as many as a process that starts in the middle of a block has to read. */
const ENTRIES_AFTER_CHECKPOINT = 200;

const RECORD_BYTES = 100;

export interface Contents {
  /** Beside the busy one. */
  readonly topics: number;
  /** Of the busy topic's journal, its first among them, which creating the topic writes. */
  readonly entries: number;
}

/**
 * Makes a store as years of use would leave it, without the years: topics by the engine's own createTopic, entries by its
 * own codecs and `apply`, straight into LMDB, the checkpoint by its Checkpointer after it has replayed them. Throws if the
 * engine, opening the journal once more, does not find the very view that these entries add up to.
 */
export async function fillStore(directory: string, { topics, entries }: Contents): Promise<void> {
  const journal = await withEngine(directory, async ({ broker: { admin } }) => {
    const names = [BUSY_TOPIC, ...Array.from({ length: topics }, (_, index) => `idle-${index}`)];
    for (let start = 0; start < names.length; start += TOPICS_AT_ONCE) {
      await Promise.all(
        names.slice(start, start + TOPICS_AT_ONCE).map(async (name) => {
          const wanted = { name, partitions: 1, replicationFactor: 1, assignments: [], configs: [] };
          const outcome = await createTopic(admin, wanted, false);
          assert(outcome.kind === 'created', `${name}: ${outcome.kind}`);
        }),
      );
    }
    return journalId((await admin.topics.get(BUSY_TOPIC))!.record.id, 0);
  });
  if (entries <= 1) return;
  const view = emptyView(journal);
  const checkpointAt = Math.max(1, entries - ENTRIES_AFTER_CHECKPOINT);
  await appendEntries(directory, view, checkpointAt);
  await withEngine(directory, async ({ broker: { admin } }) => {
    const open = await admin.journals.open(journal);
    await open!.checkpointer.write();
  });
  await appendEntries(directory, view, entries);
  await withEngine(directory, (broker) => check(broker, view));
}

async function withEngine<T>(
  directory: string,
  work: (broker: ComposedBroker, stores: Stores) => Promise<T>,
): Promise<T> {
  const stores = await openEmbeddedStores({ path: directory, clock: systemClock, random: systemRandom });
  const broker = await composeBroker({
    stores,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    settings: settingsOf({ 'tidelog.data.dir': directory }),
    advertised: () => ({ host: '127.0.0.1', port: 0 }),
  });
  try {
    return await work(broker, stores);
  } finally {
    await broker.close();
    await stores.close();
  }
}

/** Puts entries of one small batch each behind those that are there, until the journal has `total`. */
async function appendEntries(directory: string, view: JournalView, total: number): Promise<void> {
  const environment = openEnvironment(join(directory, 'items'));
  const pk = entryPk(view.journal);
  const batch = encodeBatch([{ timestamp: Date.now(), value: Buffer.alloc(RECORD_BYTES, 'idle ') }], {});
  try {
    if (view.seq < 0) {
      const first = environment.journal.getBinary(recordKey(pk, entrySk(0)));
      const body = bodyOf(first!);
      apply(view, 0, decodeEntry(body), body.length);
    }
    while (view.seq < total - 1) {
      const last = Math.min(total - 1, view.seq + ENTRIES_PER_TRANSACTION);
      environment.root.transactionSync(() => {
        while (view.seq < last) {
          const seq = view.seq + 1;
          const entry = entryOf(view, batch);
          const body = encodeEntry(entry);
          const item = { pk, sk: entrySk(seq), version: seq, nonce: newNonce(systemRandom), body };
          environment.journal.putSync(recordKey(pk, item.sk), encodeRecord(item));
          apply(view, seq, entry, body.length);
        }
      });
    }
  } finally {
    await environment.root.close();
  }
}

/** The body in a record of the embedded store (lib/storage/embedded/record.ts). */
function bodyOf(record: Buffer): Buffer {
  return record.subarray(10 + record.readUInt8(9));
}

function entryOf(view: JournalView, batch: Buffer): Entry {
  const baseOffset = view.partitions.get(0)?.nextOffset ?? 0;
  patchBatch(batch, baseOffset, view.leaderEpoch);
  const meta = {
    partition: 0,
    baseOffset,
    lastOffsetDelta: 0,
    maxTimestamp: view.time,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    transactional: false,
    control: false,
    position: 0,
    size: batch.length,
  };
  return { kind: 'records', time: view.time, batches: [meta], payload: { kind: 'inline', bytes: batch } };
}

async function check({ broker: { admin } }: ComposedBroker, expected: JournalView): Promise<void> {
  const open = await admin.journals.open(expected.journal);
  assert(encodeView(open!.journal.view).equals(encodeView(expected)), 'the engine finds another view than was stored');
  const middle = Math.floor(expected.partitions.get(0)!.nextOffset / 2);
  const limits = { partition: 0, from: middle, to: middle + 1, maxBytes: 1024 * 1024, atLeastOne: true };
  const [found] = await readBatches(open!.journal, limits);
  assert(found?.meta.baseOffset === middle, `offset ${middle} cannot be read`);
}
