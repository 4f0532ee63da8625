import { expect, it } from 'vitest';
import { noRequests, plus } from '../bench/costs/bill.ts';
import { GIB, runCase } from '../bench/costs/run.ts';

it('makes few requests for each GiB: two minutes at 1 MB/s, produced, sealed and read at the tail', async () => {
  const load = { recordsPerSecond: 1_000, recordsPerBatch: 16 };
  const figures = await runCase({ profile: 'default', load, durationMs: 120_000, withAfterlife: false });
  const gib = figures.producedBytes / GIB;
  const all = [...figures.requests.values()].reduce((sum, requests) => plus(sum, requests), noRequests());
  const { write, read, put, get, list } = plus(noRequests(), all, 1 / gib);
  expect(figures.consumedBytes / figures.producedBytes).toBeGreaterThan(0.99);
  // Ten percent above what it takes: 3,427, 8,281, 3,224, 71 and 0.
  expect(write).toBeLessThan(3_770);
  expect(read).toBeLessThan(9_110);
  expect(put).toBeLessThan(3_550);
  expect(get).toBeLessThan(78);
  expect(list).toBe(0);
});
