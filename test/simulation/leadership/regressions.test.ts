import { expect, it } from 'vitest';
import { LeaderItems } from '../../../lib/cluster/leader-items.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import type { ItemStore, QueryPage } from '../../../lib/storage/ports.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

/** Each of these was a bug that the simulation found (docs/RELIABILITY.md has the seeds). */

it('what was read of epochs before does not replace what was read later', async () => {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const { state } = memoryStores({ clock, random });
  const held: (() => void)[] = [];
  // Answers come once they are let go, in whatever order, with what was there when they were asked for.
  const slow: ItemStore = {
    now: () => state.now(),
    get: (pk, sk, consistent) => state.get(pk, sk, consistent),
    put: (item, condition, options) => state.put(item, condition, options),
    delete: (pk, sk, version, options) => state.delete(pk, sk, version, options),
    async query(request): Promise<QueryPage> {
      const page = await state.query(request);
      await new Promise<void>((resolve) => held.push(resolve));
      return page;
    },
  };
  const items = new LeaderItems({ state: slow, clock, random, logger: { log: () => {} } });
  const journal = 'topic/0';
  await items.put({ journal, leaderEpoch: 1, leader: 1 });
  const early = items.allEpochs();
  await clock.advance(1);
  await items.put({ journal, leaderEpoch: 2, leader: 2 });
  const late = items.epochsOf('topic');
  await clock.advance(1);
  held[1]!();
  expect((await late).get(journal)).toBe(2);
  held[0]!();
  expect((await early).get(journal)).toBe(2);
});
