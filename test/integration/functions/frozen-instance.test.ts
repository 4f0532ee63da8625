import { expect, it } from 'vitest';
import { LeaderItems } from '../../../lib/cluster/leader-items.ts';
import { silentLogger } from '../../../lib/core/logger.ts';
import { systemRandom } from '../../../lib/core/random.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { startEngine } from '../../support/engine.ts';
import { startFunctions } from '../../support/functions.ts';
import { createTopic } from '../../support/requests.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const HOUR_MS = 60 * 60 * 1000;

it('an instance that was frozen believes nothing that it remembered of leaders', async () => {
  const virtual = new VirtualClock(1_700_000_000_000);
  const frozen = { ms: 0 };
  // A frozen instance's monotonic clock may stand still; its wall clock is set right at the thaw.
  const clock = {
    now: () => virtual.now() + frozen.ms,
    monotonic: () => virtual.monotonic(),
    setTimer: (delayMs: number, callback: () => void) => virtual.setTimer(delayMs, callback),
  };
  const stores = memoryStores({ clock: virtual, random: systemRandom });
  const { client } = await startEngine({ stores, clock: virtual });
  const { name, id } = await createTopic(client, 'orders');
  const functions = startFunctions({ stores, clock });
  const epoch = async () => {
    const request = { topics: [{ name }], allowAutoTopicCreation: false };
    let done = false;
    const asked = functions.ask(ApiKey.Metadata, 12, request).finally(() => {
      done = true;
    });
    while (!done) {
      await virtual.advance(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { topics } = await asked;
    return topics[0]!.partitions[0]!.leaderEpoch;
  };
  expect(await epoch()).toBe(0);
  const items = new LeaderItems({ state: stores.state, clock: virtual, random: systemRandom, logger: silentLogger });
  await items.put({ journal: `${id}/0`, leaderEpoch: 1, leader: 3 });
  frozen.ms = HOUR_MS;
  expect(await epoch()).toBe(1);
});
