import { describe, expect, it } from 'vitest';
import { measureContention, scaled, slownessOf } from './machine.ts';

describe('how slow a machine is', () => {
  it.each([
    ['quiet', { contention: 1, loadAverage: 0.1, cores: 2 }, 1],
    ['busy with this run alone', { contention: 1, loadAverage: 4, cores: 2 }, 1],
    ['busy with others, too', { contention: 1, loadAverage: 20, cores: 2 }, 9],
    ['of many cores, at the same load', { contention: 1, loadAverage: 20, cores: 10 }, 1],
    ['busy with others before the run began', { contention: 6.5, loadAverage: 0, cores: 2 }, 6.5],
    ['without a load average', { contention: 1.2, loadAverage: 0, cores: 2 }, 1.2],
    ['stuck', { contention: 400, loadAverage: 900, cores: 2 }, 20],
    ['measured a little too fast', { contention: 0.9, loadAverage: 0, cores: 2 }, 1],
  ])('%s', (_, state, slowness) => {
    expect(slownessOf(state)).toBeCloseTo(slowness);
  });

  it('never makes a limit shorter', () => {
    expect(scaled(1_500)).toBeGreaterThanOrEqual(1_500);
  });

  it('is measured against the CPU time that was had', () => {
    expect(measureContention()).toBeGreaterThan(0.9);
  });
});

describe('the limits of a test', () => {
  it('are those of the project, or longer', ({ task }) => {
    expect(task.timeout).toBeGreaterThanOrEqual(30_000);
  });
});
