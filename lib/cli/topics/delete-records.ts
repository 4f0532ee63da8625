import { systemClock } from '../../core/clock.ts';
import { ERROR_CODES } from '../../core/errors.ts';
import { ApiKey } from '../../wire/apis.ts';
import { withClient } from '../client/connect.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import { findTopic, partitionsByLeader, unknownPartition } from '../client/topics.ts';
import type { CommandIo } from '../command.ts';
import { brokerRefusal } from '../failure.ts';
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

/** DeleteRecords has this in place of an offset for the high watermark. */
const HIGH_WATERMARK = -1;
const PARTITION_MAX = 2 ** 31 - 1;

interface DeleteRecordsFlags extends CommonFlags {
  /** An offset, or HIGH_WATERMARK. */
  readonly beforeOffset: number;
  readonly partition?: readonly number[];
}

/** `tidelog topics delete-records`: deletes the records of partitions below an offset. */
export function addDeleteRecords(program: Command, io: CommandIo): void {
  const command = program
    .command('delete-records')
    .description('Deletes the oldest records of a topic.')
    .argument('<name>')
    .requiredOption('-o, --before-offset <offset>', 'the records below it, or `end` for all', parseOffset)
    .option(
      '-p, --partition <n>',
      'of this partition; may come several times; default: all',
      repeated(wholeNumber(0, PARTITION_MAX)),
    );
  withExamples(withCommonFlags(command), [
    ['tidelog topics delete-records orders --before-offset 5000 --partition 0', 'All below an offset'],
    ['tidelog topics delete-records orders --before-offset end', 'Empty a topic'],
  ]).action((name: string, flags: DeleteRecordsFlags) =>
    withClient(flags, io, (client) => deleteRecords(client, io, name, flags)),
  );
}

function parseOffset(text: string): number {
  if (text === 'end') return HIGH_WATERMARK;
  const offset = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(offset)) return offset;
  throw new InvalidArgumentError('It takes an offset, or end.');
}

async function deleteRecords(
  client: KafkaClient,
  io: CommandIo,
  name: string,
  { beforeOffset: offset, partition: wanted, timeout, json: asJson }: DeleteRecordsFlags,
): Promise<void> {
  const topic = await findTopic(client, name, { clock: systemClock, timeoutMs: timeout });
  for (const index of wanted ?? []) {
    if (index >= topic.partitions.length) throw unknownPartition(name, index, topic.partitions.length);
  }
  const chosen = topic.partitions.filter(({ index }) => wanted === undefined || wanted.includes(index));
  const answers = await Promise.all(
    [...partitionsByLeader(chosen)].map(([node, led]) => {
      const partitions = led.map(({ index }) => ({ partitionIndex: index, offset }));
      return client.ask(ApiKey.DeleteRecords, { topics: [{ name, partitions }], timeoutMs: timeout }, { node });
    }),
  );
  const results = answers
    .flatMap(({ topics }) => topics.flatMap(({ partitions }) => partitions))
    .sort((a, b) => a.partitionIndex - b.partitionIndex);
  const starts = results
    .filter(({ errorCode }) => errorCode === 0)
    .map(({ partitionIndex: partition, lowWatermark: startOffset }) => ({ partition, startOffset }));
  if (asJson) io.out(json({ name, partitions: starts }));
  else
    for (const { partition, startOffset } of starts) io.out(`${name}-${partition} starts at offset ${startOffset}.\n`);
  const refused = results.find(({ errorCode }) => errorCode !== 0);
  if (refused === undefined) return;
  const { partitionIndex, errorCode } = refused;
  throw brokerRefusal(`Records of ${name}-${partitionIndex} were not deleted`, errorCode, null, ADVICE.get(errorCode));
}

const ADVICE: ReadonlyMap<number, string> = new Map([
  [ERROR_CODES.OFFSET_OUT_OF_RANGE, 'The partition ends before this offset; with `end` all its records go.'],
  [ERROR_CODES.POLICY_VIOLATION, 'The topic is only compacted: its cleanup.policy has to include delete.'],
]);
