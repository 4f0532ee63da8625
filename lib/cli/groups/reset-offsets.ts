import { systemClock } from '../../core/clock.ts';
import { withClient } from '../client/connect.ts';
import { GroupClient } from '../client/groups.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import type { CommandIo } from '../command.ts';
import { parseTime } from '../consume/start.ts';
import { usageError } from '../failure.ts';
import {
  type Command,
  type CommonFlags,
  InvalidArgumentError,
  repeated,
  wholeNumber,
  withCommonFlags,
  withExamples,
} from '../program.ts';
import { json } from '../terminal/text.ts';
import { TopicOffsets } from './offset-ranges.ts';
import { parseIsoDuration, parseTopicChoice, type ResetRow, type ResetTarget, type TopicChoice } from './reset-plan.ts';
import { checkIsEmpty, commitPlan, fileRows, planFile, planTarget, planText } from './reset-planner.ts';

interface ResetFlags extends CommonFlags {
  readonly group?: readonly string[];
  readonly allGroups?: boolean;
  readonly topic?: readonly TopicChoice[];
  readonly allTopics?: boolean;
  readonly toEarliest?: boolean;
  readonly toLatest?: boolean;
  readonly toCurrent?: boolean;
  readonly toOffset?: number;
  readonly toDatetime?: number;
  readonly byDuration?: number;
  readonly shiftBy?: number;
  readonly fromFile?: string;
  readonly execute?: boolean;
  readonly dryRun?: boolean;
  readonly export?: boolean;
}

/**
 * `tidelog groups reset-offsets`: shows the new offsets of groups without members, or sets them
 * with `--execute`.
 */
