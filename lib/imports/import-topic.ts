import { createHash } from 'node:crypto';
import type { Failure } from '../core/errors.ts';
import { NAME_WITHIN_MS } from '../journal/checkpoint.ts';
import { createJournal } from '../journal/create.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { each } from '../kit/each.ts';
import { CorruptFileError } from '../segments/files/corrupt-file.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import { decodeTopic, TOPICS_PK, type TopicRecord } from '../storage/items/topic.ts';
import type { TopicImport } from '../storage/items/topic-import.ts';
import { MAX_SIGNATURE_AGE_MS, StoreUnavailableError } from '../storage/ports.ts';
import { decideTopic, nameTopic } from '../topics/create-topic.ts';
import { journalsOf } from '../topics/topics.ts';
import { raiseNextProducerId } from '../transactions/producer-ids.ts';
import type { ImportEnvironment } from './environment.ts';
import { ENTRY_MS_MAX, JournalImport, type SurveyedLog } from './import-journal.ts';
import { type CutOff, type LogGap, PartitionLog, type PartitionSource } from './partition-log.ts';
import { type Counted, survey } from './survey.ts';
import {
  ABANDONED_AFTER_MS,
  abandonImport,
  dropImport,
  findImport,
  putImport,
  type StoredImport,
} from './unfinished.ts';

/** How often an import says that it goes on; ms. */
const ALIVE_EVERY_MS = 60 * 60 * 1000;

/** Time for a look to find the item of an abandoned import old enough; ms. */
const LOOK_MARGIN_MS = 60 * 60 * 1000;

/** The largest leader epoch. */
const LEADER_EPOCH_MAX = 2 ** 31 - 1;

export interface ImportRequest {
  readonly topic: string;
  /** One for each partition from 0 on, in order. */
  readonly sources: readonly PartitionSource[];
  readonly configs: Readonly<Record<string, string>>;
  /** Leaves out a batch that is cut off at the end of a partition's last file. */
  readonly truncatesTail?: boolean;
  /** Called as work begins. `total`: bytes of all files, which are read twice. */
  readonly onBegin?: (progress: ImportProgress) => void;
  /** Bytes of batches in an object; for tests. */
  readonly setBytes?: number;
}

/** Grows while the import runs. */
export interface ImportProgress {
  /** Read and checked. */
  readonly checked: Counted;
  /** Read once more, and stored. */
  readonly stored: Counted;
  readonly totalBytes: number;
}

export interface ImportedTopic {
  readonly kind: 'imported';
  readonly topic: TopicRecord;
  readonly records: number;
  readonly bytes: number;
  /** An earlier run had begun it. */
  readonly isResumed: boolean;
  /** Transactions that were open at the end of the files and were aborted. */
  readonly abortedTransactions: number;
  readonly cutOff: readonly CutOff[];
  readonly gaps: readonly LogGap[];
}

type Rejected = { readonly kind: 'rejected' } & Failure;

export type ImportOutcome = ImportedTopic | Rejected;

/**
 * Makes a topic of Kafka's log files. First it reads and checks all of them; then it stores the batches
 * in the journals of a topic that does not exist yet, and at last it gives the topic its name. An
 * import that was cut off at any point is completed by the same call, as long as the files have not
 * changed; otherwise it begins anew.
 *
 * @throws CorruptFileError, StoreUnavailableError, and what reading the files throws
 */
export async function importTopic(env: ImportEnvironment, request: ImportRequest): Promise<ImportOutcome> {
  const { admin } = env;
  const { topic: name, sources, configs, truncatesTail = false } = request;
  const decided = await decideTopic(admin, {
    name,
    partitions: sources.length,
    replicationFactor: -1,
    assignments: [],
    configs: Object.entries(configs).map(([config, value]) => ({ name: config, value })),
  });
  if (decided.kind === 'rejected') return decided;
  const earlier = await findImport(admin, name);
  const living = decided.existing === undefined ? undefined : livingTopic(decodeTopic(decided.existing.body));
  // The import of a topic that exists may lack its end: its item is still there.
  if (living !== undefined && living.id !== earlier?.record.topic.id) return alreadyThere(name);

  const logs = await each({ atOnce: 16 }, sources, (source) => PartitionLog.open(source, truncatesTail));
  const progress = newProgress(logs);
  request.onBegin?.(progress);
  const surveyed: SurveyedLog[] = [];
  for (const log of logs) surveyed.push({ log, survey: await survey(log, progress.checked) });
  const identity = identityOf(surveyed, decided.record);

  if (living !== undefined) {
    // Never given up: its journals are those of the topic.
    const isDone = earlier?.record.digest === identity && !earlier.record.isAbandoned;
    if (earlier !== undefined) await dropImport(admin, earlier);
    return isDone ? importedAs(living, surveyed, progress, true) : alreadyThere(name);
  }
  const resumed = await resume(env, earlier, identity);
  const claim = new Claim(env, resumed ?? (await begin(env, decided.record, identity, surveyed)));
  if (await storeJournals(env, claim, surveyed, request, progress.stored)) {
    const named = await giveName(env, claim);
    if (named.kind === 'rejected') return named;
  }
  await dropImport(admin, claim.stored);
  return importedAs(claim.stored.record.topic, surveyed, progress, resumed !== undefined);
}

