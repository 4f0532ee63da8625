import { addDescribe } from './cluster/describe.ts';
import { addHealth } from './cluster/health.ts';
import type { CommandIo } from './command.ts';
import { type Command, newProgram, withExamples } from './program.ts';

/** `tidelog cluster describe|health`. */
export function clusterProgram(io: CommandIo): Command {
  const program = newProgram(
    'cluster',
    'Shows a cluster: its id, its nodes, what it serves, and whether it is well.',
    io,
  );
  addDescribe(program, io);
  addHealth(program, io);
  return withExamples(program, [
    ['tidelog cluster', 'The cluster on this machine; all flags of describe go here too'],
    ['tidelog cluster health', 'Fails when something is wrong'],
  ]);
}
