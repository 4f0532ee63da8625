import { runLoad } from '../../simulation/functions/uncoordinated.ts';
import { developerProgram, numberList, wholeNumber } from '../../support/program.ts';
import { quantile } from '../statistics.ts';

// Functions that nothing coordinates, one request each, at rising rates until one journal is saturated: docs/PERFORMANCE.md. The
// latencies are those that were measured on AWS, the time is virtual.

const values = developerProgram(
  'tsx test/bench/functions/study.ts',
  'Raises the rate of requests until one journal is saturated.',
)
  .option('--rates <list>', 'requests per second', numberList, [10, 20, 40, 60, 80, 100, 120, 160])
  .option('--journals <list>', 'journals per topic', numberList, [1, 8])
  .option('--seconds <n>', 'virtual time of each run', wholeNumber, 60)
  .option('--seed <n>', 'of the simulation', wholeNumber, 1)
  .parse()
  .opts<{ rates: number[]; journals: number[]; seconds: number; seed: number }>();
console.log(
  '| journals | requests/s | commits/s | puts per commit | queries per commit | p50 ms | p99 ms | instances | errors |',
);
console.log('|---|---|---|---|---|---|---|---|---|');
for (const journals of values.journals) {
  for (const ratePerSecond of values.rates) {
    const durationMs = values.seconds * 1_000;
    const outcome = await runLoad({ seed: values.seed, ratePerSecond, durationMs, journals });
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
