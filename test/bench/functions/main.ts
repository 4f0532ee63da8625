import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { startDynamoDbLocal } from '../../support/dynamodb-local.ts';
import { dynamoDbStores } from '../../support/dynamodb-stores.ts';
import { runWriters } from '../../support/function-writers.ts';
import { quantile } from '../statistics.ts';

// Functions that nothing coordinates, all producing to one topic at once: docs/PERFORMANCE.md. The durations are DynamoDB Local's.

const { values } = parseArgs({
  options: { writers: { type: 'string', default: '20' }, requests: { type: 'string', default: '50' } },
});
const local = await startDynamoDbLocal();
try {
  console.log('| journals | commits | conflicts | conflicts per commit | commits/s | p50 ms | p99 ms | errors |');
  console.log('|---|---|---|---|---|---|---|---|');
  for (const journals of [1, 8]) {
    const stores = await dynamoDbStores(local, `bench-${journals}`);
    const { commits, conflicts, durationMs, latencies, errors } = await runWriters({
      ...stores,
      writers: Number(values.writers),
      requestsEach: Number(values.requests),
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
