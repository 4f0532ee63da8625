import { Option } from 'commander';
import { systemClock } from '../core/clock.ts';
import type { Record as KafkaRecord } from '../protocol/records/record.ts';
import { withClient } from './client/connect.ts';
import type { KafkaClient } from './client/kafka-client.ts';
import { findTopic, type Topic, type TopicPartition } from './client/topics.ts';
import type { Command as CliCommand, CommandIo } from './command.ts';
import { OutputBuffer } from './consume/output-buffer.ts';
import {
  type FormatOptions,
  jsonFormat,
  keyValueFormat,
  type RecordFormat,
  templateFormat,
  valueFormat,
} from './consume/record-format.ts';
import { resolveStart } from './consume/resolve-start.ts';
import { parseStart, parseTimestamp, type Start } from './consume/start.ts';
import { TopicReader } from './consume/topic-reader.ts';
import { consumeInGroup } from './consume-group.ts';
import { CommandError, usageError } from './failure.ts';
import { stopOnSignal } from './interruption.ts';
import {
  bytesOption,
  type CommonFlags,
  InvalidArgumentError,
  newProgram,
  repeated,
  runProgram,
  wholeNumber,
  withCommonFlags,
  withExamples,
} from './program.ts';
import { showProgress, summaryText } from './terminal/progress.ts';

interface ConsumeFlags extends CommonFlags {
  readonly fromBeginning?: boolean;
  readonly group?: string;
  readonly offset?: Start;
  readonly timestamp?: number;
  readonly partition?: readonly number[];
  readonly maxMessages?: number;
  readonly untilEnd?: boolean;
  readonly format: string;
  readonly printKey?: boolean;
  readonly keySeparator: Buffer;
  readonly delimiter: Buffer;
  readonly null: string;
  readonly isolation: 'read_uncommitted' | 'read_committed';
}

const NEWLINE = Buffer.from('\n');
const TAB = Buffer.from('\t');
const PARTITION_MAX = 2 ** 31 - 1;
/** Output goes out in pieces of about this size. */
const OUTPUT_BYTES = 256 * 1024;

