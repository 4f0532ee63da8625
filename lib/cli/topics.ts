import { systemClock } from '../core/clock.ts';
import { ERROR_CODES } from '../core/errors.ts';
import { ApiKey } from '../wire/apis.ts';
import { warnWithoutEffect } from './client/config-effects.ts';
import { alterConfigs, describeConfigs, ResourceType } from './client/configs.ts';
import { withClient } from './client/connect.ts';
import type { KafkaClient } from './client/kafka-client.ts';
import { logSizes } from './client/log-sizes.ts';
import { offsetRanges } from './client/offsets.ts';
import { raisePartitions } from './client/partitions.ts';
import { findTopic, listTopics, type Topic, unknownTopic } from './client/topics.ts';
import type { CommandIo } from './command.ts';
import { brokerRefusal, CommandError, usageError } from './failure.ts';
import {
  type Command,
  type CommonFlags,
  newProgram,
  pair,
  repeated,
  wholeNumber,
  withCommonFlags,
  withExamples,
} from './program.ts';
import { counted, json, table } from './terminal/text.ts';
import { addAddPartitions } from './topics/add-partitions.ts';
import { addDeleteRecords } from './topics/delete-records.ts';

/** The broker's own defaults (KIP-464). */
const BROKER_DEFAULT = -1;
/** DeleteTopics by name only; 6 has another form. */
const DELETE_TOPICS_VERSION_MAX = 5;
const PARTITIONS_MAX = 2 ** 31 - 1;
const REPLICATION_FACTOR_MAX = 2 ** 15 - 1;

/** `tidelog topics create|list|describe|alter|add-partitions|delete|delete-records`. */
export function topicsProgram(io: CommandIo): Command {
  const program = newProgram('topics', 'Creates, lists, describes, changes and deletes topics.', io);
  addCreate(program, io);
  addList(program, io);
  addDescribe(program, io);
  addAlter(program, io);
  addAddPartitions(program, io);
  addDelete(program, io);
  addDeleteRecords(program, io);
  withExamples(program, [
    ['tidelog topics create orders --partitions 6', 'Create a topic'],
    ['tidelog topics describe orders', 'Show its partitions, offsets and configs'],
  ]);
  return program;
}

interface CreateFlags extends CommonFlags {
  readonly partitions?: number;
  readonly replicationFactor?: number;
  readonly config?: readonly (readonly [string, string])[];
  readonly ifNotExists?: boolean;
}

function addCreate(program: Command, io: CommandIo): void {
  const command = program
    .command('create')
    .description('Creates a topic.')
    .argument('<name>', 'letters, digits, . _ and -; at most 249')
    .option('-p, --partitions <n>', "how many; else the broker's num.partitions", wholeNumber(1, PARTITIONS_MAX))
    .option(
      '--replication-factor <n>',
      "of each partition; else the broker's default",
      wholeNumber(1, REPLICATION_FACTOR_MAX),
    )
    .option('-c, --config <name=value>', 'a config of the topic; may come several times', repeated(pair))
    .option('--if-not-exists', 'does nothing if there is such a topic already');
  withExamples(withCommonFlags(command), [
    ['tidelog topics create orders --partitions 6', 'Create a topic with six partitions'],
    [
      'tidelog topics create events -c retention.ms=86400000 --if-not-exists',
      'Keep a day, and run the line again safely',
    ],
  ]).action((name: string, flags: CreateFlags) => withClient(flags, io, (client) => create(client, io, name, flags)));
}

async function create(client: KafkaClient, io: CommandIo, name: string, flags: CreateFlags): Promise<void> {
  const { topics: answers } = await client.ask(ApiKey.CreateTopics, {
    topics: [
      {
        name,
        numPartitions: flags.partitions ?? BROKER_DEFAULT,
        replicationFactor: flags.replicationFactor ?? BROKER_DEFAULT,
        assignments: [],
        configs: (flags.config ?? []).map(([key, value]) => ({ name: key, value })),
      },
    ],
    timeoutMs: flags.timeout,
  });
  const created = answers[0]!;
  const existed = created.errorCode === ERROR_CODES.TOPIC_ALREADY_EXISTS && flags.ifNotExists === true;
  if (created.errorCode !== 0 && !existed) {
    throw brokerRefusal(`Topic ${name} was not created`, created.errorCode, created.errorMessage);
  }
  if (flags.json) {
    const details = existed ? {} : { id: created.topicId, partitions: created.numPartitions };
    io.out(json({ name, created: !existed, ...details }));
  } else if (existed) io.out(`Topic ${name} is there already.\n`);
  // Before version 5 the answer does not contain the number.
  else
    io.out(
      `Created topic ${name}${created.numPartitions < 1 ? '' : ` with ${counted(created.numPartitions, 'partition')}`}.\n`,
    );
  if (!existed) await warnWithoutEffect(client, io, name, namesOf(flags.config));
}

