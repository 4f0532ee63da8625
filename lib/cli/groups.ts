import { systemClock } from '../core/clock.ts';
import { withClient } from './client/connect.ts';
import { type DescribedGroup, GroupClient, unknownGroup } from './client/groups.ts';
import type { KafkaClient } from './client/kafka-client.ts';
import type { CommandIo } from './command.ts';
import { brokerRefusal, usageError } from './failure.ts';
import { addDeleteOffsets } from './groups/delete-offsets.ts';
import { groupJson, membersText, standingOf, standingText, stateText } from './groups/describe-group.ts';
import { TopicOffsets } from './groups/offset-ranges.ts';
import { addResetOffsets } from './groups/reset-offsets.ts';
import { addSeek } from './groups/seek.ts';
import { type Command, type CommonFlags, newProgram, repeated, withCommonFlags, withExamples } from './program.ts';
import { json, table } from './terminal/text.ts';

/** `tidelog groups list|describe|reset-offsets|delete|delete-offsets`. */
export function groupsProgram(io: CommandIo): Command {
  const program = newProgram('groups', 'Lists and describes consumer groups, resets and deletes their offsets.', io);
  addList(program, io);
  addDescribe(program, io);
  addResetOffsets(program, io);
  addSeek(program, io);
  addDelete(program, io);
  addDeleteOffsets(program, io);
  withExamples(program, [
    ['tidelog groups describe billing', 'Show how far a group is behind'],
    ['tidelog groups reset-offsets --group billing --topic orders --to-earliest --execute', 'Let it read again'],
  ]);
  return program;
}

interface ListFlags extends CommonFlags {
  readonly state?: string | true;
  readonly type?: string;
}

function addList(program: Command, io: CommandIo): void {
  const command = program
    .command('list')
    .description('Lists the ids of all groups, one per line.')
    .option('--state [states]', 'with their states; with names such as Stable,Empty only those')
    .option('--type <types>', 'only those of these types: classic, consumer');
  withExamples(withCommonFlags(command), [
    ['tidelog groups list', 'All ids'],
    ['tidelog groups list --state Empty', 'Groups without members'],
  ]).action((flags: ListFlags) =>
    withClient(flags, io, async (client) => {
      const all = await groupsOf(client, flags).list();
      const states = namesIn(typeof flags.state === 'string' ? flags.state : undefined);
      const types = namesIn(flags.type);
      const shown = all.filter(
        ({ state, type }) =>
          (states === undefined || states.has(state.toLowerCase())) &&
          (types === undefined || types.has(type.toLowerCase())),
      );
      if (flags.json) return io.out(json(shown));
      if (flags.state === undefined && flags.type === undefined) {
        return io.out(shown.map(({ group }) => `${group}\n`).join(''));
      }
      io.out(
        table(
          ['GROUP', 'TYPE', 'STATE'],
          shown.map(({ group, type, state }) => [group, type, state]),
        ),
      );
    }),
  );
}

function namesIn(text: string | undefined): ReadonlySet<string> | undefined {
  return text === undefined ? undefined : new Set(text.split(',').map((name) => name.trim().toLowerCase()));
}

interface DescribeFlags extends CommonFlags {
  readonly group?: readonly string[];
  readonly allGroups?: boolean;
  readonly members?: boolean;
  readonly state?: boolean;
  readonly offsets?: boolean;
  readonly verbose?: boolean;
}

function addDescribe(program: Command, io: CommandIo): void {
  const command = program
    .command('describe')
    .description('Shows how far groups have come in each partition, who their members are, and their states.')
    .argument('[groups...]', 'which groups')
    .option('-g, --group <id>', 'the same; may come several times', repeated(String))
    .option('--all-groups', 'all of them')
    .option('--offsets', 'offsets and lag of each partition; the default')
    .option('--members', 'the members')
    .option('--state', 'coordinator, assignor, state and number of members')
    .option('--verbose', 'with --members also what each member has');
  withExamples(withCommonFlags(command), [
    ['tidelog groups describe billing', 'Offsets and lag'],
    ['tidelog groups describe --all-groups --members --verbose', 'Who has which partitions'],
    ["tidelog groups describe billing --json | jq '[.[].offsets[].lag] | add'", 'The lag as one number'],
  ]).action((ids: string[], flags: DescribeFlags) =>
    withClient(flags, io, (client) => describe(client, io, [...ids, ...(flags.group ?? [])], flags)),
  );
}

async function describe(
  client: KafkaClient,
  io: CommandIo,
  ids: readonly string[],
  flags: DescribeFlags,
): Promise<void> {
  const groups = groupsOf(client, flags);
  if (ids.length > 0 === (flags.allGroups === true)) throw usageError('Name the groups, or give --all-groups.');
  const wanted = flags.allGroups ? (await groups.list()).map(({ group }) => group) : [...new Set(ids)];
  const described: DescribedGroup[] = [];
  for (const id of wanted) {
    const group = await groups.describe(id);
    if (group !== undefined) described.push(group);
    // A group deleted between listing and describing is not an error.
    else if (!flags.allGroups) throw unknownGroup(id);
  }
  const offsets = new TopicOffsets(client);
  const standing = async (group: DescribedGroup) =>
    standingOf(group, await groups.committed(group.group), (topic) => offsets.ranges(topic));
  if (flags.json) {
    const all = await Promise.all(described.map(async (group) => groupJson(group, await standing(group))));
    return io.out(json(all));
  }
  const parts: string[] = [];
  if (flags.state) parts.push(stateText(described));
  for (const group of described) {
    if (flags.members) parts.push(membersText(group, flags.verbose === true));
    if (flags.offsets || !(flags.members || flags.state)) parts.push(standingText(await standing(group)));
    if (group.members.length === 0 && !flags.state) io.err(`Group ${group.group} has no members now.\n`);
  }
  io.out(parts.join('\n'));
}

function addDelete(program: Command, io: CommandIo): void {
  const command = program
    .command('delete')
    .description('Deletes groups without members, with all their offsets.')
    .argument('[groups...]', 'which groups')
    .option('-g, --group <id>', 'the same; may come several times', repeated(String))
    .option('--all-groups', 'all that have no members');
  withExamples(withCommonFlags(command), [['tidelog groups delete billing', 'Delete a group']]).action(
    (ids: string[], flags: DescribeFlags) =>
      withClient(flags, io, (client) => remove(client, io, [...ids, ...(flags.group ?? [])], flags)),
  );
}

async function remove(client: KafkaClient, io: CommandIo, ids: readonly string[], flags: DescribeFlags): Promise<void> {
  const groups = groupsOf(client, flags);
  if (ids.length > 0 === (flags.allGroups === true)) throw usageError('Name the groups, or give --all-groups.');
  const empty = async () => (await groups.list()).filter(({ state }) => state === 'Empty').map(({ group }) => group);
  const results = await groups.delete(flags.allGroups ? await empty() : [...new Set(ids)]);
  const deleted = [...results].filter(([, code]) => code === 0).map(([group]) => group);
  if (flags.json) io.out(json({ deleted }));
  else for (const group of deleted) io.out(`Deleted group ${group}.\n`);
  for (const [group, code] of results) if (code !== 0) throw brokerRefusal(`Group ${group} was not deleted`, code);
}

function groupsOf(client: KafkaClient, flags: CommonFlags): GroupClient {
  return new GroupClient(client, { clock: systemClock, timeoutMs: flags.timeout });
}
