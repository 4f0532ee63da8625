import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const pool = {
  pool: 'forks' as const,
  globalSetup: ['test/support/build-programs.ts'],
  testTimeout: 30_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  test: {
    reporters: ['default', './test/support/skip-reporter.ts'],
    // By default Vitest leaves one core to itself, which is half of a machine with two.
    maxWorkers: availableParallelism(),
    projects: [
      {
        test: {
          ...pool,
          name: 'unit',
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
          ...pool,
          name: 'integration',
          include: ['test/integration/**/*.test.ts', 'test/simulation/**/*.test.ts'],
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...pool,
          name: 'slow',
          include: ['test/integration/**/*.slow.ts'],
          testTimeout: 180_000,
          // They load both cores by themselves.
          fileParallelism: false,
        },
      },
      {
        test: {
          ...pool,
          name: 'infra',
          globalSetup: [],
          include: ['test/infra/**/*.test.ts'],
          testTimeout: 120_000,
          // Loading the CDK takes longer than any of these tests, and they share nothing that changes.
          isolate: false,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          ...pool,
          name: 'compat',
          include: ['test/compat/**/*.test.ts'],
          testTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...pool,
          name: 'aws',
          include: ['test/aws/**/*.test.ts'],
          globalSetup: ['test/aws/global-setup.ts'],
          testTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...pool,
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          testTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...pool,
          name: 'mutations',
          globalSetup: [],
          include: ['test/simulation/**/*.slow.ts'],
          testTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...pool,
          name: 'crash',
          include: ['test/crash/**/*.test.ts'],
          testTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...pool,
          name: 'fleet',
          include: ['test/fleet/**/*.test.ts'],
          testTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...pool,
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          testTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
