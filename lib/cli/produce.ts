import { createReadStream, type Stats, statSync } from 'node:fs';
import { Option } from 'commander';
import { systemClock } from '../core/clock.ts';
import { systemRandom } from '../core/random.ts';
import { canCompress, codecByName } from '../records/compression/codec.ts';
import { withClient } from './client/connect.ts';
import { fileProblem } from './client/files.ts';
import type { KafkaClient } from './client/kafka-client.ts';
import { findTopic } from './client/topics.ts';
import type { CommandIo } from './command.ts';
import { CommandError, usageError } from './failure.ts';
import { stopOnSignal, untilAborted } from './interruption.ts';
import type { RecordReader } from './produce/input-record.ts';
import { jsonReader } from './produce/json-reader.ts';
import { lineReader } from './produce/line-reader.ts';
import { CODEC_NAMES, Producer } from './produce/producer.ts';
import { RecordSplitter } from './produce/record-splitter.ts';
import {
  bytesOption,
  type Command,
  type CommonFlags,
  newProgram,
  pair,
  repeated,
  wholeNumber,
  withCommonFlags,
  withExamples,
} from './program.ts';
import { showProgress, summaryText } from './terminal/progress.ts';
import { json } from './terminal/text.ts';

interface ProduceFlags extends CommonFlags {
  readonly format: 'lines' | 'json';
  readonly key?: string;
  readonly keySeparator?: Buffer;
  readonly header?: readonly (readonly [string, string])[];
  readonly headersSeparator?: Buffer;
  readonly emptyAsNull?: boolean;
  readonly delimiter: Buffer;
  readonly partition?: number;
  readonly compression: string;
  readonly acks: 'all' | '0' | '1';
  readonly idempotence: boolean;
  readonly batchSize: number;
}

const NEWLINE = Buffer.from('\n');
const PARTITION_MAX = 2 ** 31 - 1;
/**
 * Large enough that the overhead per request does not matter, and half of a broker's default limit.
 */
const BATCH_BYTES_DEFAULT = 512 * 1024;
const BATCH_BYTES_MAX = 64 * 1024 * 1024;
/** The longest wait for a batch to fill up. */
const LINGER_MS = 20;
const FILE_CHUNK_BYTES = 1024 * 1024;

/** `tidelog produce TOPIC [FILE]`: sends the records of a file or of stdin. */
export function produceProgram(io: CommandIo): Command {
  const program = newProgram(
    'produce',
    'Sends records from a file or from stdin, one per line unless told otherwise.',
    io,
  )
    .argument('<topic>', 'created if it is not there and the broker does that')
    .argument('[file]', 'what to send; stdin when left out, and for -')
    .addOption(
      new Option('-f, --format <format>', 'how records are written').choices(['lines', 'json']).default('lines'),
    )
    .addOption(
      bytesOption(
        '-D, --delimiter <text>',
        'ends a record; \\n \\r \\t \\0 \\xHH; empty takes all as one',
        NEWLINE,
        '\\n',
      ),
    )
    .option('-k, --key <text>', 'the key of every record')
    .addOption(bytesOption('-K, --key-separator <text>', 'each line is KEY, this, VALUE'))
    .option('-H, --header <name=value>', 'a header of every record; may come several times', repeated(pair))
    .addOption(bytesOption('--headers-separator <text>', 'each line begins with name=value,name=value and this'))
    .option('--empty-as-null', 'sends a null (a tombstone) for an empty value')
    .option(
      '-p, --partition <n>',
      'where all records go; else by key, without a key in turn',
      wholeNumber(0, PARTITION_MAX),
    )
    .addOption(new Option('-z, --compression <codec>', 'of the batches').choices(CODEC_NAMES).default('none'))
    .addOption(new Option('--acks <acks>', 'what to wait for').choices(['all', '0', '1']).default('all'))
    .option('--no-idempotence', 'sends again after an error without telling the broker what is the same')
    .option('--batch-size <bytes>', 'what goes in one batch', wholeNumber(1, BATCH_BYTES_MAX), BATCH_BYTES_DEFAULT);
  withExamples(withCommonFlags(program), [
    ['echo hello | tidelog produce greetings', 'One record'],
    ['tidelog produce access-log access.log -z gzip', 'A file, a record per line, compressed'],
    ["tidelog produce users users.tsv -K '\\t'", 'Lines of key, tab, value'],
    [
      'tidelog consume orders --until-end --format json | tidelog produce copy -f json',
      'Copy a topic, keys and headers too',
    ],
  ]).action((topic: string, file: string | undefined, flags: ProduceFlags) => {
    checkFlags(flags);
    const source = openSource(file, io);
    return withClient(flags, io, (client) => send(client, io, topic, source, flags));
  });
  return program;
}

