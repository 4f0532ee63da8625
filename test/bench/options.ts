import { tmpdir } from 'node:os';
import { collected, developerProgram, positiveNumber, wholeNumber } from '../support/program.ts';

export interface BenchOptions {
  /** Only cases whose name has one of these in it; all if empty. */
  readonly only: readonly string[];
  readonly runs: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
  /** How often a run is made again while other programs keep the machine busy; the calmest counts. */
  readonly attempts: number;
  readonly json: boolean;
  /** Where the stores and the bare loop's file are; must be on the disk that is to be measured. */
  readonly directory: string;
  /** Given to the Node of the brokers. */
  readonly nodeFlags: readonly string[];
}

const WARM_UP_MS = 700;
const RUNS = 5;
const SECONDS = 3;
const QUICK_SECONDS = 1;
const ATTEMPTS = 4;

interface Flags {
  readonly only: readonly string[];
  readonly quick?: true;
  readonly runs?: number;
  readonly seconds?: number;
  readonly attempts?: number;
  readonly dir: string;
  readonly nodeFlag: readonly string[];
  readonly json?: true;
}

/** Reads the command line of this process. Wrong flags and --help end the process. */
export function readOptions(): BenchOptions {
  const { only, quick, runs, seconds, attempts, dir, nodeFlag, json } = developerProgram(
    'npm run bench --',
    'Measures the broker.',
  )
    .option('--only <text>', 'only cases with this text in their names; may be repeated', collected, [])
    .option('--quick', 'one short run of each case')
    .option('--runs <n>', `runs per case, of which the median counts (${RUNS})`, wholeNumber)
    .option('--seconds <s>', `length of one run (${SECONDS})`, positiveNumber)
    .option(
      '--attempts <n>',
      `runs at most in place of one while other programs use the machine (${ATTEMPTS})`,
      wholeNumber,
    )
    .option('--dir <folder>', 'where stores and files are made', tmpdir())
    .option(
      '--node-flag <flag>',
      'passed to the Node of the brokers, such as --cpu-prof; may be repeated',
      collected,
      [],
    )
    .option('--json', 'prints the results as JSON')
    .parse()
    .opts<Flags>();
  return {
    only,
    runs: runs ?? (quick ? 1 : RUNS),
    warmUpMs: WARM_UP_MS,
    durationMs: 1000 * (seconds ?? (quick ? QUICK_SECONDS : SECONDS)),
    attempts: attempts ?? (quick ? 1 : ATTEMPTS),
    json: json === true,
    directory: dir,
    nodeFlags: nodeFlag,
  };
}