export function addResetOffsets(program: Command, io: CommandIo): void {
  const command = program
    .command('reset-offsets')
    .description('Sets the offsets of groups that have no members; only shows what it would do unless told --execute.')
    .option('-g, --group <id>', 'which group; may come several times', repeated(String))
    .option('--all-groups', 'all groups without members')
    .option(
      '-t, --topic <name[:0,1,2]>',
      'which topic, or which of its partitions; may come several times',
      repeated(parseTopicChoice),
    )
    .option('--all-topics', 'all topics that the group has offsets of')
    .option('--to-earliest', 'to the beginning')
    .option('--to-latest', 'to the end')
    .option('--to-current', 'to where it is, or the end of partitions without an offset')
    .option('--to-offset <n>', 'to an offset', wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .option('--to-datetime <time>', 'to the first record as young as this: 2026-11-20T12:00:00Z', timeFlag)
    .option('--by-duration <PnDTnHnMnS>', 'to the first record that is not older than this, such as PT1H', durationFlag)
    .option('--shift-by <n>', 'by so many offsets; below 0 for back', wholeNumber(-(2 ** 53), 2 ** 53))
    .option('--from-file <file>', 'as a CSV file says: topic,partition,offset or group,topic,partition,offset')
    .option('--execute', 'does it')
    .option('--dry-run', 'only shows it, as without --execute')
    .option('--export', 'shows it as CSV, for --from-file');
  withExamples(withCommonFlags(command), [
    ['tidelog groups reset-offsets --group billing --topic orders --to-earliest', 'See what would change'],
    ['tidelog groups reset-offsets -g billing -t orders:0,1 --shift-by -100 --execute', 'Read a hundred again'],
    ['tidelog groups reset-offsets -g billing --all-topics --by-duration PT2H --execute', 'Read two hours again'],
    ['tidelog groups reset-offsets -g billing --all-topics --to-current --export > offsets.csv', 'Keep where it is'],
  ]).action((flags: ResetFlags) => withClient(flags, io, (client) => reset(client, io, flags)));
}

function timeFlag(text: string): number {
  const timestamp = parseTime(text, systemClock.now());
  if (timestamp === undefined) throw new InvalidArgumentError('It takes a time such as 2026-11-20T12:00:00Z or -1h.');
  return timestamp;
}

function durationFlag(text: string): number {
  const ms = parseIsoDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('It takes a duration such as P1DT2H3M4S or PT30M.');
  return ms;
}

async function reset(client: KafkaClient, io: CommandIo, flags: ResetFlags): Promise<void> {
  const target = targetOf(flags);
  const rows = target.kind === 'file' ? fileRows(target.path) : [];
  checkScope(flags, target.kind === 'file');
  const groups = new GroupClient(client, { clock: systemClock, timeoutMs: flags.timeout });
  const topics = new TopicOffsets(client);
  const plan: ResetRow[] = [];
  for (const group of await chosenGroups(groups, flags, io)) {
    const committed = await groups.committed(group);
    const planner = { client, topics, group, committed, warn: (message: string) => io.err(`${message}\n`) };
    if (target.kind === 'file') plan.push(...(await planFile(planner, rows)));
    else plan.push(...(await planTarget(planner, target, flags.topic)));
  }
  if (flags.execute) await commitPlan(groups, plan);
  if (flags.json) io.out(json({ executed: flags.execute === true, offsets: plan }));
  else if (flags.export) io.out(csvOf(plan));
  else io.out(planText(plan));
  if (!flags.execute && !flags.json && !flags.export) io.err('Nothing was changed. With --execute it is done.\n');
}

type AnyTarget = ResetTarget | { readonly kind: 'file'; readonly path: string };

function targetOf(flags: ResetFlags): AnyTarget {
  const given: AnyTarget[] = [];
  if (flags.toEarliest) given.push({ kind: 'earliest' });
  if (flags.toLatest) given.push({ kind: 'latest' });
  if (flags.toCurrent) given.push({ kind: 'current' });
  if (flags.toOffset !== undefined) given.push({ kind: 'offset', offset: flags.toOffset });
  if (flags.toDatetime !== undefined) given.push({ kind: 'time', timestamp: flags.toDatetime });
  if (flags.byDuration !== undefined) given.push({ kind: 'time', timestamp: systemClock.now() - flags.byDuration });
  if (flags.shiftBy !== undefined) given.push({ kind: 'shift', by: flags.shiftBy });
  if (flags.fromFile !== undefined) given.push({ kind: 'file', path: flags.fromFile });
  const [target, ...more] = given;
  if (target !== undefined && more.length === 0) return target;
  throw usageError(
    'Give exactly one of --to-earliest, --to-latest, --to-current, --to-offset, --to-datetime, --by-duration, ' +
      '--shift-by and --from-file.',
  );
}

function checkScope(flags: ResetFlags, fromFile: boolean): void {
  if (flags.execute && (flags.dryRun || flags.export)) {
    throw usageError(`--execute does not go with ${flags.dryRun ? '--dry-run' : '--export'}.`);
  }
  if ((flags.group !== undefined) === (flags.allGroups === true)) throw usageError('Give --group, or --all-groups.');
  const hasTopics = flags.topic !== undefined;
  if (fromFile && (hasTopics || flags.allTopics)) throw usageError('With --from-file the file names the topics.');
  if (!fromFile && hasTopics === (flags.allTopics === true)) throw usageError('Give --topic, or --all-topics.');
}

/** The groups whose offsets can be set: those without members, and new ones. */
async function chosenGroups(groups: GroupClient, flags: ResetFlags, io: CommandIo): Promise<string[]> {
  if (flags.allGroups) {
    const all = await groups.list();
    return all.filter(({ state }) => state === 'Empty').map(({ group }) => group);
  }
  const ids = [...new Set(flags.group)];
  for (const id of ids) await checkIsEmpty(groups, id, io);
  return ids;
}

/** The plan as CSV. For a single group there is no group column, as in Kafka's tool. */
function csvOf(plan: readonly ResetRow[]): string {
  const several = new Set(plan.map(({ group }) => group)).size > 1;
  const cells = ({ group, topic, partition, newOffset: offset }: ResetRow) => [
    ...(several ? [group] : []),
    topic,
    partition,
    offset,
  ];
  return plan.map((row) => `${cells(row).join(',')}\n`).join('');
}