function importedAs(
  topic: TopicRecord,
  surveyed: readonly SurveyedLog[],
  progress: ImportProgress,
  isResumed: boolean,
): ImportedTopic {
  return {
    kind: 'imported',
    topic,
    ...progress.checked,
    isResumed,
    abortedTransactions: surveyed.reduce((sum, { survey: { openTransactions } }) => sum + openTransactions, 0),
    cutOff: surveyed.flatMap(({ survey: { cutOff } }) => (cutOff === undefined ? [] : [cutOff])),
    gaps: surveyed.flatMap(({ survey: { gaps } }) => gaps),
  };
}

function newProgress(logs: readonly PartitionLog[]): ImportProgress {
  return {
    checked: { records: 0, bytes: 0 },
    stored: { records: 0, bytes: 0 },
    totalBytes: logs.reduce((sum, { size }) => sum + size, 0),
  };
}

function livingTopic(record: TopicRecord): TopicRecord | undefined {
  return record.deletedAt === undefined ? record : undefined;
}

function alreadyThere(name: string): Rejected {
  return { kind: 'rejected', error: 'TOPIC_ALREADY_EXISTS', message: `Topic '${name}' already exists.` };
}

/** Tells this import from any other of a topic with the same name. */
function identityOf(logs: readonly SurveyedLog[], record: TopicRecord): string {
  const { name, partitions, journals, replicationFactor, configs } = record;
  const sorted = Object.entries(configs).sort(([a], [b]) => (a < b ? -1 : 1));
  const digests = logs.map(({ survey: { digest } }) => digest);
  return createHash('sha256')
    .update(JSON.stringify([name, partitions, journals, replicationFactor, sorted, digests]))
    .digest('hex');
}

/** The item of an import that this process works on. */
class Claim {
  readonly #env: ImportEnvironment;
  #stored: StoredImport;

  constructor(env: ImportEnvironment, stored: StoredImport) {
    this.#env = env;
    this.#stored = stored;
  }

  get stored(): StoredImport {
    return this.#stored;
  }

