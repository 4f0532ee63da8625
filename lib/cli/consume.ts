import { Option } from 'commander';
import { systemClock } from '../core/clock.ts';
import { withClient } from './client/connect.ts';
import type { CommandIo } from './command.ts';
import { parseTopicWish } from './consume/choose-topics.ts';
import { type ConsumeFlags, checkGroup, formatOf, spanOf } from './consume/flags.ts';
import { readTopics } from './consume/read-topics.ts';
import { parseSpan, parseTimeSpan, type Span } from './consume/start.ts';
import {
  bytesOption,
  type Command,
  InvalidArgumentError,
  newProgram,
  repeated,
  wholeNumber,
  withCommonFlags,
  withExamples,
} from './program.ts';

const NEWLINE = Buffer.from('\n');
const TAB = Buffer.from('\t');
const PARTITION_MAX = 2 ** 31 - 1;

/** `tidelog consume TOPIC...`: prints records, and follows the topic unless an end is given. */
export function consumeProgram(io: CommandIo): Command {
  const program = newProgram(
    'consume',
    'Prints the records of topics, and waits for more unless told where to stop.',
    io,
  )
    .argument('<topics...>', "names, and patterns that begin with ^: '^orders-(eu|us)$'")
    .option('--from-beginning', 'starts at the first record; else only what comes from now on')
    .option('-o, --offset <range>', 'PLACE, or PLACE:PLACE to stop before the second one; see below', spanFlag)
    .option(
      '--timestamp <range>',
      'TIME, or TIME:TIME: 2026-11-20T12:00:00Z, ms since 1970, -90s, -1h30m, -2d',
      timeFlag,
    )
    .option('-g, --group <id>', 'reads as a member of a group, from its committed offsets; commits printed records')
    .option('-p, --partition <n>', 'reads this one; may come several times', repeated(wholeNumber(0, PARTITION_MAX)))
    .option('-n, --max-messages <n>', 'stops after so many', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option('-e, --until-end', 'stops at the present end; starts at the beginning by default')
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
    ['tidelog consume orders --group billing --until-end', 'Catch up as a group, commit, and exit'],
    ["tidelog consume orders -p 0 -o 10:20 -f '%o %s\\n'", 'The offsets 10 to 19'],
    ["tidelog consume '^orders-' --timestamp -1h --until-end -f '%t %s\\n'", 'The last hour of several topics'],
    ['tidelog consume orders --timestamp 2026-11-20T12:00:00Z --json | jq .value', 'From noon on, for a program'],
  ])
    .addHelpText(
      'after',
      '\nPlaces: N is an offset, +N so many after the beginning, -N so many before the end, earliest (start) and latest\n' +
        '(end), @TIME the first record as young as that. :PLACE begins at the beginning. -o @-2h:-1h is an hour.\n' +
        '\nTemplates: %t topic, %p partition, %o offset, %T timestamp (ms), %k key, %s value, %K and %S their lengths,\n' +
        '%h headers, %% a per cent sign; and \\n \\r \\t \\0 \\xHH. Nothing else is added.',
    )
    .action(async (topics: string[], flags: ConsumeFlags) => {
      const wish = await parseTopicWish(topics);
      const format = formatOf(flags);
      const span = spanOf(flags);
      checkGroup(flags);
      return withClient(flags, io, (client) => readTopics(client, io, { wish, span, format, flags }));
    });
  return program;
}

function spanFlag(text: string): Span {
  const span = parseSpan(text, systemClock.now());
  if (span === undefined) {
    throw new InvalidArgumentError(
      'It takes a whole number, +N, -N, earliest, latest or @TIME, or two of them with : between.',
    );
  }
  return span;
}

function timeFlag(text: string): Span {
  const span = parseTimeSpan(text, systemClock.now());
  if (span === undefined) {
    throw new InvalidArgumentError(
      'It takes a time such as 2026-11-20T12:00:00Z, ms since 1970 or -1h, or two of them with : between.',
    );
  }
  return span;
}
