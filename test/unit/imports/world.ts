import { LeaderItems } from '../../../lib/cluster/leader-items.ts';
import type { ImportEnvironment } from '../../../lib/imports/environment.ts';
import { type ImportOutcome, type ImportRequest, importTopic } from '../../../lib/imports/import-topic.ts';
import type { PartitionSource } from '../../../lib/imports/partition-log.ts';
import type { EpochStart } from '../../../lib/journal/view.ts';
import { splitBatches } from '../../../lib/records/batch.ts';
import { dueJournals } from '../../../lib/segments/due-journals.ts';
import { DueList } from '../../../lib/segments/due-list.ts';
import { LEADER_EPOCH_FILE } from '../../../lib/segments/files/file-names.ts';
import { SegmentFileWriter } from '../../../lib/segments/files/file-writer.ts';
import { encodeLeaderEpochs } from '../../../lib/segments/files/leader-epoch-checkpoint.ts';
import { SegmentIndex } from '../../../lib/segments/segment-index.ts';
import { journalId } from '../../../lib/storage/items/journal-entry.ts';
import { decodeTopic, TOPICS_PK, type TopicRecord } from '../../../lib/storage/items/topic.ts';
import { Topics } from '../../../lib/topics/topics.ts';
import { TOPIC_DEFAULTS } from '../../support/topic-defaults.ts';
import { HOUR, type Process, T0, type World } from '../journal/world.ts';
import { MemoryFolder } from '../segments/files/memory-folder.ts';
import { contentOf, type Step } from '../segments/format/contents.ts';

export const NAME = 'orders';

/** What an import needs, of a process. */
export function importerOf(process: Process): ImportEnvironment {
  const { stores, clock, random, logger } = process.env;
  const changes = { state: stores.state, clock, random };
  const due = new DueList(changes);
  Object.assign(process.env, {
    dueJournals: dueJournals({
      journal: stores.journal,
      clock,
      due,
      limitsOf: () => ({ sealBytes: 1_000_000, sealMs: HOUR }),
      entriesGraceMs: 2 * HOUR,
    }),
  });
  return {
    admin: {
      journals: process.journals,
      topics: new Topics(stores.state, clock, TOPIC_DEFAULTS),
      defaultPartitions: 1,
      defaultReplicationFactor: 1,
      defaultJournals: 1,
      brokerConfigs: new Map(),
    },
    leaders: new LeaderItems({ ...changes, logger }),
    index: new SegmentIndex(changes),
    due,
  };
}

/** Steps with records of two producers' transactions, every codec apart, a gap and two epochs. */
export const STEPS: readonly Step[] = [
  { kind: 'data', timestamps: [T0 - 900, T0 - 800], valueBytes: 30 },
  { kind: 'data', timestamps: [T0 - 700], valueBytes: 90, producer: 7 },
  { kind: 'data', timestamps: [T0 - 650], valueBytes: 90, producer: 9 },
  { kind: 'gap', offsets: 5 },
  { kind: 'marker', producer: 7, type: 'abort', timestamp: T0 - 600 },
  { kind: 'epoch' },
  { kind: 'epoch' },
  { kind: 'data', timestamps: [T0 - 500, T0 - 450, T0 - 400], valueBytes: 200 },
  { kind: 'marker', producer: 9, type: 'commit', timestamp: T0 - 300 },
  { kind: 'data', timestamps: [T0 - 200], valueBytes: 10 },
];

export interface FolderOptions {
  readonly baseOffset?: number;
  /** Bytes after which the next `.log` begins. */
  readonly segmentBytes?: number;
  readonly epochs?: readonly EpochStart[];
}

/** A partition's folder with the log that the steps lead to. */
export async function folderOf(
  steps: readonly Step[],
  { baseOffset = 0, segmentBytes = 400, epochs }: FolderOptions = {},
): Promise<MemoryFolder> {
  const folder = new MemoryFolder();
  const writer = new SegmentFileWriter(folder, baseOffset, { segmentBytes });
  for (const bytes of contentOf(steps, 0, baseOffset).batches) await writer.append(splitBatches(bytes));
  await writer.finish();
  if (epochs !== undefined) folder.put(LEADER_EPOCH_FILE, encodeLeaderEpochs(epochs));
  return folder;
}

export function sourcesOf(folders: readonly MemoryFolder[], logStartOffset?: number): PartitionSource[] {
  return folders.map((folder, partition) => ({
    partition,
    name: `${NAME}-${partition}`,
    folder,
    ...(logStartOffset !== undefined && { logStartOffset }),
  }));
}

/** All `.log` files of a folder, one after the other. */
export function logOf(folder: MemoryFolder): Buffer {
  const names = [...folder.files.keys()].filter((name) => name.endsWith('.log')).sort();
  return Buffer.concat(names.map((name) => folder.files.get(name)!));
}

export function importing(
  process: Process,
  sources: readonly PartitionSource[],
  more: Partial<ImportRequest> = {},
): Promise<ImportOutcome> {
  return importTopic(importerOf(process), { topic: NAME, sources, configs: {}, setBytes: 300, ...more });
}

/** The topic of the name, if it exists. */
export function topicIn(world: World, name = NAME): TopicRecord | undefined {
  const item = world.stores.contents().state.find(({ pk, sk }) => pk === TOPICS_PK && sk === name);
  const record = item && decodeTopic(item.body);
  return record?.deletedAt === undefined ? record : undefined;
}

/** The batches of a partition, by its segment items; they have to follow each other without a gap. */
export async function storedLog(world: World, topic: TopicRecord, partition: number): Promise<Buffer> {
  const process = world.process();
  const { stores, clock, random } = process.env;
  const open = await world.run(process.open(journalId(topic.id, partition % topic.journals)));
  const view = open.journal.view.partitions.get(partition)!;
  const index = new SegmentIndex({ state: stores.state, clock, random });
  const logs: Buffer[] = [];
  for (let at = view.segmentsFrom; at < view.sealedOffset; ) {
    const segment = await world.run(index.find(topic.id, partition, at, { consistent: true }));
    if (segment?.baseOffset !== at) throw new Error(`no segment begins at ${at}`);
    const { start, length } = segment.log;
    const read = await world.run(stores.blobs.getRange(segment.key, start, start + length));
    if (read.kind === 'missing') throw new Error(`${segment.key} is not there`);
    logs.push(read.bytes);
    at = segment.nextOffset;
  }
  return Buffer.concat(logs);
}
