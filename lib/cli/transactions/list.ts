import { systemClock } from '../../core/clock.ts';
import { withClient } from '../client/connect.ts';
import { STATES, TransactionClient } from '../client/transactions.ts';
import type { CommandIo } from '../command.ts';
import { usageError } from '../failure.ts';
import {
  type Command,
  type CommonFlags,
  durationFlag,
  repeated,
  wholeNumber,
  withCommonFlags,
  withExamples,
} from '../program.ts';
import { json, table } from '../terminal/text.ts';
import { findHanging, hangingJson, hangingText } from './hanging.ts';

interface ListFlags extends CommonFlags {
  readonly state?: readonly string[];
  readonly producerId?: readonly number[];
  /** ms. */
  readonly longerThan?: number;
  readonly pattern?: string;
  readonly hanging?: boolean;
  readonly topic?: readonly string[];
}

/** `tidelog transactions list`: transactional ids, or transactions that no coordinator ends. */
export function addList(program: Command, io: CommandIo): void {
  const command = program
    .command('list')
    .description('Lists transactional ids with their states.')
    .option('--state <state>', `only in this state: ${STATES.join(', ')}; may come several times`, repeated(String))
    .option(
      '--producer-id <id>',
      'only of this producer id; may come several times',
      repeated(wholeNumber(0, Number.MAX_SAFE_INTEGER)),
    )
    .option('--longer-than <time>', 'only transactions that began longer ago: 500ms, 30s, 2m', durationFlag)
    .option('--pattern <regex>', "only ids that match, in RE2's syntax")
    .option('--hanging', 'the transactions in partitions that no coordinator ends')
    .option('-t, --topic <name>', 'with --hanging: only in this topic; may come several times', repeated(String));
  withExamples(withCommonFlags(command), [
    ['tidelog transactions list', 'All ids'],
    ['tidelog transactions list --state Ongoing --longer-than 10m', 'Long transactions'],
    ['tidelog transactions list --hanging --longer-than 15m', 'Hanging transactions'],
  ]).action((flags: ListFlags) => (flags.hanging ? listHanging(flags, io) : listIds(flags, io)));
}

function listIds(flags: ListFlags, io: CommandIo): Promise<void> {
  const { state: states = [], producerId: producerIds = [], longerThan: longerThanMs, pattern } = flags;
  if (flags.topic !== undefined) throw usageError('--topic needs --hanging.');
  return withClient(flags, io, async (client) => {
    const transactions = new TransactionClient(client, { clock: systemClock, timeoutMs: flags.timeout });
    const listed = await transactions.list({ states, producerIds, longerThanMs, pattern });
    if (flags.json) return io.out(json(listed));
    io.out(
      table(
        ['TRANSACTIONAL-ID', 'COORDINATOR', 'PRODUCER-ID', 'STATE'],
        listed.map(({ transactionalId, coordinator, producerId, state }) => [
          ...[transactionalId, coordinator, producerId, state],
        ]),
      ),
    );
  });
}

function listHanging(flags: ListFlags, io: CommandIo): Promise<void> {
  if (flags.state !== undefined || flags.producerId !== undefined || flags.pattern !== undefined) {
    throw usageError('--hanging takes --topic and --longer-than only.');
  }
  return withClient(flags, io, async (client) => {
    const lookup = { clock: systemClock, timeoutMs: flags.timeout };
    const hanging = await findHanging(client, lookup, { topics: flags.topic, longerThanMs: flags.longerThan });
    io.out(flags.json ? json(hanging.map(hangingJson)) : hangingText(hanging, systemClock.now()));
  });
}
