import { systemClock } from '../../core/clock.ts';
import { withClient } from '../client/connect.ts';
import { findTopic, unknownPartition } from '../client/topics.ts';
import { TransactionClient, unknownTransaction } from '../client/transactions.ts';
import type { CommandIo } from '../command.ts';
import { CommandError, usageError } from '../failure.ts';
import { type Command, type CommonFlags, wholeNumber, withCommonFlags, withExamples } from '../program.ts';
import { json } from '../terminal/text.ts';

const PARTITION_MAX = 2 ** 31 - 1;

interface AbortFlags extends CommonFlags {
  readonly topic?: string;
  readonly partition?: number;
  readonly startOffset?: number;
}

/** `tidelog transactions abort`: of a transactional id, or a hanging one in a partition. */
export function addAbort(program: Command, io: CommandIo): void {
  const command = program
    .command('abort')
    .description(
      'Aborts the open transaction of transactional ids, whose producers are fenced; or a hanging transaction in a partition.',
    )
    .argument('[ids...]', 'which transactional ids')
    .option('-t, --topic <name>', 'where a hanging transaction is')
    .option('-p, --partition <n>', 'in which partition', wholeNumber(0, PARTITION_MAX))
    .option('--start-offset <offset>', 'at which offset it begins', wholeNumber(0, Number.MAX_SAFE_INTEGER));
  withExamples(withCommonFlags(command), [
    ['tidelog transactions abort payments-1', 'End the transaction of a producer that is gone'],
    ['tidelog transactions abort -t orders -p 0 --start-offset 512', 'End a hanging transaction'],
  ]).action((ids: string[], flags: AbortFlags) => {
    const { topic, partition, startOffset } = flags;
    const named = [topic, partition, startOffset].filter((one) => one !== undefined).length;
    if (ids.length > 0 === named > 0) {
      throw usageError('Name transactional ids, or a hanging transaction by --topic, --partition and --start-offset.');
    }
    if (ids.length > 0) return terminate(ids, flags, io);
    if (topic === undefined || partition === undefined || startOffset === undefined) {
      throw usageError('A hanging transaction is named by --topic, --partition and --start-offset together.');
    }
    return abortHanging({ topic, partition, startOffset }, flags, io);
  });
}

function terminate(ids: readonly string[], flags: CommonFlags, io: CommandIo): Promise<void> {
  return withClient(flags, io, async (client) => {
    const transactions = new TransactionClient(client, { clock: systemClock, timeoutMs: flags.timeout });
    const aborted: string[] = [];
    for (const id of new Set(ids)) {
      // Without this, the request would create the id.
      if ((await transactions.describe(id)) === undefined) throw unknownTransaction(id);
      await transactions.terminate(id);
      aborted.push(id);
      if (!flags.json) io.out(`${id} has no open transaction any more, and its producer is fenced.\n`);
    }
    if (flags.json) io.out(json({ aborted }));
  });
}

interface Hanging {
  readonly topic: string;
  readonly partition: number;
  readonly startOffset: number;
}

function abortHanging({ topic: name, partition, startOffset }: Hanging, flags: CommonFlags, io: CommandIo) {
  return withClient(flags, io, async (client) => {
    const lookup = { clock: systemClock, timeoutMs: flags.timeout };
    const transactions = new TransactionClient(client, lookup);
    const topic = await findTopic(client, name, lookup);
    const found = topic.partitions.find(({ index }) => index === partition);
    if (found === undefined) throw unknownPartition(name, partition, topic.partitions.length);
    const open = (await transactions.openIn(topic, [found])).find((one) => one.startOffset === startOffset);
    if (open === undefined) {
      throw new CommandError(
        `No transaction that is open in ${name}-${partition} begins at offset ${startOffset}. ` +
          'tidelog transactions list --hanging shows where they begin.',
      );
    }
    await transactions.abortHanging(open, found.leader);
    const { producerId, producerEpoch } = open;
    if (flags.json) return io.out(json({ topic: name, partition, startOffset, producerId, producerEpoch }));
    io.out(`Aborted the transaction of producer ${producerId} in ${name}-${partition}.\n`);
  });
}
