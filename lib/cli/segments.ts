import type { CommandIo } from './command.ts';
import { type Command, newProgram, withExamples } from './program.ts';
import { addExport } from './segments/export.ts';

/** `tidelog segments export`. */
export function segmentsProgram(io: CommandIo): Command {
  const program = newProgram('segments', "Copies topics as Kafka's own log files.", io);
  addExport(program, io);
  return withExamples(program, [['tidelog segments export orders ./copy', 'Copy a topic into a folder']]);
}
