import type { Check } from './checks.ts';
import { type RunOptions, runSeed } from './run.ts';
import type { ScenarioName } from './scenarios.ts';
import { shrink } from './shrink.ts';

/** One line of output: what became of a seed. */
export interface SeedLine {
  readonly scenario: ScenarioName;
  readonly seed: number;
  readonly traceHash: string;
  readonly violations: readonly { readonly kind: Check; readonly message: string; readonly at: number }[];
  readonly figures: Awaited<ReturnType<typeof runSeed>>['figures'];
}

/**
 * What runs in a process of its own: `run SCENARIO[,SCENARIO...] FROM STEP COUNT [WITHOUT]` runs each seed through each scenario
 * and writes a JSON line for each, ending after a seed with a violation; `shrink SCENARIO SEED` writes a text for people.
 */
async function main(args: readonly string[]): Promise<void> {
  const [command, names = '', ...rest] = args;
  const scenarios = names.split(',') as ScenarioName[];
  if (command === 'shrink') {
    process.stdout.write(await shrink({ scenario: scenarios[0]!, seed: Number(rest[0]) }));
    return;
  }
  const [from, step, count] = rest.map(Number);
  const without = rest[3]?.split(',').filter((kind) => kind !== '') ?? [];
  for (let index = 0; index < count!; index++) {
    for (const scenario of scenarios) {
      if (await runOne({ scenario, seed: from! + index * step!, without })) return;
    }
  }
}

/** True if something was wrong. */
async function runOne(options: RunOptions): Promise<boolean> {
  current = options;
  const { scenario, seed, violations, traceHash, figures } = await runSeed(options);
  const line: SeedLine = { scenario, seed, traceHash, violations, figures };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  return violations.length > 0;
}

let current: RunOptions | undefined;

process.on('unhandledRejection', (error) => {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const violations = [{ kind: 'exception', message: `not handled: ${message}`, at: 0 }];
  process.stdout.write(`${JSON.stringify({ ...current, traceHash: '', violations, figures: NOTHING_DONE })}\n`, () => {
    process.exit(0);
  });
});

/** Of a run that ended by an error which nothing waited for. */
const NOTHING_DONE = { acknowledged: 0, troubles: {}, events: 0, virtualMs: 0 };

await main(process.argv.slice(2));
