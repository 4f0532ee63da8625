import type { Random } from '../../lib/core/random.ts';
import type { LatencyModel, StoreCall } from '../../lib/storage/memory/faults.ts';

/** Median and spread (sigma of the logarithm) of an answer's time, ms. */
interface Distribution {
  readonly median: number;
  readonly sigma: number;
}

/** DynamoDB from a function: PutItem p50 7.5, p99 16 ms; reads are somewhat faster. S3: a small PUT 50 to 100 ms, a GET 100 to 200. */
const ITEM_WRITE: Distribution = { median: 7.5, sigma: 0.33 };
const ITEM_READ: Distribution = { median: 5, sigma: 0.33 };
const BLOB_WRITE: Distribution = { median: 70, sigma: 0.25 };
const BLOB_READ: Distribution = { median: 140, sigma: 0.2 };

/** The share of an answer's time that passes before the store acts. */
const WAY_THERE = 0.5;

/** Answer times as measured on AWS. */
export const awsLatency: LatencyModel = (call, random) => {
  const { median, sigma } = distributionOf(call);
  const total = median * Math.exp(sigma * normal(random));
  return { beforeMs: total * WAY_THERE, afterMs: total * (1 - WAY_THERE) };
};

function distributionOf(call: StoreCall): Distribution {
  const writes = call.operation === 'put' || call.operation === 'delete';
  if (call.store === 'blobs') return writes ? BLOB_WRITE : BLOB_READ;
  return writes ? ITEM_WRITE : ITEM_READ;
}

/** Standard normal, near enough: the sum of four uniform draws, scaled. */
function normal(random: Random): number {
  return (random.next() + random.next() + random.next() + random.next() - 2) * Math.sqrt(3);
}
