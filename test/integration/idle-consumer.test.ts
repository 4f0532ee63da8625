import { expect, it } from 'vitest';
import { monthOf } from '../bench/waiting/month.ts';
import { simulate } from '../bench/waiting/simulate.ts';

const MINUTE_MS = 60_000;

/** Long enough for the slowest pace of the default profile; a month is as many of the later minutes. */
const IDLE = { profile: 'default', warmUpMs: 7 * MINUTE_MS, durationMs: 20 * MINUTE_MS } as const;

it('an idle consumer costs at most $0.20 a month by Lambda and $0.50 by HTTP API, and twenty twice as much', async () => {
  const one = await simulate({ ...IDLE, consumers: 1, way: 'lambda' });
  const twenty = await simulate({ ...IDLE, consumers: 20, way: 'lambda', durationMs: 5 * MINUTE_MS });
  const [lambda, http] = (['lambda', 'http'] as const).map((way) => monthOf(one, IDLE.durationMs, way).dollars);
  expect(lambda).toBeLessThan(0.2);
  expect(http).toBeLessThan(0.5);
  expect(monthOf(twenty, 5 * MINUTE_MS, 'lambda').dollars).toBeLessThan(2 * lambda!);
  expect(monthOf(twenty, 5 * MINUTE_MS, 'http').dollars).toBeLessThan(2 * http!);
}, 120_000);

it('and no more where the tunnel looks at the journal table itself', async () => {
  const one = await simulate({ ...IDLE, consumers: 1, way: 'tail' });
  expect(monthOf(one, IDLE.durationMs, 'tail').dollars).toBeLessThan(0.2);
}, 120_000);

it('a consumer that sees no record for an hour keeps no function longer than 200 ms', async () => {
  const { calls, longestMs } = await simulate({ ...IDLE, consumers: 1, way: 'lambda', durationMs: 60 * MINUTE_MS });
  expect(calls.fetch).toBeGreaterThan(200);
  expect(longestMs).toBeLessThan(200);
}, 120_000);
