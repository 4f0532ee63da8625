import { describe, expect, it } from 'vitest';
import { type RunResult, runSeed } from './run.ts';
import { SCENARIOS, type ScenarioName } from './scenarios.ts';
import { ZOMBIES } from './transactions/zombies.ts';

/** What each seed of `mixed` has to have been through, to count as one. */
const ACKNOWLEDGED_MIN = 500;
const BROKERS_MIN = 4;
const TROUBLES_MIN = 20;

/** Seeds of `transactions` in which every kind of zombie has to come up. */
const ZOMBIE_SEEDS_MAX = 15;

/** A seed's violations, with the line that shows them again. */
function wrongIn({ scenario, seed, violations }: RunResult): string[] {
  const again = `npm run sim -- --scenario ${scenario} --seed ${seed} --seeds 1`;
  return violations.map(({ kind, message }) => `${kind}: ${message} (${again})`);
}

function hasWorked({ figures }: RunResult): void {
  const troubles = Object.values(figures.troubles).reduce((sum, count) => sum + count, 0);
  expect(figures.acknowledged).toBeGreaterThanOrEqual(ACKNOWLEDGED_MIN);
  expect(figures.brokers).toBeGreaterThanOrEqual(BROKERS_MIN);
  expect(troubles).toBeGreaterThanOrEqual(TROUBLES_MIN);
  expect(figures.objects).toBeGreaterThan(0);
  expect(figures.commits).toBeGreaterThan(0);
  expect(figures.generations).toBeGreaterThan(0);
  expect(figures.entries).toBeGreaterThan(figures.objects);
}

const others = Object.keys(SCENARIOS).filter((name) => name !== 'mixed') as ScenarioName[];

describe('a simulated cluster', () => {
  it.each([1, 2, 3])('keeps its promises under faults, seed %i', async (seed) => {
    const result = await runSeed({ scenario: 'mixed', seed });
    expect(wrongIn(result)).toEqual([]);
    hasWorked(result);
    expect(result.figures.transactions).toBeGreaterThan(0);
  });

  it('has every kind of zombie in its transactions', async () => {
    const seen = new Set<string>();
    const all = Object.keys(ZOMBIES).sort();
    for (let seed = 1; seed <= ZOMBIE_SEEDS_MAX && seen.size < all.length; seed++) {
      const result = await runSeed({ scenario: 'transactions', seed });
      expect(wrongIn(result)).toEqual([]);
      for (const zombie of Object.keys(result.figures.zombies)) seen.add(zombie);
    }
    expect([...seen].sort()).toEqual(all);
  });

  it.each(others)('keeps them in the scenario %s', async (scenario) => {
    expect(wrongIn(await runSeed({ scenario, seed: 1 }))).toEqual([]);
  });

  it('keeps them with seeds that nobody tried before', async () => {
    const first = Math.floor(Math.random() * 1_000_000_000);
    process.stdout.write(`simulation: fresh seeds ${first} to ${first + 2} of mixed\n`);
    for (let seed = first; seed < first + 3; seed++) {
      const result = await runSeed({ scenario: 'mixed', seed });
      expect(wrongIn(result)).toEqual([]);
      hasWorked(result);
    }
  });

  it.each(['mixed', 'objects', 'lifecycle', 'groups', 'leadership', 'transactions', 'cleaning', 'imports'] as const)(
    'goes the same way with the same seed: %s',
    async (scenario) => {
      const [once, again, other] = [
        await runSeed({ scenario, seed: 42 }),
        await runSeed({ scenario, seed: 42 }),
        await runSeed({ scenario, seed: 43 }),
      ];
      expect(again.trace.join('\n')).toBe(once.trace.join('\n'));
      expect(other.traceHash).not.toBe(once.traceHash);
    },
  );
});
