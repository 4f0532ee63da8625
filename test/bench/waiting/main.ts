import { quantile } from '../statistics.ts';
import { monthOf } from './month.ts';
import { type Case, type Profile, simulate } from './simulate.ts';

// What consumers behind a tunnel cost that wait, and how late they see a record: docs/GATEWAY.md.
// Counted in virtual time. Run it with: npm run bench:waiting

const MINUTE_MS = 60_000;
const PROFILES: readonly Profile[] = ['latency', 'default', 'cost'];
const WAYS: readonly Case['way'][] = ['http', 'lambda', 'tail'];

console.log('| profile | way | consumers | calls a month | GB-s | $ a month | longest call, ms |');
console.log('|---|---|--:|--:|--:|--:|--:|');
for (const profile of PROFILES) {
  for (const way of WAYS) {
    for (const consumers of [1, 20]) {
      const durationMs = (consumers === 1 ? 60 : 10) * MINUTE_MS;
      const figures = await simulate({ consumers, profile, way, warmUpMs: 12 * MINUTE_MS, durationMs });
      const { calls, gbSeconds, dollars } = monthOf(figures, durationMs, way);
      const cells = [profile, way, consumers, Math.round(calls), Math.round(gbSeconds)];
      console.log(`| ${[...cells, dollars.toFixed(3), figures.longestMs].join(' | ')} |`);
    }
  }
}

console.log('\n| profile | way | a record each | p50 ms | p99 ms | $ a month |');
console.log('|---|---|---|--:|--:|--:|');
for (const profile of PROFILES) {
  for (const way of ['lambda', 'tail'] as const) {
    for (const [name, recordEveryMs, durationMs] of [
      ['second', 1_000, 10 * MINUTE_MS],
      ['minute', MINUTE_MS, 240 * MINUTE_MS],
      ['hour', 60 * MINUTE_MS, 60 * 60 * MINUTE_MS],
    ] as const) {
      const of = { consumers: 1, profile, way, recordEveryMs, warmUpMs: 2 * MINUTE_MS, durationMs };
      const figures = await simulate(of);
      const [p50, p99] = [0.5, 0.99].map((share) => quantile(figures.latencies, share).toFixed(0));
      const { dollars } = monthOf(figures, durationMs, way);
      console.log(`| ${profile} | ${way} | ${name} | ${p50} | ${p99} | ${dollars.toFixed(2)} |`);
    }
  }
}
