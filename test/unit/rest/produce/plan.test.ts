import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { partitionForKey } from '../../../../lib/records/murmur2.ts';
import { planBatches, type RecordToProduce } from '../../../../lib/rest/produce/plan.ts';

const record = (given: Partial<RecordToProduce> = {}): RecordToProduce => ({
  partition: undefined,
  key: null,
  value: Buffer.from('v'),
  headers: [],
  timestamp: undefined,
  ...given,
});

describe('the batches of a request', () => {
  it("follow Kafka's partitioner, the named partition, or the sticky one", () => {
    const key = Buffer.from('customer-7');
    const plan = planBatches([record({ key }), record({ partition: 2, key }), record()], 5, 4, 1_000);
    expect(plan.misplaced).toEqual([]);
    expect(plan.partitions).toEqual(
      expect.arrayContaining([
        { partition: partitionForKey(key, 5), batches: expect.arrayContaining([expect.arrayContaining([0])]) },
        { partition: 2, batches: expect.anything() },
        { partition: 4, batches: [[2]] },
      ]),
    );
  });

  it('have every record once, in its order, and no batch larger than it may be', () => {
    const records = fc.array(
      fc.record({ partition: fc.option(fc.integer({ min: -1, max: 3 }), { nil: undefined }), size: fc.nat(300) }),
    );
    fc.assert(
      fc.property(records, (given) => {
        const all = given.map(({ partition, size }) => record({ partition, value: Buffer.alloc(size) }));
        const { partitions, misplaced } = planBatches(all, 3, 1, 400);
        const positions = partitions.flatMap(({ batches }) => batches.flat());
        expect([...positions, ...misplaced].sort((a, b) => a - b)).toEqual(all.map((_, at) => at));
        for (const { partition, batches } of partitions) {
          const own = batches.flat();
          expect(own).toEqual([...own].sort((a, b) => a - b));
          for (const batch of batches) {
            const bytes = batch.reduce((sum, at) => sum + all[at]!.value!.length + 32, 61);
            expect(batch.length === 1 || bytes <= 400).toBe(true);
            for (const at of batch) expect(all[at]!.partition ?? 1).toBe(partition);
          }
        }
        for (const at of misplaced) expect([-1, 3]).toContain(all[at]!.partition);
      }),
    );
  });
});
