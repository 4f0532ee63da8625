import type { CommandIo } from './command.ts';
import { type Command, newProgram, withExamples } from './program.ts';
import { addExport } from './segments/export.ts';
import { addImport } from './segments/import.ts';

/** `tidelog segments export` and `import`. */
export function segmentsProgram(io: CommandIo): Command {
  const program = newProgram('segments', "Copies topics as Kafka's own log files.", io);
  addExport(program, io);
  addImport(program, io);
  return withExamples(program, [
    ['tidelog segments export orders ./copy -b broker.example:9092', 'Copy a topic into a folder'],
    ['tidelog segments import ./copy orders', 'Make a topic of such a folder'],
  ]);
}
