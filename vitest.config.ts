import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Measures the machine once per run; each file then scales the limits of its tests (test/support/machine.ts). */
const MEASURE = 'test/support/measure-machine.ts';
/** Translates the programs that tests start, once per run. */
const BUILD = 'test/support/build-programs.ts';

/** What the projects share; `testTimeoutMs` is for a quiet machine. */
function project(name: string, testTimeoutMs = 30_000) {
  return {
    name,
    pool: 'forks' as const,
    globalSetup: [MEASURE, BUILD],
    setupFiles: ['test/support/scale-limits.ts'],
    provide: { limitsMs: { test: testTimeoutMs, hook: 60_000 } },
  };
}

export default defineConfig({
  test: {
    reporters: ['default', './test/support/skip-reporter.ts'],
    // By default Vitest leaves one core to itself, which is half of a machine with two.
    maxWorkers: availableParallelism(),
    projects: [
      {
        test: {
          ...project('unit'),
          include: [
            'test/*.test.ts',
            'test/support/**/*.test.ts',
            'test/unit/**/*.test.ts',
            'test/property/**/*.test.ts',
            'test/contract/**/*.test.ts',
            'test/golden/**/*.test.ts',
          ],
          // Starting a process and loading the modules takes longer than most of these files take.
          isolate: false,
          unstubEnvs: true,
        },
      },
      {
        test: {
          ...project('integration'),
          include: ['test/integration/**/*.test.ts', 'test/simulation/**/*.test.ts'],
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...project('slow', 180_000),
          include: ['test/integration/**/*.slow.ts'],
          // They load both cores by themselves.
          fileParallelism: false,
        },
      },
      {
        test: {
          ...project('infra', 120_000),
          globalSetup: [MEASURE],
          include: ['test/infra/**/*.test.ts'],
          // Loading the CDK takes longer than any of these tests, and they share nothing that changes.
          isolate: false,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          ...project('compat', 300_000),
          include: ['test/compat/**/*.test.ts'],
          fileParallelism: false,
        },
      },
      {
        test: {
          ...project('aws', 180_000),
          globalSetup: [MEASURE, 'test/aws/global-setup.ts'],
          include: ['test/aws/**/*.test.ts'],
          fileParallelism: false,
        },
      },
      {
        test: {
          ...project('package', 120_000),
          globalSetup: [MEASURE],
          include: ['test/package/**/*.test.ts'],
          fileParallelism: false,
        },
      },
      {
        test: {
          ...project('mutations', 600_000),
          globalSetup: [MEASURE],
          include: ['test/simulation/**/*.slow.ts'],
          fileParallelism: false,
        },
      },
      {
        test: {
          ...project('crash', 300_000),
          include: ['test/crash/**/*.test.ts'],
          fileParallelism: false,
        },
      },
      {
        test: {
          ...project('fleet', 600_000),
          include: ['test/fleet/**/*.test.ts'],
          fileParallelism: false,
        },
      },
      {
        test: {
          ...project('chaos', 900_000),
          include: ['test/chaos/**/*.test.ts'],
          fileParallelism: false,
        },
      },
    ],
  },
});
