import type { CommandEntry } from './command.ts';

/** All commands, in the order in which the help text shows them. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'dev',
    summary: 'Runs Tidelog on this machine: a Kafka address over a folder, nothing else needed.',
    load: async () => (await import('./dev.ts')).dev,
    program: async (io) => (await import('./dev.ts')).devProgram(io),
  },
  {
    name: 'gateway',
    summary: 'Gives Kafka clients an address on this machine whose log is on AWS, by way of functions or directly.',
    load: async () => (await import('./gateway.ts')).gateway,
    program: async (io) => (await import('./gateway.ts')).gatewayProgram(io),
  },
  {
    name: 'topics',
    summary: 'Creates, lists, describes, changes and deletes topics.',
    load: async () => (await import('./topics.ts')).topics,
    program: async (io) => (await import('./topics.ts')).topicsProgram(io),
  },
  {
    name: 'produce',
    summary: 'Sends records from a file or from stdin.',
    load: async () => (await import('./produce.ts')).produce,
    program: async (io) => (await import('./produce.ts')).produceProgram(io),
  },
  {
    name: 'consume',
    summary: 'Prints the records of a topic.',
    load: async () => (await import('./consume.ts')).consume,
    program: async (io) => (await import('./consume.ts')).consumeProgram(io),
  },
  {
    name: 'groups',
    summary: 'Lists and describes consumer groups, resets and deletes their offsets.',
    load: async () => (await import('./groups.ts')).groups,
    program: async (io) => (await import('./groups.ts')).groupsProgram(io),
  },
  {
    name: 'configs',
    summary: 'Shows and changes the configs of topics and brokers.',
    load: async () => (await import('./configs.ts')).configs,
    program: async (io) => (await import('./configs.ts')).configsProgram(io),
  },
  {
    name: 'cluster',
    summary: "Shows the cluster's id, its nodes, which requests it serves, and whether it is well.",
    load: async () => (await import('./cluster.ts')).cluster,
    program: async (io) => (await import('./cluster.ts')).clusterProgram(io),
  },
  {
    name: 'profile',
    summary: 'Keeps clusters by name, for --profile.',
    load: async () => (await import('./profile.ts')).profile,
    program: async (io) => (await import('./profile.ts')).profileProgram(io),
  },
  {
    name: 'completion',
    summary: 'Prints a script that completes commands and flags in bash, zsh or fish.',
    load: async () => (await import('./completion.ts')).completion,
    program: async (io) => (await import('./completion.ts')).completionProgram(io),
  },
];
