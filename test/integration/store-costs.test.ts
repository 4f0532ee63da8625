import { expect, it } from 'vitest';
import { CostMeter } from '../../lib/cost/meter.ts';
import { meterStores } from '../../lib/storage/metering.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { emptyStores, startEngine } from '../support/engine.ts';
import { GroupMember } from '../support/group-member.ts';
import { batchOf, createTopic, fetchRequest, produce } from '../support/requests.ts';
import { meteredUnits, WalkedBill } from '../support/walked-units.ts';

it('meters what a walk over all items counts: topics, batches of 10 B to 300 KB, reads, a group', async () => {
  const walked = new WalkedBill(emptyStores());
  const meter = new CostMeter();
  const stores = meterStores(walked.stores, meter);
  const first = await startEngine({ stores });
  const topic = await createTopic(first.client, 'orders', { partitions: 3 });
  for (const [index, bytes] of [10, 900, 1_100, 5_000, 40_000, 300_000].entries()) {
    const { errorCode } = await produce(first.client, topic, batchOf(['x'.repeat(bytes)]), { partition: index % 3 });
    expect(errorCode).toBe(0);
  }
  const member = new GroupMember(first.client, 'readers', { sessionTimeoutMs: 45_000, rebalanceTimeoutMs: 60_000 });
  expect((await member.enter()).synced.errorCode).toBe(0);
  await first.close();

  // Another process reads everything from the stores.
  const second = await startEngine({ stores });
  for (const partition of [0, 1, 2]) {
    const answer = await second.client.ask(ApiKey.Fetch, 12, fetchRequest(topic, { partition }));
    expect(answer.responses[0]!.partitions[0]!.errorCode).toBe(0);
  }
  await second.close();

  const counted = meteredUnits(meter);
  const causes = [...meter.byCause()].map(([cause]) => cause);
  expect(counted).toEqual(walked.units);
  expect(counted.get('journal write')).toBeGreaterThan(10);
  expect(causes).toEqual(expect.arrayContaining(['entries', 'topics', 'groups', 'WAL objects', 'due list']));
});
