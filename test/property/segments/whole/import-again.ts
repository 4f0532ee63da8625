import { importTopic } from '../../../../lib/imports/import-topic.ts';
import { lastOffset, splitBatches } from '../../../../lib/records/batch.ts';
import { importEnvironment } from '../../../../lib/run/import-topic.ts';
import { SegmentFileWriter } from '../../../../lib/segments/files/file-writer.ts';
import { deleteTopic } from '../../../../lib/topics/delete-topic.ts';
import { MemoryFolder } from '../../../unit/segments/files/memory-folder.ts';
import { PLACES, type Place } from './steps.ts';
import type { WholeLog } from './whole-log.ts';
import { partitionOf } from './world.ts';

/** The marker of a transaction that the files do not end. */
const MARKER_BYTES = 78;

/** Copies a place's topic as Kafka's files, deletes it, and makes it again of them. */
export async function importAgain(log: WholeLog, place: Place, setBytes: number): Promise<string> {
  const { world } = log;
  const { topic: name } = partitionOf(place);
  const places = PLACES.filter((one) => partitionOf(one).topic === name);
  const sources = [];
  for (const one of places) {
    const { partition } = partitionOf(one);
    const folder = await filesOf(log, one);
    sources.push({ partition, name: one, folder, logStartOffset: log.model(one).logStart });
  }
  const { writer } = world;
  const { admin } = writer.broker;
  const topic = (await world.run(admin.topics.get(name)))!;
  await world.run(deleteTopic(admin, topic, world.deadline));
  const { env } = admin.journals;
  const environment = importEnvironment(env, writer);
  const request = { topic: name, sources, configs: topic.record.configs, setBytes };
  const outcome = await world.run(importTopic(environment, request));
  if (outcome.kind !== 'imported') throw new Error(`${name}: ${JSON.stringify(outcome)}`);
  world.topicIds.set(name, outcome.topic.id);
  for (const one of places) {
    const model = log.model(one);
    model.abortOpen(outcome.topic.createdAt, MARKER_BYTES);
    model.sealedTo = model.nextOffset;
    model.entriesFrom = model.nextOffset;
  }
  // Other processes would know the deleted topic for a while.
  await world.restart();
  return `${outcome.records} records`;
}

/** Everything from the log start on, several small files. */
async function filesOf(log: WholeLog, place: Place): Promise<MemoryFolder> {
  const { logStart, nextOffset } = log.model(place);
  const folder = new MemoryFolder();
  let files: SegmentFileWriter | undefined;
  for (let offset = logStart; offset < nextOffset; ) {
    const fetched = await log.world.fetch(place, offset, 'read_uncommitted');
    const batches = fetched.batches.flatMap((bytes) => splitBatches(bytes));
    files ??= new SegmentFileWriter(folder, Math.min(logStart, batches[0]!.header.baseOffset), { segmentBytes: 500 });
    await files.append(batches);
    offset = lastOffset(batches.at(-1)!.header) + 1;
  }
  files ??= new SegmentFileWriter(folder, logStart);
  await files.finish();
  return folder;
}
