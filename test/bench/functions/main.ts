import { loadavg } from 'node:os';
import { startDynamoDbLocal } from '../../support/dynamodb-local.ts';
import { dynamoDbStores } from '../../support/dynamodb-stores.ts';
import { runWriters } from '../../support/function-writers.ts';
import { developerProgram, wholeNumber } from '../../support/program.ts';
import { quantile } from '../statistics.ts';

// Functions that nothing coordinates, all producing to one topic at once: docs/PERFORMANCE.md. The durations are DynamoDB Local's.

const values = developerProgram('npm run bench:functions --', 'Measures functions that all produce to one topic.')
  .option('--writers <n>', 'instances of the function', wholeNumber, 20)
  .option('--requests <n>', 'requests of each', wholeNumber, 50)
  .parse()
  .opts<{ writers: number; requests: number }>();
const local = await startDynamoDbLocal();
try {
  console.log('| journals | commits | conflicts | conflicts per commit | commits/s | p50 ms | p99 ms | errors |');
  console.log('|---|---|---|---|---|---|---|---|');
  for (const journals of [1, 8]) {
    const stores = await dynamoDbStores(local, `bench-${journals}`);
    const { commits, conflicts, durationMs, latencies, errors } = await runWriters({
      ...stores,
      writers: values.writers,
      requestsEach: values.requests,
      journals,
      partitions: 8,
    });
    stores.close();
    const cells = [
      commits,
      conflicts,
      (conflicts / commits).toFixed(2),
      ((commits / durationMs) * 1_000).toFixed(0),
      quantile(latencies, 0.5).toFixed(0),
      quantile(latencies, 0.99).toFixed(0),
      errors.length,
    ];
    console.log(`| ${journals} | ${cells.join(' | ')} |`);
  }
  console.log(
    `\n${values.writers} writers, ${values.requests} requests each; load average ${loadavg()[0]!.toFixed(1)}, Node ${process.version}`,
  );
} finally {
  await local.stop();
}
