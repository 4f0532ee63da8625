import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { skipReason } from '../../support/aws-targets.ts';
import { type DynamoDbLocal, dynamoDbLocalMissing, startDynamoDbLocal } from '../../support/dynamodb-local.ts';
import { dynamoDbStores } from '../../support/dynamodb-stores.ts';
import { runWriters, type WritersResult } from '../../support/function-writers.ts';

const WRITERS = 20;
const REQUESTS_EACH = 4;
const PARTITIONS = 8;

const missing = skipReason(dynamoDbLocalMissing());

describe.skipIf(missing !== undefined)('twenty functions that produce at once', () => {
  let local: DynamoDbLocal;
  beforeAll(async () => {
    local = await startDynamoDbLocal();
  });
  afterAll(() => local?.stop());

  const run = async (journals: number): Promise<WritersResult> => {
    const stores = await dynamoDbStores(local, `twenty-${journals}`);
    try {
      return await runWriters({
        ...stores,
        writers: WRITERS,
        requestsEach: REQUESTS_EACH,
        journals,
        partitions: PARTITIONS,
      });
    } finally {
      stores.close();
    }
  };

  /** Each record once, those of a writer in their order. */
  function checkLogs({ logs }: WritersResult): void {
    for (let writer = 0; writer < WRITERS; writer++) {
      const found = logs[writer % PARTITIONS]!.filter((value) => value.startsWith(`${writer}/`));
      expect(found).toEqual(Array.from({ length: REQUESTS_EACH }, (_, number) => `${writer}/${number}`));
    }
    expect(logs.reduce((sum, log) => sum + log.length, 0)).toBe(WRITERS * REQUESTS_EACH);
  }

  it('to one journal lose and double nothing, and fail nobody; with eight journals conflicts are fewer', async () => {
    const one = await run(1);
    checkLogs(one);
    expect(one.errors).toEqual([]);
    expect(one.commits).toBe(WRITERS * REQUESTS_EACH);
    const eight = await run(8);
    checkLogs(eight);
    expect(eight.errors).toEqual([]);
    expect(eight.commits).toBe(WRITERS * REQUESTS_EACH);
    expect(eight.conflicts).toBeLessThan(one.conflicts / 2);
  });
});
