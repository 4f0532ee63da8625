import { commaList, developerProgram, wholeNumber } from '../support/program.ts';
import { bundleSimulation } from './bundle.ts';
import { catchMutation, median, SEEDS_MAX } from './catch-mutation.ts';
import type { SeedLine } from './child.ts';
import type { Mutation } from './mutation.ts';
import { MUTATIONS } from './mutations.ts';
import { Progress } from './progress.ts';
import { SCENARIOS } from './scenarios.ts';
import { runSeeds, shrinkSeed } from './seed-runner.ts';

const DESCRIPTION =
  'Runs brokers, clients and faults on a virtual clock, each seed another way, and checks what they did.';
const AFTER_HELP = `
Exit codes: 0 nothing found; 1 a violation: what was violated, how to run it again, and the part of its trace that
matters; 2 wrong flags.`;

interface Options {
  readonly seeds: number;
  readonly seed?: number;
  readonly scenario?: string;
  readonly jobs: number;
  readonly without: readonly string[];
  readonly mutation?: string;
  readonly mutations?: number;
  readonly only?: readonly string[];
}

/** Seeds are drawn below this when none is given, so that they are easy to type. */
const ANY_SEED_MAX = 1_000_000_000;

async function main(): Promise<number> {
  const values = developerProgram('npm run sim --', DESCRIPTION)
    .option('--seeds <n>', 'how many seeds', wholeNumber, 100)
    .option('--seed <first>', 'the first seed; any when left out', wholeNumber)
    .option('--scenario <name,...>', `of ${Object.keys(SCENARIOS).join(', ')}, or all; mixed when left out`)
    .option('--jobs <n>', 'processes at the same time', wholeNumber, 1)
    .option('--without <list>', 'kinds of faults, or names of clients, to leave out', commaList, [])
    .option(
      '--mutation <name>',
      `leaves out a rule of the engine, by its name in test/simulation/mutations*.ts; the
scenario is the one that notices it unless one is given`,
    )
    .option(
      '--mutations <n>',
      `leaves out one rule of the engine after the other instead, and counts the seeds until
the simulation notices, from n starting points`,
      wholeNumber,
    )
    .option('--only <list>', 'with --mutations: those that these scenarios notice', commaList)
    .addHelpText('after', AFTER_HELP)
    .parse()
    .opts<Options>();
  const broken = MUTATIONS.find(({ name }) => name === values.mutation);
  if (values.mutation !== undefined && broken === undefined) {
    const names = MUTATIONS.map(({ name }) => `  ${name}\n`).join('');
    process.stdout.write(`There is no mutation "${values.mutation}". These are there:\n\n${names}`);
    return 2;
  }
  const wanted = values.scenario ?? broken?.scenario ?? 'mixed';
  const scenarios = wanted === 'all' ? Object.keys(SCENARIOS) : wanted.split(',');
  const unknown = scenarios.find((name) => !Object.hasOwn(SCENARIOS, name));
  if (unknown !== undefined) {
    process.stdout.write(`There is no scenario ${unknown}; there is ${Object.keys(SCENARIOS).join(', ')}.\n`);
    return 2;
  }
  if (values.mutations !== undefined) return tellMutations(values.mutations, values.only);
  const { seed: first = Math.floor(Math.random() * ANY_SEED_MAX), seeds, jobs, without } = values;
  const bundle = await bundleSimulation(broken?.edits);
  try {
    const progress = new Progress(seeds * scenarios.length, (text) => process.stdout.write(text));
    const workers = Array.from({ length: Math.min(jobs, seeds) }, (_, worker) => {
      const count = Math.ceil((seeds - worker) / jobs);
      const range = { scenarios, from: first + worker, step: jobs, count, without };
      return runSeeds(bundle, range, (line) => progress.take(line));
    });
    const wrong = (await Promise.all(workers)).find((line) => line !== undefined);
    progress.end(first, scenarios);
    if (wrong === undefined) return 0;
    process.stdout.write(await failure(wrong, broken, () => shrinkSeed(bundle, wrong.scenario, wrong.seed)));
    return 1;
  } finally {
    bundle.remove();
  }
}

async function failure(wrong: SeedLine, broken: Mutation | undefined, shrunk: () => Promise<string>): Promise<string> {
  const [violation] = wrong.violations;
  const mutation = broken === undefined ? '' : ` --mutation "${broken.name}"`;
  return [
    '',
    `seed ${wrong.seed} of ${wrong.scenario}: ${violation!.kind}: ${violation!.message}`,
    `again: npm run sim -- --scenario ${wrong.scenario} --seed ${wrong.seed} --seeds 1${mutation}`,
    '',
    await shrunk(),
  ].join('\n');
}

/** A table of what each mutation took; 1 if one was not noticed. */
async function tellMutations(starts: number, only: readonly string[] | undefined): Promise<number> {
  process.stdout.write('| rule | left out or broken | scenario | median seeds | noticed as |\n|---|---|---|---|---|\n');
  let missed = 0;
  for (const mutation of MUTATIONS.filter(({ scenario }) => only === undefined || only.includes(scenario))) {
    const { seeds, checks } = await catchMutation(mutation, starts);
    const middle = median(seeds);
    if (seeds.includes(undefined)) missed++;
    const took = `${middle ?? 'not noticed'} (${seeds.map((count) => count ?? `>${SEEDS_MAX}`).join(', ')})`;
    const { rule, name, scenario } = mutation;
    process.stdout.write(`| ${rule} | ${name} | ${scenario} | ${took} | ${[...checks].join(', ')} |\n`);
  }
  return missed === 0 ? 0 : 1;
}

process.exitCode = await main();
