import type { CommandEntry } from './command.ts';

/** All commands, in the order in which the help text shows them. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'dev',
    summary: 'Runs Tidelog on this machine: a Kafka address over a folder, nothing else needed.',
    load: async () => (await import('./dev.ts')).dev,
  },
  {
    name: 'gateway',
    summary: 'Gives Kafka clients an address on this machine whose log is on AWS, by way of functions or directly.',
    load: async () => (await import('./gateway.ts')).gateway,
  },
  {
    name: 'topics',
    summary: 'Creates, lists, describes, changes and deletes topics.',
    load: async () => (await import('./topics.ts')).topics,
  },
  {
    name: 'produce',
    summary: 'Sends records from a file or from stdin.',
    load: async () => (await import('./produce.ts')).produce,
  },
  {
    name: 'consume',
    summary: 'Prints the records of a topic.',
    load: async () => (await import('./consume.ts')).consume,
  },
  {
    name: 'groups',
    summary: 'Lists and describes consumer groups, resets and deletes their offsets.',
    load: async () => (await import('./groups.ts')).groups,
  },
  {
    name: 'configs',
    summary: 'Shows and changes the configs of topics and brokers.',
    load: async () => (await import('./configs.ts')).configs,
  },
  {
    name: 'cluster',
    summary: "Shows the cluster's id, its nodes, and which requests it serves.",
    load: async () => (await import('./cluster.ts')).cluster,
  },
];
