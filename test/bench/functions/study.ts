import { parseArgs } from 'node:util';
import { runLoad } from '../../simulation/functions/uncoordinated.ts';
import { quantile } from '../statistics.ts';

// Functions that nothing coordinates, one request each, at rising rates until one journal is saturated: docs/PERFORMANCE.md. The
// latencies are those that were measured on AWS, the time is virtual.

const { values } = parseArgs({
  options: {
    rates: { type: 'string', default: '10,20,40,60,80,100,120,160' },
    journals: { type: 'string', default: '1,8' },
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
  },
});
console.log(
  '| journals | requests/s | commits/s | puts per commit | queries per commit | p50 ms | p99 ms | instances | errors |',
);
console.log('|---|---|---|---|---|---|---|---|---|');
for (const journals of values.journals.split(',').map(Number)) {
  for (const ratePerSecond of values.rates.split(',').map(Number)) {
    const durationMs = Number(values.seconds) * 1_000;
    const outcome = await runLoad({ seed: Number(values.seed), ratePerSecond, durationMs, journals });
    const { commits, conflicts, queries, latencies, instances, errors, wrong } = outcome;
    if (wrong.length > 0) throw new Error(`lost or doubled: ${wrong.join(' ')}`);
    const cells = [
      (commits / (durationMs / 1_000)).toFixed(1),
      ((commits + conflicts) / commits).toFixed(2),
      (queries / commits).toFixed(2),
      quantile(latencies, 0.5).toFixed(0),
      quantile(latencies, 0.99).toFixed(0),
      instances,
      errors.length,
    ];
    console.log(`| ${journals} | ${ratePerSecond} | ${cells.join(' | ')} |`);
  }
}
