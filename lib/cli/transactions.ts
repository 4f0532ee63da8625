import type { CommandIo } from './command.ts';
import { type Command, newProgram, withExamples } from './program.ts';
import { addAbort } from './transactions/abort.ts';
import { addDescribe } from './transactions/describe.ts';
import { addList } from './transactions/list.ts';

/** `tidelog transactions list|describe|abort`. */
export function transactionsProgram(io: CommandIo): Command {
  const program = newProgram('transactions', 'Lists, describes and aborts transactions, also hanging ones.', io);
  addList(program, io);
  addDescribe(program, io);
  addAbort(program, io);
  withExamples(program, [
    ['tidelog transactions list --state Ongoing --longer-than 10m', 'Find what holds readers back'],
    ['tidelog transactions abort payments-1', 'End the transaction of a producer that is gone'],
  ]);
  return program;
}
