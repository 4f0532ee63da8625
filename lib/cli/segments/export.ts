import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock as clock } from '../../core/clock.ts';
import { CorruptRecordError } from '../../records/error.ts';
import { CorruptFileError } from '../../segments/files/corrupt-file.ts';
import { withClient } from '../client/connect.ts';
import { ConnectionError } from '../client/connection-problem.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, offsetsAt } from '../client/offsets.ts';
import { findTopic, type Topic, unknownPartition } from '../client/topics.ts';
import type { CommandIo } from '../command.ts';
import { CommandError } from '../failure.ts';
import {
  type Command,
  type CommonFlags,
  InvalidArgumentError,
  wholeNumber,
  withCommonFlags,
  withExamples,
} from '../program.ts';
import { showProgress, summaryText } from '../terminal/progress.ts';
import { json } from '../terminal/text.ts';
import { UNFINISHED_SUFFIX } from './disk-folder.ts';
import { exportPartition, PARTIAL_SUFFIX } from './export-partition.ts';
import { type ExportPlan, PLAN_SUFFIX, readPlan, writePlan } from './export-plan.ts';
import { fetchBatches, madeAnew, sameTopic } from './fetch-batches.ts';
import { writeStartOffsets } from './start-offsets.ts';

/** Kafka's default of `segment.bytes`. */
const SEGMENT_BYTES_DEFAULT = 1024 ** 3;
/** Kafka's smallest `segment.bytes` before 4.0. */
const SEGMENT_BYTES_MIN = 14;
/** Kafka's largest: positions in a segment are int32. */
const SEGMENT_BYTES_MAX = 2 ** 31 - 1;

interface ExportFlags extends CommonFlags {
  readonly partitions?: readonly number[];
  readonly segmentBytes?: number;
}

/** `tidelog segments export`: copies a topic as Kafka's log files. */
export function addExport(program: Command, io: CommandIo): void {
  const command = program
    .command('export')
    .description("Copies a topic's record batches into Kafka's log files; the same command goes on after a failure.")
    .argument('<topic>')
    .argument('<dir>', 'one folder for each partition is made in it')
    .option('-p, --partitions <list>', 'only these, such as 0,3-5; default: all', partitionList)
    .option(
      '--segment-bytes <n>',
      'where the next .log begins; default: 1073741824 (1 GiB)',
      wholeNumber(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX),
    );
  withExamples(withCommonFlags(command), [
    ['tidelog segments export orders ./copy', 'Copy a topic, or go on with a copy that was cut off'],
    ['tidelog segments export orders ./copy --partitions 0,3-5 -b broker.example:9092', 'Some of its partitions'],
  ]).action((topic: string, dir: string, flags: ExportFlags) =>
    withClient(flags, io, (client) =>
      exportTopic(client, io, topic, dir, flags).catch((error: unknown) => {
        throw explained(error, dir);
      }),
    ),
  );
}

/** The largest partition count that a list may name. */
const LISTED_MAX = 100_000;

function partitionList(text: string): number[] {
  const chosen = new Set<number>();
  for (const part of text.split(',')) {
    const [, low, high = low] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part) ?? [];
    if (low === undefined || Number(high) < Number(low) || Number(high) - Number(low) >= LISTED_MAX) {
      throw new InvalidArgumentError('It takes partitions such as 0,3-5.');
    }
    for (let index = Number(low); index <= Number(high); index++) chosen.add(index);
  }
  return [...chosen].sort((a, b) => a - b);
}