function addList(program: Command, io: CommandIo): void {
  const command = program
    .command('list')
    .description('Lists the names of all topics, one per line.')
    .option('--internal', "also those that are the cluster's own, such as __consumer_offsets");
  withExamples(withCommonFlags(command), [
    ['tidelog topics list', 'All names'],
    ['tidelog topics list --json', 'With ids and partition counts'],
  ]).action((flags: CommonFlags & { internal?: boolean }) =>
    withClient(flags, io, async (client) => {
      const shown = (await listTopics(client)).filter(({ isInternal }) => flags.internal === true || !isInternal);
      if (!flags.json) return io.out(shown.map(({ name }) => `${name}\n`).join(''));
      io.out(
        json(
          shown.map(({ name, id, partitions, replicationFactor, isInternal }) => ({
            name,
            id,
            partitions: partitions.length,
            replicationFactor,
            internal: isInternal,
          })),
        ),
      );
    }),
  );
}

function addDescribe(program: Command, io: CommandIo): void {
  const command = program
    .command('describe')
    .description('Shows the partitions of topics with leader and offsets, and the configs that are set.')
    .argument('[names...]', 'which topics; all when left out')
    .option('--storage', 'also how many bytes the record batches of each partition have');
  withExamples(withCommonFlags(command), [
    ['tidelog topics describe orders', 'One topic'],
    ['tidelog topics describe orders --storage', 'With its size'],
    ['tidelog topics describe --json', 'All of them, for a program'],
  ]).action((names: string[], flags: CommonFlags & { storage?: boolean }) =>
    withClient(flags, io, async (client) => {
      const all = await listTopics(client);
      const wanted = names.length === 0 ? all.filter(({ isInternal }) => !isInternal) : [];
      for (const name of names) {
        const topic = all.find((candidate) => candidate.name === name);
        if (topic === undefined) throw await unknownTopic(client, name);
        wanted.push(topic);
      }
      const described: TopicDescription[] = [];
      for (const topic of wanted) described.push(await describe(client, topic, flags.storage === true));
      if (flags.json) io.out(json(described));
      else io.out(described.map(descriptionText).join('\n'));
      for (const { name, configs } of described) await warnWithoutEffect(client, io, name, Object.keys(configs ?? {}));
    }),
  );
}

interface TopicDescription {
  readonly name: string;
  readonly id: string;
  readonly internal: boolean;
  readonly replicationFactor: number;
  /**
   * The configs set on the topic itself; null from a broker that does not serve DescribeConfigs.
   */
  readonly configs: Readonly<Record<string, string | null>> | null;
  readonly partitions: readonly {
    readonly partition: number;
    readonly leader: number;
    readonly startOffset: number;
    readonly endOffset: number;
    /** With --storage; null if the broker does not know. */
    readonly bytes?: number | null;
  }[];
}

async function describe(client: KafkaClient, topic: Topic, withStorage: boolean): Promise<TopicDescription> {
  const { partitions } = topic;
  const hasConfigs = await client.serves(ApiKey.DescribeConfigs);
  const [ranges, entries, sizes] = await Promise.all([
    offsetRanges(client, topic, partitions),
    hasConfigs ? describeConfigs(client, { type: ResourceType.topic, name: topic.name }) : [],
    withStorage ? logSizes(client, topic, partitions) : undefined,
  ]);
  const set = entries.filter(({ isDefault }) => !isDefault).map(({ name, value }) => [name, value] as const);
  return {
    name: topic.name,
    id: topic.id,
    internal: topic.isInternal,
    replicationFactor: topic.replicationFactor,
    configs: hasConfigs ? Object.fromEntries(set) : null,
    partitions: partitions.map(({ index, leader }) => ({
      partition: index,
      leader,
      startOffset: ranges.get(index)!.start,
      endOffset: ranges.get(index)!.end,
      ...(sizes !== undefined && { bytes: sizes.get(index) ?? null }),
    })),
  };
}

function descriptionText({ name, id, replicationFactor, configs, partitions }: TopicDescription): string {
  const set = Object.entries(configs ?? {}).map(([key, value]) => `${key}=${value ?? '(hidden)'}`);
  const configLine = configs === null ? 'not served by this broker' : set.length === 0 ? 'none set' : set.join(', ');
  const hasSizes = partitions.some(({ bytes }) => bytes !== undefined);
  const total = partitions.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  return (
    `Topic              ${name}\nId                 ${id}\n` +
    `ReplicationFactor  ${replicationFactor}\nConfigs            ${configLine}\n` +
    `${hasSizes ? `Bytes              ${total}\n` : ''}\n` +
    table(
      ['PARTITION', 'LEADER', 'START', 'END', 'OFFSETS', ...(hasSizes ? ['BYTES'] : [])],
      partitions.map(({ partition, leader, startOffset, endOffset, bytes }) => [
        partition,
        leader,
        startOffset,
        endOffset,
        endOffset - startOffset,
        ...(bytes === undefined ? [] : [bytes ?? 'unknown']),
      ]),
    )
  );
}

