import { expect, it } from 'vitest';
import { monthOf } from '../bench/waiting/month.ts';
import { simulate } from '../bench/waiting/simulate.ts';

const MINUTE_MS = 60_000;

/** Long enough for the slowest pace of the default profile; a month is as many of the later minutes. */
const IDLE = { profile: 'default', warmUpMs: 7 * MINUTE_MS } as const;

const LIMIT_MS = 240_000;

it('an idle consumer costs at most $0.20 a month by Lambda and $0.50 by HTTP API, and twenty twice as much', {
  timeout: LIMIT_MS,
}, async () => {
  const [one, twenty] = [
    { ...IDLE, consumers: 1, way: 'lambda', durationMs: 60 * MINUTE_MS },
    { ...IDLE, consumers: 20, way: 'lambda', durationMs: 10 * MINUTE_MS },
  ] as const;
  const [ofOne, ofTwenty] = [await simulate(one), await simulate(twenty)];
  const [lambda, http] = (['lambda', 'http'] as const).map((way) => monthOf(ofOne, one.durationMs, way).dollars);
  expect(lambda).toBeLessThan(0.2);
  expect(http).toBeLessThan(0.5);
  expect(monthOf(ofTwenty, twenty.durationMs, 'lambda').dollars).toBeLessThan(2 * lambda!);
  expect(monthOf(ofTwenty, twenty.durationMs, 'http').dollars).toBeLessThan(2 * http!);
  // No record came for an hour.
  expect(ofOne.calls.fetch).toBeGreaterThan(200);
  expect(ofOne.longestMs).toBeLessThan(200);
});

it('an idle consumer costs no more where the tunnel looks at the journal table itself', {
  timeout: LIMIT_MS,
}, async () => {
  const durationMs = 20 * MINUTE_MS;
  const one = await simulate({ ...IDLE, consumers: 1, way: 'tail', durationMs });
  expect(monthOf(one, durationMs, 'tail').dollars).toBeLessThan(0.2);
});
