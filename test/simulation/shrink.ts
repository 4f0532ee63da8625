import { type RunOptions, type RunResult, runSeed } from './run.ts';
import { STORE_TROUBLES, WORLD_TROUBLES } from './trouble.ts';

/** Lines of the trace that are shown. */
const LINES_MAX = 60;

/** Seeds that are tried with each thing left out. */
const SEEDS_PER_STEP = 4;

/** Names of clients and of their batches, of processes, and journals, in a violation's message. */
const SUBJECTS = /[A-Za-z0-9_-]{22}\/\d+|wal\/\S+|\b[a-z]+\d+(?:[a-z])?\/\d+\/\S+|\b[bcptovgx]\d+\b/g;

/**
 * Finds out what a failure needs: leaves out kinds of trouble and clients, one after the other, for as long as the same checker
 * still objects. Gives the shortest trace found, as far as it is about the failure.
 */
export async function shrink(options: RunOptions): Promise<string> {
  let best = await runSeed(options);
  const kind = best.violations[0]?.kind;
  if (kind === undefined) return `seed ${options.seed} of ${options.scenario} shows no violation\n`;
  const without: string[] = [...(options.without ?? [])];
  for (const candidate of [...best.clients, ...WORLD_TROUBLES, ...STORE_TROUBLES]) {
    // What is left out moves everything else, so that the same failure may need another seed now.
    for (let attempt = 0; attempt < SEEDS_PER_STEP; attempt++) {
      const seed = attempt === 0 ? best.seed : options.seed + attempt;
      const result = await runSeed({ ...options, seed, without: [...without, candidate] });
      if (result.violations[0]?.kind !== kind) continue;
      without.push(candidate);
      best = result;
      break;
    }
  }
  return describe(best, without);
}

function describe(result: RunResult, without: readonly string[]): string {
  const { kind, message, at } = result.violations[0]!;
  const subjects = new Set(message.match(SUBJECTS) ?? []);
  const told = result.trace.filter((line) => [...subjects].some((subject) => line.includes(subject)));
  const shown = (told.length > 0 ? told : result.trace).slice(-LINES_MAX);
  const all = [...result.clients, ...WORLD_TROUBLES, ...STORE_TROUBLES];
  return [
    `${kind} after ${(at / 1000).toFixed(3)} s of virtual time: ${message}`,
    `seen with seed ${result.seed}; needs: ${all.filter((one) => !without.includes(one)).join(', ') || 'nothing'}`,
    `left out: ${without.join(', ') || 'nothing'}`,
    `the last ${shown.length} lines of ${result.trace.length} that are about it (ms, what, details):`,
    ...shown.map((line) => `  ${line}`),
    '',
  ].join('\n');
}
