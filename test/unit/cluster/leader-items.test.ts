import { expect, it } from 'vitest';
import { LeaderItems } from '../../../lib/cluster/leader-items.ts';
import { systemRandom } from '../../../lib/core/random.ts';
import { LEADERS_PK } from '../../../lib/storage/items/leader.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

it('the epoch of a journal is told where a newer program has written its item', async () => {
  const clock = new VirtualClock();
  const { state } = memoryStores({ clock, random: systemRandom });
  const items = new LeaderItems({ state, clock, random: systemRandom, logger: { log: () => {} } });
  await items.put({ journal: 'topic/0', leaderEpoch: 3, leader: 7 });
  const newer = {
    pk: LEADERS_PK,
    sk: 'topic/1',
    version: 5,
    nonce: Buffer.alloc(16, 1).toString('hex'),
    body: Buffer.of(99),
  };
  expect((await state.put(newer, { kind: 'absent' }, { signBefore: Infinity, timeoutMs: 1_000 })).kind).toBe(
    'committed',
  );
  const both = new Map([
    ['topic/0', 3],
    ['topic/1', 5],
  ]);
  expect(await items.epochsOf('topic')).toEqual(both);
  expect(await items.allEpochs()).toEqual(both);
});
