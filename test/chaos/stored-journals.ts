import { decodeEntry } from '../../lib/journal/entry.ts';
import { computeCrc, hasProducerId, readBatchHeader } from '../../lib/records/batch.ts';
import { CHECKPOINT_SK, checkpointPk, decodeCheckpointItem } from '../../lib/storage/items/checkpoint.ts';
import { entryPk, entrySk, journalId, slotOf } from '../../lib/storage/items/journal-entry.ts';
import type { Item, Stores } from '../../lib/storage/ports.ts';
import { readValue } from '../crash/producer.ts';
import { CheckpointLog } from '../simulation/checkpoint-log.ts';
import { Ledger, objectOf, type Report, type Sent as SentBatch } from '../simulation/ledger.ts';
import { readRecords } from '../support/read-records.ts';
import type { Sent } from './sent.ts';

/** The simulation's ledger, which knows batches by what is in them: the bytes are made by the clients here. */
export class StoredLedger extends Ledger {
  readonly #producers: ReadonlyMap<string, Sent>;

  constructor(report: Report, now: () => number, producers: readonly Sent[]) {
    super(report, now);
    this.#producers = new Map(producers.map((sent) => [sent.producer, sent]));
  }

  override identify(bytes: Buffer): SentBatch | undefined {
    const header = readBatchHeader(bytes);
    const value = readValue(readRecords(bytes)[0]?.value ?? Buffer.alloc(0));
    const sent = this.#producers.get(value?.producer ?? '');
    if (value === undefined || sent === undefined) return undefined;
    const { producerId } = header;
    // Without a producer id the other two mean nothing: kafkajs sends zeros, the journal keeps none.
    const { producerEpoch, baseSequence } = hasProducerId(header) ? header : { producerEpoch: -1, baseSequence: -1 };
    const id = `${value.producer}:${value.count}`;
    if (computeCrc(bytes) !== header.crc) this.report('altered', `the checksum of ${id} is wrong`);
    if (hasProducerId(header) !== sent.idempotent) this.report('altered', `${id} has producer id ${producerId}`);
    return {
      // Whoever begins anew with another producer id may bring it again; with one id it may be there once.
      id: sent.idempotent ? `${id} of ${producerId}` : id,
      kind: sent.idempotent ? 'idempotent' : 'plain',
      partition: sent.partition,
      bytes,
      records: header.recordCount,
      producerId,
      producerEpoch,
      baseSequence,
      sends: sent.attempts.get(value.count) ?? 0,
    };
  }
}

/** All entries of a journal from slot 0 on. */
export async function entriesOf(stores: Stores, journal: string, from = 0): Promise<Item[]> {
  const items: Item[] = [];
  for (let next = entrySk(from); ; ) {
    const page = await stores.journal.query({ pk: entryPk(journal), from: next, consistent: true });
    items.push(...page.items);
    if (!page.more) return items;
    next = `${items.at(-1)!.sk}\0`;
  }
}

/** Looks into the journals while they are written, and finds slots that change later. */
export class SlotWatch {
  readonly #stores: Stores;
  readonly #report: Report;
  readonly #nonces = new Map<string, string[]>();

  constructor(stores: Stores, journals: readonly string[], report: Report) {
    this.#stores = stores;
    this.#report = report;
    for (const journal of journals) this.#nonces.set(journal, []);
  }

  /** Takes in what has come since the last look. */
  async look(): Promise<void> {
    for (const [journal, nonces] of this.#nonces) {
      for (const item of await entriesOf(this.#stores, journal, nonces.length)) nonces.push(item.nonce);
    }
  }

  /** Holds the entries as they are in the end against what was there before. */
  compareWith(journal: string, items: readonly Item[]): void {
    for (const [seq, nonce] of (this.#nonces.get(journal) ?? []).entries()) {
      if (items[seq]?.nonce !== nonce) this.#report('slotReused', `slot ${seq} of ${journal} was another entry before`);
    }
  }
}

export interface Replayed {
  /** The log end of each partition. */
  readonly ends: readonly number[];
  readonly entries: number;
  readonly objects: number;
  readonly checkpoints: number;
}

/**
 * Replays all journals of a topic from slot 0: every entry is held against the rules of the simulation, every object that is
 * named against the store, and the last checkpoint against what the entries before it amount to.
 */
export async function replayStored(
  stores: Stores,
  topic: { readonly id: string; readonly partitions: number; readonly journals: number },
  ledger: StoredLedger,
  watch?: SlotWatch,
): Promise<Replayed> {
  const checkpoints = new CheckpointLog(ledger);
  const objects = new Set<string>();
  let entries = 0;
  const load = async (key: string) => {
    objects.add(key);
    const object = await stores.blobs.get(key);
    if (object.kind === 'found') ledger.stored(key, object.bytes);
  };
  for (let index = 0; index < topic.journals; index++) {
    const journal = journalId(topic.id, index);
    const items = await entriesOf(stores, journal);
    watch?.compareWith(journal, items);
    for (const item of items) {
      const named = objectOf(decodeEntry(item.body));
      if (named !== undefined && !objects.has(named)) await load(named);
      if (item.version !== slotOf(item.sk)) ledger.report('altered', `slot ${item.sk} has version ${item.version}`);
      ledger.wrote(item);
    }
    entries += items.length;
    const { item } = await stores.state.get(checkpointPk(journal), CHECKPOINT_SK, true);
    if (item === undefined) continue;
    const checkpoint = decodeCheckpointItem(item.body);
    if (checkpoint.kind === 'blob') await load(checkpoint.key);
    checkpoints.wrote(item);
  }
  try {
    checkpoints.check();
  } catch (error) {
    // The engine's own fold asserts much of what was reported already.
    ledger.report('viewDiffers', `a replay stops: ${(error as Error).message}`);
  }
  const ends = Array.from({ length: topic.partitions }, (_, partition) => {
    const journal = journalId(topic.id, partition % topic.journals);
    return ledger.partition(journal, partition)?.next ?? 0;
  });
  return { ends, entries, objects: objects.size, checkpoints: checkpoints.stored };
}