/** `tidelog consume TOPIC`: prints records, following the topic unless told where to stop. */
export const consume: CliCommand = (args, io) => {
  const program = newProgram(
    'consume',
    'Prints the records of a topic, and waits for more unless told where to stop.',
    io,
  )
    .argument('<topic>')
    .option('--from-beginning', 'starts at the first record; else only what comes from now on')
    .option('-o, --offset <where>', 'starts at an offset, earliest, latest, or -N for N before the end', startFlag)
    .option('--timestamp <time>', 'starts at the first record as young as this: 2026-11-20T12:00:00Z, or ms', timeFlag)
    .option('-g, --group <id>', 'reads as a member of a group, which goes on where it has been; commits what is out')
    .option('-p, --partition <n>', 'reads this one; may come several times', repeated(wholeNumber(0, PARTITION_MAX)))
    .option('-n, --max-messages <n>', 'stops after so many', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option('-e, --until-end', 'stops where the end is now; starts at the beginning unless told otherwise')
    .option('-f, --format <format>', 'value, json, key-value, or a template such as "%p %o %k %s\\n"', 'value')
    .option('--print-key', 'the same as --format key-value')
    .addOption(bytesOption('-K, --key-separator <text>', 'between key and value', TAB, '\\t'))
    .addOption(bytesOption('-D, --delimiter <text>', 'behind each record', NEWLINE, '\\n'))
    .option('--null <text>', 'what a null key or value is shown as', '')
    .addOption(
      new Option('--isolation <level>', 'read_committed leaves out open and aborted transactions')
        .choices(['read_uncommitted', 'read_committed'])
        .default('read_uncommitted'),
    );
  withExamples(withCommonFlags(program), [
    ['tidelog consume greetings --from-beginning', 'All records, and those to come'],
    ['tidelog consume access-log --until-end > access.log', 'A topic into a file'],
    ["tidelog consume orders -o -10 -f '%p:%o %T %k %s\\n'", 'The last ten of each partition, with where they are'],
    ['tidelog consume orders --group billing --from-beginning', 'Share a topic with others of a group'],
    ['tidelog consume orders --timestamp 2026-11-20T12:00:00Z --json | jq .value', 'From noon on, for a program'],
  ])
    .addHelpText(
      'after',
      '\nTemplates: %t topic, %p partition, %o offset, %T timestamp (ms), %k key, %s value, %K and %S their lengths,\n' +
        '%h headers, %% a per cent sign; and \\n \\r \\t \\0 \\xHH. Nothing else is added.',
    )
    .action((topic: string, flags: ConsumeFlags) => {
      const format = formatOf(flags);
      const start = startOf(flags);
      checkGroup(flags);
      return withClient(flags, io, (client) => read(client, io, topic, start, format, flags));
    });
  return runProgram(program, args, io);
};

function startFlag(text: string): Start {
  const start = parseStart(text);
  if (start === undefined) throw new InvalidArgumentError('It takes a whole number, -N, earliest or latest.');
  return start;
}

function timeFlag(text: string): number {
  const timestamp = parseTimestamp(text);
  if (timestamp === undefined)
    throw new InvalidArgumentError('It takes a time such as 2026-11-20T12:00:00Z, or ms since 1970.');
  return timestamp;
}

function startOf({ fromBeginning, offset, timestamp, untilEnd }: ConsumeFlags): Start {
  const given = [fromBeginning || undefined, offset, timestamp].filter((one) => one !== undefined);
  if (given.length > 1) throw usageError('Give only one of --from-beginning, --offset and --timestamp.');
  if (offset !== undefined) return offset;
  if (timestamp !== undefined) return { kind: 'timestamp', timestamp };
  return { kind: fromBeginning || untilEnd ? 'earliest' : 'latest' };
}

/** The group decides on partitions and offsets. */
function checkGroup({ group, partition, offset, timestamp, untilEnd }: ConsumeFlags): void {
  if (group === undefined) return;
  const given = [partition, offset, timestamp, untilEnd].some((one) => one !== undefined);
  if (given) throw usageError('--group goes with none of --partition, --offset, --timestamp and --until-end.');
}

function formatOf(flags: ConsumeFlags): RecordFormat {
  const { keySeparator, delimiter } = flags;
  const options: FormatOptions = { keySeparator, delimiter, nullText: Buffer.from(flags.null) };
  const name = flags.json ? 'json' : flags.printKey ? 'key-value' : flags.format;
  if (name === 'value') return valueFormat(options);
  if (name === 'key-value') return keyValueFormat(options);
  if (name === 'json') return jsonFormat;
  if (!name.includes('%')) {
    throw usageError(`There is no format ${name}: it is value, json, key-value, or a template with fields such as %s.`);
  }
  const outcome = templateFormat(name, options);
  if (outcome.kind === 'invalid') throw usageError(outcome.problem);
  return outcome.format;
}

async function read(
  client: KafkaClient,
  io: CommandIo,
  name: string,
  start: Start,
  format: RecordFormat,
  flags: ConsumeFlags,
): Promise<void> {
  const clock = systemClock;
  const topic = await findTopic(client, name, { clock, timeoutMs: flags.timeout });
  const committed = flags.isolation === 'read_committed';
  const inGroup = flags.group !== undefined;
  const ranges = inGroup
    ? []
    : await resolveStart(client, topic, chosenPartitions(topic, flags.partition), start, committed);
  const stop = stopOnSignal(io);
  const gone = io.outGone ?? new AbortController().signal;
  const out = new OutputBuffer();
  const started = clock.monotonic();
  const untilEnd = flags.untilEnd === true;
  const total = untilEnd ? ranges.reduce((sum, range) => sum + Math.max(range.end - range.start, 0), 0) : undefined;
  let records = 0;
  let size = 0;
  const standing = () => ({
    records,
    bytes: size,
    done: records,
    total: total === undefined ? flags.maxMessages : Math.min(total, flags.maxMessages ?? total),
    elapsedMs: clock.monotonic() - started,
  });
  // On one terminal, progress and records would run into each other.
  const hideProgress = io.outIsTerminal ? () => {} : showProgress(io, clock, standing);
  const flush = async () => {
    if (out.length > 0 && !gone.aborted) io.out(out.take());
    await io.outDrained?.();
  };
  const signal = AbortSignal.any([stop.signal, gone]);
  const onRecord = (record: KafkaRecord, partition: number) => {
    format(out, record, name, partition);
    records++;
    size += (record.key?.length ?? 0) + (record.value?.length ?? 0);
    if (out.length >= OUTPUT_BYTES && !gone.aborted) io.out(out.take());
    return records !== flags.maxMessages;
  };
  const readAlone = () =>
    new TopicReader({
      client,
      clock,
      topic,
      ranges,
      untilEnd,
      committed,
      timeoutMs: flags.timeout,
      signal,
      onRecord,
      onAnswer: flush,
      warn: (message) => io.err(`${message}\n`),
    }).run();
  try {
    if (flags.group === undefined) await readAlone();
    else {
      const { group, fromBeginning = false } = flags;
      await consumeInGroup({ flags, io, topic: name, group, fromBeginning, committed, signal, onRecord, flush });
    }
    await flush();
  } finally {
    hideProgress();
    stop.ignore();
  }
  if (io.errTerminal !== undefined) io.err(`Read ${summaryText(standing())}.\n`);
}

/** Throws CommandError for a partition that is not there. */
function chosenPartitions(topic: Topic, chosen: readonly number[] | undefined): readonly TopicPartition[] {
  if (chosen === undefined) return topic.partitions;
  const missing = chosen.find((index) => !topic.partitions.some((partition) => partition.index === index));
  if (missing !== undefined) {
    throw new CommandError(
      `Topic ${topic.name} has no partition ${missing}, only 0 to ${topic.partitions.length - 1} (UNKNOWN_TOPIC_OR_PARTITION).`,
      { kafkaError: 'UNKNOWN_TOPIC_OR_PARTITION' },
    );
  }
  return topic.partitions.filter(({ index }) => chosen.includes(index));
}
