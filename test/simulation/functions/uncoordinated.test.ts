import { describe, expect, it } from 'vitest';
import { quantile } from '../../bench/statistics.ts';
import { runLoad } from './uncoordinated.ts';

const run = (ratePerSecond: number, journals: number, seconds = 10) =>
  runLoad({ seed: 7, ratePerSecond, durationMs: seconds * 1_000, journals });

describe('functions that nothing coordinates, with the latencies of AWS', () => {
  it('share a journal at 40 requests a second: fewer than two puts per commit, p99 in tens of ms', async () => {
    const outcome = await run(40, 1);
    expect(outcome).toMatchObject({ errors: [], wrong: [], commits: outcome.sent });
    expect((outcome.commits + outcome.conflicts) / outcome.commits).toBeLessThan(1.8);
    expect(quantile(outcome.latencies, 0.99)).toBeLessThan(150);
  });

  it('get through at more than a journal takes easily, and more easily with eight', async () => {
    const [one, eight] = [await run(120, 1, 4), await run(120, 8, 4)];
    expect(one).toMatchObject({ errors: [], wrong: [], commits: one.sent });
    expect(eight).toMatchObject({ errors: [], wrong: [], commits: eight.sent });
    expect(eight.conflicts).toBeLessThan(one.conflicts / 3);
    expect(quantile(eight.latencies, 0.99)).toBeLessThan(quantile(one.latencies, 0.99) / 3);
  });

  it('go the same way with the same seed', async () => {
    expect(await run(20, 1, 5)).toEqual(await run(20, 1, 5));
  });
});
