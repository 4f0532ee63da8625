import { systemClock as clock } from '../../core/clock.ts';
import { ERROR_CODES, type ErrorName } from '../../core/errors.ts';
import type { ImportedTopic, ImportProgress } from '../../run/import-topic.ts';
import { StartError } from '../../run/start-error.ts';
import { CorruptFileError } from '../../segments/files/corrupt-file.ts';
import type { SettingField } from '../../settings/schema.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import type { CommandIo } from '../command.ts';
import { brokerRefusal, CommandError, usageError } from '../failure.ts';
import { type Command, pair, repeated, withExamples } from '../program.ts';
import { loadToServe } from '../serve.ts';
import { addSettingFlags, type SettingFlags } from '../setting-flags.ts';
import { showProgress, summaryText } from '../terminal/progress.ts';
import { counted, json, showBytes } from '../terminal/text.ts';
import { findPartitions } from './import-sources.ts';

/** Which store the topic goes into. */
const STORE_SETTINGS: ReadonlySet<SettingField> = new Set([
  'store',
  'dataDir',
  'journalTable',
  'stateTable',
  'bucket',
  'logLevel',
]);

/** The records of a copy are old: with the usual retention they would be gone at once. */
const KEEP_EVERYTHING = { 'retention.ms': '-1', 'retention.bytes': '-1' };

/** Gaps that a text names. */
const NAMED_GAPS_MAX = 5;

const ADVICE: Partial<Record<ErrorName, string>> = {
  TOPIC_ALREADY_EXISTS: 'Delete it first, or import into another store.',
};

const GOES_ON = 'The same command goes on where this one stopped.';

interface ImportFlags {
  readonly topicConfig?: readonly (readonly [string, string])[];
  readonly truncateTail?: boolean;
  readonly json?: boolean;
}

/** `tidelog segments import`: makes a topic of Kafka's log files, in the store itself. */
export function addImport(program: Command, io: CommandIo): void {
  const command = program
    .command('import')
    .description(
      "Makes a topic of Kafka's log files, as segments export and Kafka's brokers write them, with the same offsets.\n" +
        'Works on the store itself, also while tidelog dev runs on it. The topic appears when all of it is there;\n' +
        'the same command goes on after a failure.',
    )
    .argument('<dir>', 'holds one folder for each partition: orders-0, orders-1 and so on')
    .argument('<topic>')
    .option(
      '--topic-config <name=value>',
      'a config of the topic; may come several times; retention.ms and retention.bytes are -1 if left out',
      repeated(pair),
    )
    .option(
      '--truncate-tail',
      "leaves out a batch that is cut off at the end of a partition's last file, as Kafka does",
    )
    .option('--json', 'prints JSON, also for errors');
  const settings = addSettingFlags(command, STORE_SETTINGS);
  withExamples(command, [
    ['tidelog segments import ./copy orders', 'Into the store that tidelog dev uses in this folder'],
    ['tidelog segments import /var/lib/kafka/data orders --data-dir ./data', "Of a stopped broker's directory"],
    ['tidelog segments import ./copy users --topic-config cleanup.policy=compact', 'A compacted topic'],
  ]).action((dir: string, topic: string, flags: ImportFlags) =>
    importTopic(io, dir, topic, flags, settings).catch((error: unknown) => {
      throw explained(error, dir, topic);
    }),
  );
}

async function importTopic(
  io: CommandIo,
  dir: string,
  topic: string,
  flags: ImportFlags,
  settingFlags: SettingFlags,
): Promise<void> {
  const { settings, logger } = loadToServe(io, settingFlags);
  if (settings.store === 'memory') throw usageError('The store memory ends with its process: import into another one.');
  const sources = findPartitions(dir, topic);
  const { importIntoStore } = await import('../../run/import-topic.ts');
  const startedAt = clock.monotonic();
  let hide = () => {};
  try {
    const outcome = await importIntoStore(settings, logger, {
      topic,
      sources,
      configs: { ...KEEP_EVERYTHING, ...Object.fromEntries(flags.topicConfig ?? []) },
      truncatesTail: flags.truncateTail === true,
      onBegin: (progress) => {
        hide = showProgress(io, clock, () => standing(progress, clock.monotonic() - startedAt));
      },
    });
    hide();
    if (outcome.kind === 'rejected') {
      const { error, message } = outcome;
      throw brokerRefusal(`${topic} was not imported`, ERROR_CODES[error], message, ADVICE[error]);
    }
    io.out(flags.json ? json(described(outcome)) : text(outcome, clock.monotonic() - startedAt));
  } finally {
    hide();
  }
}

/** The files are read twice: to check them all, and to store them. */
function standing({ checked, stored, totalBytes }: ImportProgress, elapsedMs: number) {
  const bytes = checked.bytes + stored.bytes;
  const records = Math.max(checked.records, stored.records);
  return { records, bytes, done: bytes, total: 2 * totalBytes, elapsedMs };
}

function described({ topic, records, bytes, isResumed, abortedTransactions, cutOff, gaps }: ImportedTopic) {
  const { name, id: topicId, partitions } = topic;
  return { topic: name, topicId, partitions, records, bytes, resumed: isResumed, abortedTransactions, cutOff, gaps };
}

function text({ topic, records, bytes, abortedTransactions, cutOff, gaps }: ImportedTopic, elapsedMs: number): string {
  const lines = [`Imported ${topic.name}: ${summaryText({ records, bytes, elapsedMs })}.`];
  if (abortedTransactions > 0) {
    lines.push(`Aborted ${counted(abortedTransactions, 'transaction')} that the files do not end.`);
  }
  for (const { file, position, bytes: left } of cutOff) {
    lines.push(`Left out ${showBytes(left)} of ${file} from byte ${position} on: its last batch is cut off.`);
  }
  // Compaction leaves gaps.
  const told = topic.configs['cleanup.policy']?.includes('compact') ? [] : gaps;
  for (const { file, firstOffset, lastOffset } of told.slice(0, NAMED_GAPS_MAX)) {
    lines.push(
      `No file has the offsets ${firstOffset} to ${lastOffset}, before ${file}: unless the topic was compacted, one is missing.`,
    );
  }
  if (told.length > NAMED_GAPS_MAX) {
    lines.push(`There are ${counted(told.length - NAMED_GAPS_MAX, 'more gap')} like this.`);
  }
  return `${lines.join('\n')}\n`;
}

function explained(error: unknown, dir: string, topic: string): unknown {
  if (error instanceof CommandError) return error;
  if (error instanceof CorruptFileError) {
    const advice = error.isCutOff ? ' If it is the end of the last file, --truncate-tail leaves it out.' : '';
    return new CommandError(`${topic} was not imported: ${error.message}.${advice}`, { cause: error });
  }
  if (error instanceof StartError) return new CommandError(error.message, { cause: error });
  if (error instanceof StoreUnavailableError) {
    return new CommandError(`${topic} is not imported yet: ${error.message}. ${GOES_ON}`, { cause: error });
  }
  const { errno, message, path } = error as NodeJS.ErrnoException;
  if (errno === undefined) return error;
  return new CommandError(`${path ?? dir} cannot be read: ${message}.`, { cause: error });
}
