import { withClient } from '../client/connect.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import { raisePartitions } from '../client/partitions.ts';
import { listTopics, unknownTopic } from '../client/topics.ts';
import type { CommandIo } from '../command.ts';
import { type Command, type CommonFlags, wholeNumber, withCommonFlags, withExamples } from '../program.ts';
import { counted, json } from '../terminal/text.ts';

interface AddPartitionsFlags extends CommonFlags {
  readonly num: number;
}

const PARTITIONS_MAX = 2 ** 31 - 1;

/** `tidelog topics add-partitions`: adds this many partitions to topics. */
export function addAddPartitions(program: Command, io: CommandIo): void {
  const command = program
    .command('add-partitions')
    .description('Adds partitions to topics. Records with a key may go to other partitions from then on.')
    .argument('<names...>')
    .requiredOption('-n, --num <n>', 'how many to add to each', wholeNumber(1, PARTITIONS_MAX));
  withExamples(withCommonFlags(command), [
    ['tidelog topics add-partitions orders -n 6', 'Six partitions more than now'],
    ['tidelog topics alter orders --partitions 12', 'Twelve in all'],
  ]).action((names: string[], flags: AddPartitionsFlags) =>
    withClient(flags, io, (client) => addTo(client, io, names, flags)),
  );
}

async function addTo(
  client: KafkaClient,
  io: CommandIo,
  names: readonly string[],
  { num, timeout, json: asJson }: AddPartitionsFlags,
): Promise<void> {
  const all = await listTopics(client);
  const counts = new Map<string, number>();
  for (const name of names) {
    const topic = all.find((one) => one.name === name);
    if (topic === undefined) throw await unknownTopic(client, name);
    counts.set(name, topic.partitions.length + num);
  }
  await raisePartitions(client, counts, timeout, (name) => `No partitions were added to topic ${name}`);
  if (asJson) io.out(json([...counts].map(([name, partitions]) => ({ name, partitions }))));
  else for (const [name, count] of counts) io.out(`Topic ${name} has ${counted(count, 'partition')} now.\n`);
}
