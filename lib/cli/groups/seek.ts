import { systemClock } from '../../core/clock.ts';
import { withClient } from '../client/connect.ts';
import { GroupClient, unknownGroup } from '../client/groups.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import type { CommandIo } from '../command.ts';
import { parseTime } from '../consume/start.ts';
import { usageError } from '../failure.ts';
import {
  type Command,
  type CommonFlags,
  InvalidArgumentError,
  repeated,
  withCommonFlags,
  withExamples,
} from '../program.ts';
import { json } from '../terminal/text.ts';
import { TopicOffsets } from './offset-ranges.ts';
import { type FileRow, parseTopicChoice, type ResetRow, type ResetTarget, type TopicChoice } from './reset-plan.ts';
import { checkIsEmpty, commitPlan, fileRows, planFile, planTarget, planText } from './reset-planner.ts';

interface SeekFlags extends CommonFlags {
  readonly to?: ResetTarget;
  readonly toGroup?: string;
  readonly toFile?: string;
  readonly topic?: readonly TopicChoice[];
  readonly dryRun?: boolean;
}

/**
 * `tidelog groups seek`: sets the offsets of a group without members, without a preview, like rpk's
 * command of this name.
 */
export function addSeek(program: Command, io: CommandIo): void {
  const command = program
    .command('seek')
    .description('Sets the offsets of a group that has no members, at once.')
    .argument('<group>', 'whose')
    .option(
      '--to <place>',
      'to start, end, or the first record as young as a time: 2026-11-20T12:00:00Z, -1h',
      placeFlag,
    )
    .option('--to-group <id>', 'to where another group is')
    .option(
      '--to-file <file>',
      'to what a file says: lines of topic, partition and offset, with blanks or commas between',
    )
    .option(
      '-t, --topic <name[:0,1,2]>',
      'which topic, or which of its partitions; may come several times; all that there are offsets of when left out',
      repeated(parseTopicChoice),
    )
    .option('--dry-run', 'only shows it');
  withExamples(withCommonFlags(command), [
    ['tidelog groups seek billing --to start -t orders', 'Read a topic again'],
    ['tidelog groups seek billing --to -2h', 'Read the last two hours again'],
    ['tidelog groups seek copy --to-group billing', 'Begin where another group is'],
    ['tidelog groups seek billing --to-file offsets.txt', 'Set what a file says'],
  ]).action((group: string, flags: SeekFlags) => {
    const given = [flags.to, flags.toGroup, flags.toFile].filter((one) => one !== undefined);
    if (given.length !== 1) throw usageError('Give exactly one of --to, --to-group and --to-file.');
    const rows = flags.toFile === undefined ? undefined : fileRows(flags.toFile);
    return withClient(flags, io, (client) => seek(client, io, group, rows, flags));
  });
}

function placeFlag(text: string): ResetTarget {
  if (text === 'start' || text === 'earliest') return { kind: 'earliest' };
  if (text === 'end' || text === 'latest') return { kind: 'latest' };
  const timestamp = parseTime(text, systemClock.now());
  if (timestamp !== undefined) return { kind: 'time', timestamp };
  throw new InvalidArgumentError('It takes start, end, or a time such as 2026-11-20T12:00:00Z or -1h.');
}

async function seek(
  client: KafkaClient,
  io: CommandIo,
  group: string,
  fromFile: readonly FileRow[] | undefined,
  flags: SeekFlags,
): Promise<void> {
  const groups = new GroupClient(client, { clock: systemClock, timeoutMs: flags.timeout });
  await checkIsEmpty(groups, group, io);
  const committed = await groups.committed(group);
  const warn = (message: string) => io.err(`${message}\n`);
  const planner = { client, topics: new TopicOffsets(client), group, committed, warn };
  const rows = flags.toGroup === undefined ? fromFile : await rowsOfGroup(groups, flags.toGroup);
  const plan: ResetRow[] =
    rows === undefined
      ? await planTarget(planner, flags.to!, flags.topic)
      : await planFile(
          planner,
          rows.filter((row) => isChosen(row, flags.topic)),
        );
  if (plan.length === 0)
    warn(`There is nothing to set: name topics with --topic, as group ${group} has no offsets there.`);
  if (!flags.dryRun) await commitPlan(groups, plan);
  if (flags.json) io.out(json({ executed: !flags.dryRun, offsets: plan }));
  else io.out(planText(plan));
}

async function rowsOfGroup(groups: GroupClient, id: string): Promise<FileRow[]> {
  if ((await groups.describe(id)) === undefined) throw unknownGroup(id);
  const committed = await groups.committed(id);
  return committed.map(({ topic, partition, offset }) => ({ group: undefined, topic, partition, offset }));
}

function isChosen({ topic, partition }: FileRow, chosen: readonly TopicChoice[] | undefined): boolean {
  if (chosen === undefined) return true;
  return chosen.some((one) => one.topic === topic && (one.partitions?.includes(partition) ?? true));
}
