import type { CommandEntry } from './command.ts';

/** All commands, in the order in which the help text shows them. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'dev',
    summary: 'Runs Tidelog on this machine: a Kafka address over a folder, nothing else needed.',
    program: async (io) => (await import('./dev.ts')).devProgram(io),
  },
  {
    name: 'gateway',
    summary: 'Gives Kafka clients an address on this machine whose log is on AWS, by way of functions or directly.',
    program: async (io) => (await import('./gateway.ts')).gatewayProgram(io),
  },
  {
    name: 'topics',
    summary: 'Creates, lists, describes, changes and deletes topics.',
    program: async (io) => (await import('./topics.ts')).topicsProgram(io),
  },
  {
    name: 'produce',
    summary: 'Sends records from a file or from stdin.',
    program: async (io) => (await import('./produce.ts')).produceProgram(io),
  },
  {
    name: 'consume',
    summary: 'Prints the records of a topic.',
    program: async (io) => (await import('./consume.ts')).consumeProgram(io),
  },
  {
    name: 'groups',
    summary: 'Lists and describes consumer groups, resets and deletes their offsets.',
    program: async (io) => (await import('./groups.ts')).groupsProgram(io),
  },
  {
    name: 'transactions',
    summary: 'Lists, describes and aborts transactions, also hanging ones.',
    program: async (io) => (await import('./transactions.ts')).transactionsProgram(io),
  },
  {
    name: 'configs',
    summary: 'Shows and changes the configs of topics and brokers.',
    program: async (io) => (await import('./configs.ts')).configsProgram(io),
  },
  {
    name: 'segments',
    summary: "Copies topics as Kafka's own log files.",
    program: async (io) => (await import('./segments.ts')).segmentsProgram(io),
  },
  {
    name: 'cluster',
    summary: "Shows the cluster's id, its nodes, which requests it serves, and whether it is well.",
    program: async (io) => (await import('./cluster.ts')).clusterProgram(io),
  },
  {
    name: 'cost',
    summary: 'Shows what a process costs on AWS: its calls to the store, by cause.',
    program: async (io) => (await import('./cost.ts')).costProgram(io),
  },
  {
    name: 'profile',
    summary: 'Keeps clusters by name, for --profile.',
    program: async (io) => (await import('./profile.ts')).profileProgram(io),
  },
  {
    name: 'completion',
    summary: 'Prints a script that completes commands and flags in bash, zsh or fish.',
    program: async (io) => (await import('./completion.ts')).completionProgram(io, COMMANDS),
  },
];
