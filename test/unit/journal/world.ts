import type { LogFields, Logger, LogLevel } from '../../../lib/core/logger.ts';
import { createJournal } from '../../../lib/journal/create.ts';
import type { BatchToAppend } from '../../../lib/journal/decide-append.ts';
import { decodeEntry, type Entry } from '../../../lib/journal/entry.ts';
import { EntryCache } from '../../../lib/journal/entry-cache.ts';
import {
  type DueJournals,
  type JournalEnvironment,
  LATENCY_PACING,
  type TailPacing,
} from '../../../lib/journal/environment.ts';
import { Journals, type OpenJournal } from '../../../lib/journal/open-journal.ts';
import type { TierLimits } from '../../../lib/journal/tier.ts';
import { type WalLimits, WalWriter } from '../../../lib/journal/wal.ts';
import { Turns } from '../../../lib/kit/turns.ts';
import { BatchField, LOG_OVERHEAD_BYTES } from '../../../lib/records/batch.ts';
import { entryPk, type JournalId } from '../../../lib/storage/items/journal-entry.ts';
import type { Fault, StoreCall } from '../../../lib/storage/memory/faults.ts';
import { type MemoryStores, memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import type { Item, PutOptions, Stores } from '../../../lib/storage/ports.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const FOREVER = Number.POSITIVE_INFINITY;
export const T0 = 1_700_000_000_000;

export interface ProcessOptions {
  readonly tier?: Partial<TierLimits>;
  readonly wal?: Partial<WalLimits>;
  readonly pacing?: TailPacing;
  readonly cacheBytes?: number;
  readonly dueJournals?: DueJournals;
}

/** A put of the journal table as it was asked for. */
export interface AskedPut {
  readonly item: Item;
  readonly options: PutOptions | undefined;
}

/** One process: its own view of the stores, its own journals. */
export interface Process {
  readonly env: JournalEnvironment;
  readonly stores: Stores;
  readonly journals: Journals;
  /** Every call that it made, in order. */
  readonly calls: StoreCall[];
  readonly puts: AskedPut[];
  readonly lines: (LogFields & { readonly level: LogLevel })[];
  /** What goes wrong from now on; nothing by default. */
  faults: (call: StoreCall) => Fault | undefined;
  /** How many calls of a kind were made, as in 'journal.put'. */
  count(call: string): number;
  open(id?: JournalId): Promise<OpenJournal>;
}

export interface World {
  readonly clock: VirtualClock;
  readonly stores: MemoryStores;
  process(options?: ProcessOptions): Process;
  /** Lets time pass until the work is done; throws if it is not within `maxMs`. */
  run<T>(work: Promise<T>, maxMs?: number): Promise<T>;
  /** The entries of a journal as stored, from its first one on. */
  entries(id?: JournalId): Entry[];
}

export const JOURNAL: JournalId = 'topic/0';

/** An empty store with one journal in it. */
export async function createWorld(seed = 1): Promise<World> {
  const clock = new VirtualClock(T0);
  const random = seededRandom(seed);
  const stores = memoryStores({ clock, random });
  const world: World = {
    clock,
    stores,
    process: (options = {}) => startProcess(clock, stores, seededRandom(random.bytes(4).readUInt32BE()), options),
    async run(work, maxMs = 24 * HOUR) {
      let done = false;
      const end = () => {
        done = true;
      };
      work.then(end, end);
      if (!(await clock.runUntil(() => done, maxMs))) throw new Error(`not done within ${maxMs} ms`);
      return work;
    },
    entries: (id = JOURNAL) =>
      stores
        .contents()
        .journal.filter((item) => item.pk === entryPk(id))
        .map((item) => decodeEntry(item.body)),
  };
  await createJournal(world.process().env, JOURNAL, T0);
  return world;
}

function startProcess(
  clock: VirtualClock,
  world: MemoryStores,
  random: ReturnType<typeof seededRandom>,
  options: ProcessOptions,
): Process {
  const calls: StoreCall[] = [];
  const puts: AskedPut[] = [];
  const lines: Process['lines'] = [];
  const client = world.client({
    faults: (call) => {
      calls.push(call);
      return one.faults(call);
    },
  });
  const journal: Stores['journal'] = {
    ...client.journal,
    put: (item, condition, putOptions) => {
      puts.push({ item, options: putOptions });
      return client.journal.put(item, condition, putOptions);
    },
  };
  const stores = { ...client, journal };
  const logger: Logger = { log: (level, fields) => lines.push({ level, ...fields }) };
  const walLimits = { lingerMs: 0, flushBytes: 4 * 1024 * 1024, inFlight: 4, ...options.wal };
  const env: JournalEnvironment = {
    stores,
    clock,
    random,
    logger,
    cache: new EntryCache(options.cacheBytes ?? 64 * 1024 * 1024),
    wal: new WalWriter(stores.blobs, clock, random, walLimits),
    tier: { inlineMaxBytes: 4_096, lingerMs: walLimits.lingerMs, writeUnitsPerSecond: 1e9, ...options.tier },
    pacing: options.pacing ?? LATENCY_PACING,
    trust: { generation: 0 },
    turns: new Turns(clock),
    dueJournals: options.dueJournals,
  };
  const one: Process = {
    env,
    stores,
    journals: new Journals(env),
    calls,
    puts,
    lines,
    faults: () => undefined,
    count: (call) => calls.filter(({ store, operation }) => `${store}.${operation}` === call).length,
    async open(id = JOURNAL) {
      const open = await one.journals.open(id);
      if (open === undefined) throw new Error(`no journal ${id}`);
      return open;
    },
  };
  return one;
}

/** The first `count` calls of a kind meet a fault. */
export function first(count: number, call: string, fault: Fault): (one: StoreCall) => Fault | undefined {
  let left = count;
  return ({ store, operation }) => (`${store}.${operation}` === call && left-- > 0 ? fault : undefined);
}

/** The smallest thing that can be a batch: the fields that the log sets, then `text`. */
export function batch(text: string, fields: Partial<BatchToAppend> = {}): BatchToAppend {
  const bytes = Buffer.concat([Buffer.alloc(HEAD_BYTES), Buffer.from(text)]);
  bytes.writeInt32BE(bytes.length - LOG_OVERHEAD_BYTES, BatchField.length);
  return {
    partition: 0,
    lastOffsetDelta: 0,
    maxTimestamp: T0,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    transactional: false,
    transactionVerified: false,
    bytes,
    ...fields,
  };
}

/** A batch of an idempotent producer. */
export function sequenced(text: string, baseSequence: number, fields: Partial<BatchToAppend> = {}): BatchToAppend {
  return batch(text, { producerId: 7, producerEpoch: 0, baseSequence, ...fields });
}

/** Base offset, length and leader epoch. */
const HEAD_BYTES = 16;

export interface ReadBatch {
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly text: string;
}

/** What a batch says of itself, as a consumer gets it. */
export function say(bytes: Buffer): ReadBatch {
  return {
    offset: Number(bytes.readBigInt64BE(0)),
    leaderEpoch: bytes.readInt32BE(12),
    text: bytes.toString('utf8', HEAD_BYTES),
  };
}
