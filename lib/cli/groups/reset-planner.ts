import { readTextFile } from '../client/files.ts';
import type { Committed, GroupClient } from '../client/groups.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import { unknownPartition, unknownTopic } from '../client/topics.ts';
import type { CommandIo } from '../command.ts';
import { CommandError } from '../failure.ts';
import { grouped } from '../grouped.ts';
import { table } from '../terminal/text.ts';
import type { TopicOffsets } from './offset-ranges.ts';
import {
  type FileRow,
  newOffset,
  parseResetFile,
  type ResetRow,
  type ResetTarget,
  type TopicChoice,
} from './reset-plan.ts';

export interface Planner {
  readonly client: KafkaClient;
  readonly topics: TopicOffsets;
  readonly group: string;
  readonly committed: readonly Committed[];
  warn(message: string): void;
}

/**
 * The rows of a target, in `chosen`. Default: in all topics with committed offsets of the group.
 * Throws CommandError.
 */
export async function planTarget(
  planner: Planner,
  target: ResetTarget,
  chosen: readonly TopicChoice[] | undefined,
): Promise<ResetRow[]> {
  const { topics, group, committed } = planner;
  const rows: ResetRow[] = [];
  for (const { topic, partitions } of chosen ?? committedTopics(committed)) {
    const ranges = await rangesOf(planner, topic);
    const atTime = target.kind === 'time' ? await topics.atTime(topic, target.timestamp) : undefined;
    for (const partition of partitions ?? [...ranges.keys()]) {
      const range = ranges.get(partition);
      const name = `${topic}-${partition}`;
      if (range === undefined) throw unknownPartition(topic, partition, ranges.size);
      const current = currentOf(committed, topic, partition);
      const known = { name, current, range, atTime: atTime?.get(partition) };
      rows.push({ group, topic, partition, currentOffset: current, newOffset: newOffset(target, known, planner.warn) });
    }
  }
  return rows;
}

/** The rows of a file. Throws CommandError. */
export async function planFile(planner: Planner, file: readonly FileRow[]): Promise<ResetRow[]> {
  const { group, committed } = planner;
  const rows: ResetRow[] = [];
  for (const { topic, partition, offset } of file.filter((row) => (row.group ?? group) === group)) {
    const ranges = await rangesOf(planner, topic);
    const range = ranges.get(partition);
    if (range === undefined) throw unknownPartition(topic, partition, ranges.size);
    const current = currentOf(committed, topic, partition);
    const known = { name: `${topic}-${partition}`, current, range };
    const wanted = newOffset({ kind: 'offset', offset }, known, planner.warn);
    rows.push({ group, topic, partition, currentOffset: current, newOffset: wanted });
  }
  return rows;
}

async function rangesOf({ client, topics }: Planner, topic: string) {
  const ranges = await topics.ranges(topic);
  if (ranges.size === 0) throw await unknownTopic(client, topic);
  return ranges;
}

/** The topics and partitions that have a committed offset. */
function committedTopics(committed: readonly Committed[]): TopicChoice[] {
  const byTopic = grouped(committed, ({ topic }) => topic);
  return [...byTopic].map(([topic, of]) => ({ topic, partitions: of.map(({ partition }) => partition) }));
}

function currentOf(committed: readonly Committed[], topic: string, partition: number): number | null {
  return committed.find((one) => one.topic === topic && one.partition === partition)?.offset ?? null;
}

/** The plan as text for people. */
export function planText(plan: readonly ResetRow[]): string {
  return table(
    ['GROUP', 'TOPIC', 'PARTITION', 'CURRENT-OFFSET', 'NEW-OFFSET'],
    plan.map(({ group, topic, partition, currentOffset, newOffset: next }) => [
      group,
      topic,
      partition,
      currentOffset ?? '-',
      next,
    ]),
  );
}

/** Commits the planned offsets. Throws CommandError. */
export async function commitPlan(groups: GroupClient, plan: readonly ResetRow[]): Promise<void> {
  for (const [group, rows] of grouped(plan, (row) => row.group)) {
    await groups.commit(
      group,
      rows.map(({ topic, partition, newOffset: offset }) => ({ topic, partition, offset })),
    );
  }
}

/** Throws CommandError for a group that has members. Warns if there is no group of this name. */
export async function checkIsEmpty(groups: GroupClient, id: string, io: CommandIo): Promise<void> {
  const group = await groups.describe(id);
  // Kafka's tool also plans for a missing group. A mistyped name looks the same.
  if (group === undefined) io.err(`There is no group ${id} yet: it begins with these offsets.\n`);
  if (group === undefined || group.state === 'Empty') return;
  throw new CommandError(
    `Group ${id} is ${group.state} and has ${group.members.length} members: stop them first, as offsets can only be ` +
      'reset while there are none (NON_EMPTY_GROUP).',
    { kafkaError: 'NON_EMPTY_GROUP' },
  );
}

/** The rows of a file with offsets. Throws CommandError. */
export function fileRows(path: string): FileRow[] {
  return parseResetFile(readTextFile(path));
}