function checkFlags(flags: ProduceFlags): void {
  const forLines = ['key', 'keySeparator', 'headersSeparator', 'emptyAsNull'] as const;
  const odd = forLines.find((flag) => flags[flag] !== undefined);
  if (flags.format === 'json' && odd !== undefined) {
    throw usageError(`--format json has keys and headers of its own: leave --${kebab(odd)} out.`);
  }
  if (flags.key !== undefined && flags.keySeparator !== undefined) {
    throw usageError('Give either --key or --key-separator.');
  }
  for (const flag of ['keySeparator', 'headersSeparator'] as const) {
    if (flags[flag]?.length === 0) throw usageError(`--${kebab(flag)} cannot be empty.`);
  }
  const codec = codecByName(flags.compression);
  if (codec === undefined || !canCompress(codec)) {
    throw usageError(
      `${flags.compression} needs Node 22.15 or later, and this is ${process.version}. Choose gzip, snappy or lz4.`,
    );
  }
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

interface Source {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Undefined if the size is unknown. */
  readonly bytes: number | undefined;
}

/** Throws CommandError for a file that cannot be read. */
function openSource(path: string | undefined, io: CommandIo): Source {
  if (path === undefined || path === '-') return { chunks: io.input ?? nothing(), bytes: undefined };
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (error) {
    throw fileProblem(path, error);
  }
  if (stats.isDirectory()) throw new CommandError(`${path} is a folder, not a file.`);
  return { chunks: fileChunks(path), bytes: stats.isFile() ? stats.size : undefined };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function* fileChunks(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: FILE_CHUNK_BYTES }) as AsyncIterable<Buffer>;
  } catch (error) {
    throw fileProblem(path, error);
  }
}

async function send(
  client: KafkaClient,
  io: CommandIo,
  name: string,
  source: Source,
  flags: ProduceFlags,
): Promise<void> {
  const clock = systemClock;
  const topic = await findTopic(client, name, { clock, timeoutMs: flags.timeout, mayCreate: true });
  const { partition } = flags;
  if (partition !== undefined && partition >= topic.partitions.length) {
    throw new CommandError(`Topic ${name} has no partition ${partition}, only 0 to ${topic.partitions.length - 1}.`);
  }
  const producer = await Producer.open({
    client,
    clock,
    random: systemRandom,
    topic,
    codec: codecByName(flags.compression)!,
    acks: flags.acks === 'all' ? -1 : flags.acks === '1' ? 1 : 0,
    // A broker detects duplicates only of requests that it answers (KIP-98).
    idempotent: flags.idempotence && flags.acks === 'all',
    batchBytes: flags.batchSize,
    timeoutMs: flags.timeout,
  });
  const stop = stopOnSignal(io);
  const started = clock.monotonic();
  const standing = () => ({
    records: producer.storedRecords,
    bytes: producer.storedBytes,
    done: producer.storedBytes,
    total: source.bytes,
    elapsedMs: clock.monotonic() - started,
  });
  const hideProgress = showProgress(io, clock, standing);
  try {
    await pour(source.chunks, producer, flags, AbortSignal.any([stop.signal, producer.failed]));
    await producer.finish();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new CommandError(`${error.message} ${producer.storedRecords} records before were stored.`, {
      ...(error.kafkaError !== undefined && { kafkaError: error.kafkaError }),
      cause: error,
    });
  } finally {
    hideProgress();
    stop.ignore();
  }
  if (flags.json) {
    const { records, bytes: size, elapsedMs } = standing();
    io.out(json({ topic: name, records, bytes: size, elapsedMs: Math.round(elapsedMs), partitions: producer.totals }));
  } else if (io.errTerminal !== undefined) io.err(`Sent ${summaryText(standing())}.\n`);
  if (stop.signal.aborted) {
    throw new CommandError(`Stopped before the end of the input: ${producer.storedRecords} records were stored.`);
  }
}

/** Reads records from `chunks` into the producer until they end or `signal` aborts. */
async function pour(
  chunks: AsyncIterable<Uint8Array>,
  producer: Producer,
  flags: ProduceFlags,
  signal: AbortSignal,
): Promise<void> {
  const read = recordReader(flags);
  const splitter = new RecordSplitter(flags.delimiter);
  let records = 0;
  const add = (line: Buffer, delimiterBytes: number): void => {
    records++;
    const outcome = read(line);
    if (outcome.kind === 'invalid') throw new CommandError(`Record ${records} ${outcome.problem}`);
    const { record } = outcome;
    const placed =
      flags.partition === undefined || record.partition !== undefined
        ? record
        : { ...record, partition: flags.partition };
    producer.add(placed, line.length + delimiterBytes);
  };
  let cancelFlush = () => {};
  try {
    for await (const chunk of untilAborted(chunks, signal)) {
      cancelFlush();
      for (const line of splitter.push(asBuffer(chunk))) {
        add(line, flags.delimiter.length);
        if (producer.isFull) await producer.room();
      }
      cancelFlush = systemClock.setTimer(LINGER_MS, () => producer.flush());
    }
  } finally {
    cancelFlush();
  }
  const last = signal.aborted ? undefined : splitter.end();
  if (last !== undefined) add(last, 0);
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function recordReader(flags: ProduceFlags): RecordReader {
  const headers = (flags.header ?? []).map(([key, value]) => ({ key, value: Buffer.from(value) }));
  if (flags.format === 'json') return jsonReader(headers);
  return lineReader({
    headers,
    emptyIsNull: flags.emptyAsNull === true,
    ...(flags.key !== undefined && { key: Buffer.from(flags.key) }),
    ...(flags.keySeparator !== undefined && { keySeparator: flags.keySeparator }),
    ...(flags.headersSeparator !== undefined && { headersSeparator: flags.headersSeparator }),
  });
}
