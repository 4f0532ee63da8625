import type { CommandEntry } from './command.ts';

/** All commands, in the order in which the help text shows them. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'dev',
    summary: 'Runs Tidelog on this machine: a Kafka address over a folder, nothing else needed.',
    load: async () => (await import('./dev.ts')).dev,
  },
];
