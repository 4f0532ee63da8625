import { parseArgs } from 'node:util';
import { bundleSimulation } from './bundle.ts';
import { catchMutation, median, SEEDS_MAX } from './catch-mutation.ts';
import type { SeedLine } from './child.ts';
import type { Mutation } from './mutation.ts';
import { MUTATIONS } from './mutations.ts';
import { Progress } from './progress.ts';
import { SCENARIOS } from './scenarios.ts';
import { runSeeds, shrinkSeed } from './seed-runner.ts';

const HELP = `Runs brokers, clients and faults on a virtual clock, each seed another way, and checks what they did.

  npm run sim -- [--seeds N] [--seed FIRST] [--scenario NAME|all] [--jobs N] [--without KIND,...]
             [--mutation NAME]
  npm run sim -- --mutations N [--only NAME,...]

  --seeds N       how many seeds (default 100)
  --seed FIRST    the first seed (default: any)
  --scenario NAME one of ${Object.keys(SCENARIOS).join(', ')}, or all (default mixed)
  --jobs N        processes at the same time (default 1)
  --without LIST  kinds of trouble, or names of clients, to leave out
  --mutation NAME with a rule of the engine left out, by the name it has in test/simulation/mutations*.ts; the scenario is
                  the one that it is noticed in unless one is given
  --mutations N   instead, leave out one rule of the engine after the other and count the seeds until that is noticed, from
                  N starting points
  --only LIST     with --mutations: those that are noticed in these scenarios

Ends with 1 after a violation: what was violated, how to run it again, and the part of its trace that matters.
`;

/** Seeds are drawn below this when none is given, so that they are easy to type. */
const ANY_SEED_MAX = 1_000_000_000;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '100' },
      seed: { type: 'string' },
      scenario: { type: 'string' },
      jobs: { type: 'string', default: '1' },
      without: { type: 'string', default: '' },
      mutation: { type: 'string' },
      mutations: { type: 'string' },
      only: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const broken = MUTATIONS.find(({ name }) => name === values.mutation);
  if (values.mutation !== undefined && broken === undefined) {
    const names = MUTATIONS.map(({ name }) => `  ${name}\n`).join('');
    process.stdout.write(`There is no mutation "${values.mutation}". These are there:\n\n${names}`);
    return 2;
  }
  const wanted = values.scenario ?? broken?.scenario ?? 'mixed';
  const scenarios = wanted === 'all' ? Object.keys(SCENARIOS) : wanted.split(',');
  const unknown = scenarios.find((name) => !Object.hasOwn(SCENARIOS, name));
  if (values.help || unknown !== undefined) {
    process.stdout.write(unknown === undefined ? HELP : `There is no scenario ${unknown}.\n\n${HELP}`);
    return values.help ? 0 : 2;
  }
  if (values.mutations !== undefined) return tellMutations(Number(values.mutations), values.only);
  const first = values.seed === undefined ? Math.floor(Math.random() * ANY_SEED_MAX) : Number(values.seed);
  const [seeds, jobs] = [Number(values.seeds), Number(values.jobs)];
  const without = values.without.split(',').filter((kind) => kind !== '');
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
async function tellMutations(starts: number, only: string | undefined): Promise<number> {
  process.stdout.write('| rule | left out or broken | scenario | median seeds | noticed as |\n|---|---|---|---|---|\n');
  let missed = 0;
  for (const mutation of MUTATIONS.filter(({ scenario }) => only === undefined || only.split(',').includes(scenario))) {
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
