import { systemClock } from '../../core/clock.ts';
import { withClient } from '../client/connect.ts';
import { type DescribedTransaction, TransactionClient, unknownTransaction } from '../client/transactions.ts';
import type { CommandIo } from '../command.ts';
import { type Command, type CommonFlags, withCommonFlags, withExamples } from '../program.ts';
import { json, showDuration, table } from '../terminal/text.ts';

/** `tidelog transactions describe`: the state of transactional ids. */
export function addDescribe(program: Command, io: CommandIo): void {
  const command = program
    .command('describe')
    .description('Shows the producer of transactional ids, their state and the partitions of an open transaction.')
    .argument('<ids...>', 'which transactional ids');
  withExamples(withCommonFlags(command), [
    ['tidelog transactions describe payments-1', 'Who has which partitions open, and since when'],
  ]).action((ids: string[], flags: CommonFlags) =>
    withClient(flags, io, async (client) => {
      const transactions = new TransactionClient(client, { clock: systemClock, timeoutMs: flags.timeout });
      const described: DescribedTransaction[] = [];
      for (const id of new Set(ids)) {
        const transaction = await transactions.describe(id);
        if (transaction === undefined) throw unknownTransaction(id);
        described.push(transaction);
      }
      io.out(flags.json ? json(described.map(asJson)) : text(described, systemClock.now()));
    }),
  );
}

function text(described: readonly DescribedTransaction[], now: number): string {
  return table(
    ['TRANSACTIONAL-ID', 'COORDINATOR', 'PRODUCER-ID', 'EPOCH', 'STATE', 'TIMEOUT', 'BEGAN', 'PARTITIONS'],
    described.map(({ transactionalId, coordinator, producerId, producerEpoch, state, timeoutMs, ...rest }) => {
      const began = rest.startedAt === undefined ? '-' : `${showDuration(Math.max(0, now - rest.startedAt))} ago`;
      const partitions = [...rest.partitions].flatMap(([topic, indexes]) =>
        indexes.map((index) => `${topic}-${index}`),
      );
      const identity = [transactionalId, coordinator, producerId, producerEpoch, state];
      return [...identity, showDuration(timeoutMs), began, partitions.join(',') || '-'];
    }),
  );
}

function asJson({ startedAt, partitions, ...transaction }: DescribedTransaction) {
  return {
    ...transaction,
    startedAt: startedAt === undefined ? null : new Date(startedAt).toISOString(),
    partitions: [...partitions].map(([topic, indexes]) => ({ topic, partitions: indexes })),
  };
}
