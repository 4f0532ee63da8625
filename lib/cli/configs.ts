import { warnWithoutEffect } from './client/config-effects.ts';
import { alterConfigs, describeConfigs, type Resource, ResourceType, showResource } from './client/configs.ts';
import { withClient } from './client/connect.ts';
import type { KafkaClient } from './client/kafka-client.ts';
import { askMetadata, listTopics, unknownTopic } from './client/topics.ts';
import type { CommandIo } from './command.ts';
import { CommandError, usageError } from './failure.ts';
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
import { json, table } from './terminal/text.ts';

const BROKER_ID_MAX = 2 ** 31 - 1;

/** `tidelog configs describe|alter`. */
export function configsProgram(io: CommandIo): Command {
  const program = newProgram('configs', 'Shows and changes the configs of topics and brokers.', io);
  addDescribe(program, io);
  addAlter(program, io);
  withExamples(program, [
    ['tidelog configs describe --topic orders --all', 'All configs of a topic'],
    ['tidelog configs alter --topic orders --set retention.ms=86400000', 'Keep its records for a day'],
  ]);
  return program;
}

interface TargetFlags extends CommonFlags {
  readonly topic?: string;
  readonly broker?: number;
}

function withTarget(command: Command): Command {
  return withCommonFlags(
    command
      .option('-t, --topic <name>', 'of this topic')
      .option('--broker <id>', 'of this broker; tidelog cluster lists them', wholeNumber(0, BROKER_ID_MAX)),
  );
}

function targetOf({ topic, broker }: TargetFlags): Resource {
  if ((topic === undefined) === (broker === undefined)) throw usageError('Give either --topic NAME or --broker ID.');
  if (topic !== undefined) return { type: ResourceType.topic, name: topic };
  return { type: ResourceType.broker, name: String(broker) };
}

/** Throws CommandError, with the nearest name, if there is no such topic or broker. */
async function checkTarget(client: KafkaClient, { type, name }: Resource): Promise<void> {
  if (type === ResourceType.topic) {
    if (!(await listTopics(client)).some((topic) => topic.name === name)) throw await unknownTopic(client, name);
    return;
  }
  const { brokers } = await askMetadata(client, [], false);
  if (brokers.some(({ nodeId }) => String(nodeId) === name)) return;
  throw new CommandError(`There is no broker ${name}; there is ${brokers.map(({ nodeId }) => nodeId).join(', ')}.`);
}

function addDescribe(program: Command, io: CommandIo): void {
  const command = program
    .command('describe')
    .description('Shows the configs that are set for a topic or a broker.')
    .option('-a, --all', 'also those that are at their defaults');
  withExamples(withTarget(command), [
    ['tidelog configs describe --topic orders', 'What is set for a topic'],
    ['tidelog configs describe --broker 0 --all --json', 'Everything a broker runs by, for a program'],
  ]).action((flags: TargetFlags & { all?: boolean }) => {
    const resource = targetOf(flags);
    return withClient(flags, io, async (client) => {
      await checkTarget(client, resource);
      const entries = (await describeConfigs(client, resource)).filter(({ isDefault }) => flags.all || !isDefault);
      if (flags.json) {
        io.out(
          json(
            entries.map(({ name, value, source, isDefault, isSensitive, isReadOnly }) => ({
              name,
              value,
              source,
              default: isDefault,
              sensitive: isSensitive,
              readOnly: isReadOnly,
            })),
          ),
        );
      } else if (entries.length === 0) {
        io.out(`Nothing is set for ${showResource(resource)}; --all shows the defaults.\n`);
      } else {
        const rows = entries.map(({ name, value, isSensitive, source }) => [
          name,
          isSensitive ? '(hidden)' : (value ?? '(none)'),
          source,
        ]);
        io.out(table(['NAME', 'VALUE', 'SOURCE'], rows));
      }
    });
  });
}

interface AlterFlags extends TargetFlags {
  readonly set?: readonly (readonly [string, string])[];
  readonly delete?: readonly string[];
}

function addAlter(program: Command, io: CommandIo): void {
  const command = program
    .command('alter')
    .description('Sets configs of a topic or a broker, or takes them back to their defaults; all of them or none.')
    .option('-s, --set <name=value>', 'sets a config; may come several times', repeated(pair))
    .option('-d, --delete <name>', 'goes back to the default; may come several times', repeated(String));
  withExamples(withTarget(command), [
    ['tidelog configs alter --topic orders --set cleanup.policy=compact', 'Set a config'],
    ['tidelog configs alter --topic orders --delete retention.ms --delete retention.bytes', 'Back to the defaults'],
  ]).action((flags: AlterFlags) => {
    const resource = targetOf(flags);
    const changes = { set: flags.set ?? [], delete: flags.delete ?? [] };
    if (changes.set.length + changes.delete.length === 0)
      throw usageError('Nothing to change: give --set or --delete.');
    return withClient(flags, io, async (client) => {
      await checkTarget(client, resource);
      await alterConfigs(client, resource, changes);
      if (flags.json) io.out(json({ resource: showResource(resource), altered: true }));
      else io.out(`Changed the configs of ${showResource(resource)}.\n`);
      const names = changes.set.map(([name]) => name);
      if (resource.type === ResourceType.topic) await warnWithoutEffect(client, io, resource.name, names);
    });
  });
}