  /** Says that the import goes on, unless that was said a moment ago. Throws StoreUnavailableError. */
  async alive(): Promise<void> {
    const { state } = this.#env.admin.journals.env.stores;
    if (state.now() - this.#stored.version >= ALIVE_EVERY_MS) await this.#put(this.#stored.record);
  }

  /** Says that the topic gets its name now. Throws StoreUnavailableError. */
  naming(): Promise<void> {
    return this.#put({ ...this.#stored.record, isNaming: true });
  }

  async #put(record: TopicImport): Promise<void> {
    const stored = await putImport(this.#env.admin, record, this.#stored);
    if (stored === undefined) throw takenOver(record.topic.name);
    this.#stored = stored;
  }
}

function takenOver(name: string): StoreUnavailableError {
  return new StoreUnavailableError(`another process imports topic ${name}, or has given its import up`);
}

/** The earlier import, if it is the same and can go on; any other one is given up. */
async function resume(
  { admin }: ImportEnvironment,
  earlier: StoredImport | undefined,
  identity: string,
): Promise<StoredImport | undefined> {
  if (earlier === undefined) return undefined;
  const { record } = earlier;
  const open = await each({}, journalsOf(record.topic), (id) => admin.journals.open(id));
  const canGoOn = !record.isAbandoned && !open.some((one) => one?.journal.view.closed);
  if (!(canGoOn && record.digest === identity)) {
    // It may have ended since the topic was looked for, or be about to.
    if (mayGetName(admin, earlier) || (await isNamed(admin, record.topic))) throw takenOver(record.topic.name);
    await abandonImport(admin, earlier);
    return undefined;
  }
  const stored = await putImport(admin, record, earlier);
  if (stored === undefined) throw takenOver(record.topic.name);
  return stored;
}

/** Puts the journals of a new import on the due list, so that somebody finds it abandoned, and its item. */
async function begin(
  { admin, due }: ImportEnvironment,
  topic: TopicRecord,
  digest: string,
  logs: readonly SurveyedLog[],
): Promise<StoredImport> {
  const { stores, clock, random } = admin.journals.env;
  const producerIdMax = Math.max(...logs.map(({ survey: { producerIdMax: max } }) => max));
  // From now on no producer gets an id that is in the files.
  const producerIdsFrom = await raiseNextProducerId({ state: stores.state, clock, random }, producerIdMax + 1);
  // First, so that whatever lands of the import is found.
  const at = stores.state.now() + ABANDONED_AFTER_MS + LOOK_MARGIN_MS;
  await each({}, journalsOf(topic), (name) => due.add({ kind: 'journal', name, at }));
  const stored = await putImport(admin, { topic, digest, producerIdsFrom, isAbandoned: false }, undefined);
  if (stored === undefined) throw takenOver(topic.name);
  return stored;
}

/** Stores all batches in the journals of the topic. False if another process has ended the import. */
async function storeJournals(
  env: ImportEnvironment,
  claim: Claim,
  logs: readonly SurveyedLog[],
  { setBytes }: ImportRequest,
  counted: Counted,
): Promise<boolean> {
  const { topic, producerIdsFrom } = claim.stored.record;
  const interval = topic.configs['index.interval.bytes'];
  for (const [index, id] of journalsOf(topic).entries()) {
    const own = logs.filter(({ log: { source } }) => source.partition % topic.journals === index);
    const open = await openJournal(env, id, topic.createdAt);
    await raiseEpoch(env, open, Math.max(...own.map(({ survey: { leaderEpoch } }) => leaderEpoch)));
    const journal = new JournalImport(env, open, {
      now: topic.createdAt,
      producerIdsFrom,
      alive: () => claim.alive(),
      ...(interval !== undefined && { indexIntervalBytes: Number(interval) }),
      ...(setBytes !== undefined && { setBytes }),
    });
    // Read after the view (rule R6): what clients write into a topic that has its name comes after it.
    if (await isNamed(env.admin, topic)) return false;
    try {
      for (const surveyed of own) await journal.partition(surveyed, counted);
      await journal.finish();
    } catch (error) {
      // The files have changed since they were checked: what is stored may not be what they are now.
      if (error instanceof CorruptFileError && !mayGetName(env.admin, claim.stored)) {
        await abandonImport(env.admin, claim.stored);
      }
      throw error;
    }
  }
  return true;
}

/** Whether a put of the topic's name may still be on its way. */
function mayGetName({ journals }: ImportEnvironment['admin'], { record, version }: StoredImport): boolean {
  if (record.isNaming !== true || record.isAbandoned) return false;
  return journals.env.stores.state.now() - version <= NAME_WITHIN_MS + MAX_SIGNATURE_AGE_MS;
}

/** Whether the topic exists, by a strongly consistent read. */
async function isNamed(admin: ImportEnvironment['admin'], { name, id }: TopicRecord): Promise<boolean> {
  const { item } = await admin.journals.env.stores.state.get(TOPICS_PK, name, true);
  return item !== undefined && decodeTopic(item.body).id === id;
}

/** Opens a journal of the topic; one that an earlier run has not come to is created (rule R1). */
async function openJournal({ admin }: ImportEnvironment, id: JournalId, time: number): Promise<OpenJournal> {
  const found = await admin.journals.open(id);
  if (found !== undefined) return found;
  await createJournal(admin.journals.env, id, time);
  const created = await admin.journals.open(id);
  if (created === undefined) throw new StoreUnavailableError(`journal ${id} was created and is not there`);
  return created;
}

/**
 * The journal's epoch becomes one that no batch of the files has: for its clients the topic has a new
 * leader. Files without epochs, or with epoch 0 alone, leave it as it is.
 */
async function raiseEpoch({ leaders }: ImportEnvironment, open: OpenJournal, newest: number): Promise<void> {
  const { journal, writer } = open;
  if (newest > journal.view.leaderEpoch) {
    const leaderEpoch = Math.min(newest + 1, LEADER_EPOCH_MAX);
    const deadline = journal.env.clock.monotonic() + ENTRY_MS_MAX;
    await writer.appendEntry(
      ({ closed, leaderEpoch: now, leader }, time) =>
        closed || now >= newest ? undefined : { kind: 'leaderChange', time, leaderEpoch, leader },
      deadline,
    );
  }
  const { leaderEpoch, leader, closed } = journal.view;
  if (closed || leaderEpoch < newest) throw new StoreUnavailableError(`journal ${journal.id} did not take its epoch`);
  // After the entry, by this run or an earlier one (rule R10).
  if (leaderEpoch > 0) await leaders.put({ journal: journal.id, leaderEpoch, leader });
}

/** Makes the topic exist. Signed soon after the import said that it goes on, so that nobody has given it up. */
async function giveName({ admin, due }: ImportEnvironment, claim: Claim) {
  await claim.naming();
  const { record, version } = claim.stored;
  const { topic } = record;
  const { state } = admin.journals.env.stores;
  const { item: existing } = await state.get(TOPICS_PK, topic.name, true);
  const other = existing === undefined ? undefined : livingTopic(decodeTopic(existing.body));
  if (other !== undefined && other.id !== topic.id) return alreadyThere(topic.name);
  // Retention and compaction look at it.
  await each({}, journalsOf(topic), (name) => due.add({ kind: 'journal', name, at: state.now() }));
  return nameTopic(admin, topic, existing, { signBefore: version + NAME_WITHIN_MS });
}
