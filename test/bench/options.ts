import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';

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
  readonly help: boolean;
}

export const HELP = `Usage: npm run bench -- [options]

  --only TEXT      only cases with TEXT in their name; may be repeated
  --quick          one short run of each case
  --runs N         runs per case, of which the median counts (5)
  --seconds S      length of one run (3)
  --attempts N     a run is made again, up to N times in all, if others used the machine (4)
  --dir FOLDER     where stores and files are made (the system's temporary folder)
  --node-flag F    passed to the Node of the brokers, for example --cpu-prof; may be repeated
  --json           print the results as JSON
`;

const WARM_UP_MS = 700;
const RUNS = 5;
const SECONDS = 3;
const QUICK_SECONDS = 1;
const ATTEMPTS = 4;

/** Reads the command line. Throws TypeError for an unknown option. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      quick: { type: 'boolean', default: false },
      runs: { type: 'string' },
      seconds: { type: 'string' },
      attempts: { type: 'string' },
      dir: { type: 'string', default: tmpdir() },
      'node-flag': { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    only: values.only,
    runs: Number(values.runs ?? (values.quick ? 1 : RUNS)),
    warmUpMs: WARM_UP_MS,
    durationMs: 1000 * Number(values.seconds ?? (values.quick ? QUICK_SECONDS : SECONDS)),
    attempts: Number(values.attempts ?? (values.quick ? 1 : ATTEMPTS)),
    json: values.json,
    directory: values.dir,
    nodeFlags: values['node-flag'],
    help: values.help,
  };
}