async function exportTopic(
  client: KafkaClient,
  io: CommandIo,
  name: string,
  dir: string,
  flags: ExportFlags,
): Promise<void> {
  const topic = await findTopic(client, name, { clock, timeoutMs: flags.timeout });
  const unknown = flags.partitions?.find((index) => index >= topic.partitions.length);
  if (unknown !== undefined) throw unknownPartition(name, unknown, topic.partitions.length);
  mkdirSync(dir, { recursive: true });
  let plan = await planOf(client, topic, dir, flags);
  const wanted = plan.partitions.filter(({ partition }) => flags.partitions?.includes(partition) ?? true);
  const done = new Set(readdirSync(dir));
  const todo = wanted.filter(({ partition }) => !done.has(`${name}-${partition}`));
  const { topicId, segmentBytes } = plan;
  const count = { records: 0, bytes: 0, done: 0, total: 0 };
  const startedAt = clock.monotonic();
  const starts = await offsetsAt(client, topic, topic.partitions, EARLIEST_TIMESTAMP);
  for (const { partition, endOffset } of todo) count.total += Math.max(endOffset - (starts.get(partition) ?? 0), 0);
  const hide = showProgress(io, clock, () => ({ ...count, elapsedMs: clock.monotonic() - startedAt }));
  try {
    for (const { partition, startOffset, endOffset } of todo) {
      await exportPartition({
        path: join(dir, `${name}-${partition}`),
        topicId,
        segmentBytes,
        begun: startOffset,
        begin: async () => {
          const found = await sameTopic(client, name, topicId, flags.timeout);
          const one = found.partitions.filter(({ index }) => index === partition);
          const start = (await offsetsAt(client, found, one, EARLIEST_TIMESTAMP)).get(partition)!;
          const partitions = plan.partitions.map((it) =>
            it.partition === partition ? { ...it, startOffset: start } : it,
          );
          plan = { ...plan, partitions };
          await writePlan(dir, plan);
          return start;
        },
        check: async () => void (await sameTopic(client, name, topicId, flags.timeout)),
        batchesFrom: async function* (from) {
          const source = { client, topic: name, topicId, partition, endOffset, timeoutMs: flags.timeout };
          let next = from;
          for await (const batches of fetchBatches(source, from)) {
            yield batches;
            for (const { header } of batches) {
              count.records += header.recordCount;
              count.bytes += header.sizeInBytes;
              count.done += header.baseOffset + header.lastOffsetDelta + 1 - next;
              next = header.baseOffset + header.lastOffsetDelta + 1;
            }
          }
        },
      });
    }
  } finally {
    hide();
  }
  await writeStartOffsets(dir, plan);
  const folders = wanted.map(({ partition }) => `${name}-${partition}`);
  const { records, bytes } = count;
  if (flags.json) io.out(json({ topic: name, topicId, folders, copied: todo.length, records, bytes }));
  else io.out(`Exported ${name}: ${summaryText({ records, bytes, elapsedMs: clock.monotonic() - startedAt })}.\n`);
}

/** The plan of an earlier run, or a new one, with the partitions that the flags name; stored. */
async function planOf(client: KafkaClient, topic: Topic, dir: string, flags: ExportFlags): Promise<ExportPlan> {
  const { name, id: topicId } = topic;
  const earlier = readPlan(dir, name);
  if (earlier === undefined) refuseForeign(dir, topic);
  else if (earlier.topicId !== topicId) throw madeAnew(name);
  const segmentBytes = earlier?.segmentBytes ?? flags.segmentBytes ?? SEGMENT_BYTES_DEFAULT;
  if (flags.segmentBytes !== undefined && flags.segmentBytes !== segmentBytes) {
    throw new CommandError(`The export in ${dir} was begun with --segment-bytes ${segmentBytes}: give the same again.`);
  }
  const before = earlier?.partitions ?? [];
  const added = topic.partitions.filter(
    ({ index }) => (flags.partitions?.includes(index) ?? true) && !before.some(({ partition }) => partition === index),
  );
  const ends = await offsetsAt(client, topic, added, LATEST_TIMESTAMP);
  const partitions = [...before, ...added.map(({ index }) => ({ partition: index, endOffset: ends.get(index)! }))].sort(
    (a, b) => a.partition - b.partition,
  );
  const plan = { topic: name, topicId, segmentBytes, partitions };
  await writePlan(dir, plan);
  return plan;
}

/** A new export goes into an empty folder, or beside the export of another topic. */
function refuseForeign(dir: string, { name, partitions }: Topic): void {
  // A plan that could not be written, as on a full disk, is none.
  const names = readdirSync(dir).filter((one) => one !== `${name}${PLAN_SUFFIX}${UNFINISHED_SUFFIX}`);
  const own = new Set(partitions.flatMap(({ index }) => [`${name}-${index}`, `${name}-${index}${PARTIAL_SUFFIX}`]));
  if (names.length === 0) return;
  if (names.some((one) => one.endsWith(PLAN_SUFFIX)) && !names.some((one) => own.has(one))) return;
  throw new CommandError(`${dir} is not empty and has no export of ${name}: name a new folder.`);
}

const GOES_ON = 'The same command goes on where this one stopped.';

function explained(error: unknown, dir: string): unknown {
  if (error instanceof ConnectionError) return new CommandError(`${error.message} ${GOES_ON}`, { cause: error });
  if (error instanceof CommandError) return error;
  if (error instanceof CorruptFileError || error instanceof CorruptRecordError) {
    return new CommandError(`The export in ${dir} cannot go on: ${error.message}.`, { cause: error });
  }
  const { code, errno, message, path } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new CommandError(`There is no space left for ${dir} (${code}). ${GOES_ON}`, { cause: error });
  }
  if (errno === undefined) return error;
  return new CommandError(`${path ?? dir} cannot be written: ${message}.`, { cause: error });
}