interface AlterFlags extends CommonFlags {
  readonly partitions?: number;
  readonly config?: readonly (readonly [string, string])[];
  readonly deleteConfig?: readonly string[];
}

function addAlter(program: Command, io: CommandIo): void {
  const command = program
    .command('alter')
    .description('Raises the number of partitions of a topic, or changes its configs.')
    .argument('<name>')
    .option('-p, --partitions <n>', 'the new number, more than now', wholeNumber(1, PARTITIONS_MAX))
    .option('-c, --config <name=value>', 'sets a config; may come several times', repeated(pair))
    .option('--delete-config <name>', 'goes back to the default; may come several times', repeated(String));
  withExamples(withCommonFlags(command), [
    ['tidelog topics alter orders --partitions 12', 'More partitions'],
    ['tidelog topics alter orders -c retention.ms=3600000 --delete-config max.message.bytes', 'Change configs'],
  ]).action((name: string, flags: AlterFlags) => withClient(flags, io, (client) => alter(client, io, name, flags)));
}

async function alter(client: KafkaClient, io: CommandIo, name: string, flags: AlterFlags): Promise<void> {
  const changes = { set: flags.config ?? [], delete: flags.deleteConfig ?? [] };
  const changesConfigs = changes.set.length + changes.delete.length > 0;
  if (flags.partitions === undefined && !changesConfigs) {
    throw usageError('Nothing to change: give --partitions, --config or --delete-config.');
  }
  const topic = await findTopic(client, name, { clock: systemClock, timeoutMs: flags.timeout });
  if (flags.partitions !== undefined && flags.partitions < topic.partitions.length) {
    throw new CommandError(
      `Topic ${name} has ${counted(topic.partitions.length, 'partition')} and cannot have fewer (INVALID_PARTITIONS). ` +
        `To have ${flags.partitions}, create another topic and copy the records.`,
      { kafkaError: 'INVALID_PARTITIONS' },
    );
  }
  // Configs first: their values can be refused, and then nothing has been changed yet.
  if (changesConfigs) await alterConfigs(client, { type: ResourceType.topic, name }, changes);
  if (flags.partitions !== undefined) {
    const what = `The partitions of topic ${name} were not changed${changesConfigs ? ' (its configs were)' : ''}`;
    await raisePartitions(client, new Map([[name, flags.partitions]]), flags.timeout, () => what);
  }
  if (flags.json) io.out(json({ name, altered: true }));
  else io.out(`Changed topic ${name}.\n`);
  await warnWithoutEffect(client, io, name, namesOf(flags.config));
}

function namesOf(configs: readonly (readonly [name: string, value: string])[] = []): string[] {
  return configs.map(([name]) => name);
}

function addDelete(program: Command, io: CommandIo): void {
  const command = program
    .command('delete')
    .description('Deletes topics with all their records.')
    .argument('<names...>')
    .option('--if-exists', 'passes over topics that are not there');
  withExamples(withCommonFlags(command), [
    ['tidelog topics delete orders events --if-exists', 'Delete two topics'],
  ]).action((names: string[], flags: CommonFlags & { ifExists?: boolean }) =>
    withClient(flags, io, (client) => remove(client, io, names, flags)),
  );
}

async function remove(
  client: KafkaClient,
  io: CommandIo,
  names: readonly string[],
  flags: CommonFlags & { ifExists?: boolean },
): Promise<void> {
  const { responses } = await client.ask(
    ApiKey.DeleteTopics,
    { topicNames: [...new Set(names)], timeoutMs: flags.timeout },
    { versionMax: DELETE_TOPICS_VERSION_MAX },
  );
  const isMissing = (code: number) => code === ERROR_CODES.UNKNOWN_TOPIC_OR_PARTITION;
  const deleted = responses.filter(({ errorCode }) => errorCode === 0).map(({ name }) => name ?? '');
  const missing = responses.filter(({ errorCode }) => isMissing(errorCode)).map(({ name }) => name ?? '');
  if (flags.json) io.out(json({ deleted, missing }));
  else for (const name of deleted) io.out(`Deleted topic ${name}.\n`);
  for (const { name, errorCode, errorMessage } of responses) {
    if (errorCode === 0 || (isMissing(errorCode) && flags.ifExists === true)) continue;
    if (isMissing(errorCode)) throw await unknownTopic(client, name ?? '');
    throw brokerRefusal(`Topic ${name} was not deleted`, errorCode, errorMessage);
  }
}
