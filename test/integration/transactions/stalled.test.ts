import { describe, expect, it } from 'vitest';
import { emptyStores, startEngine } from '../../support/engine.ts';
import { RawTransactor } from '../../support/raw-transactor.ts';
import { createTopic, fetch } from '../../support/requests.ts';

/** A process whose puts into journals wait, once `stall` was called, until they are let go. */
function stalling(stores: ReturnType<typeof emptyStores>) {
  let gate: Promise<void> | undefined;
  let arrived: () => void = () => {};
  const { journal } = stores;
  const put: typeof journal.put = async (item, condition, options) => {
    if (gate !== undefined) arrived();
    await gate;
    return journal.put(item, condition, options);
  };
  return {
    stores: {
      ...stores,
      journal: {
        now: () => journal.now(),
        get: journal.get.bind(journal),
        query: journal.query.bind(journal),
        delete: journal.delete.bind(journal),
        put,
      },
    },
    /** From now on; resolves with the first put that waits, and its result lets all go. */
    async stall(begin: () => void): Promise<() => void> {
      let open: () => void = () => {};
      gate = new Promise((resolve) => {
        open = resolve;
      });
      const waiting = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      begin();
      await waiting;
      return open;
    },
  };
}

describe('a batch that is verified, and put after the end of its transaction', () => {
  it.each([1, 2] as const)(
    'is refused in version %i, also if the partition has an earlier marker of the epoch',
    async (protocol) => {
      const stores = emptyStores();
      const engine = await startEngine({ stores });
      const slow = stalling(stores);
      const stalled = await startEngine({ stores: slow.stores });
      const topic = await createTopic(engine.client, 'orders');
      const producer = new RawTransactor(engine.client, 'tx', { protocol });
      const add = async () => {
        if (protocol === 1) expect(await producer.add(topic)).toEqual([0]);
      };
      expect(await producer.init()).toBe(0);
      await add();
      expect(await producer.send(topic, ['first'])).toMatchObject({ errorCode: 0 });
      expect(await producer.commit()).toBe(0);

      await add();
      const late = producer.copy(stalled.client);
      let answer: Promise<unknown> = Promise.resolve();
      const letGo = await slow.stall(() => {
        answer = late.send(topic, ['late']);
      });
      expect(await producer.abort()).toBe(0);
      letGo();
      expect(await answer).not.toMatchObject({ errorCode: 0 });
      const { highWatermark, lastStableOffset } = await fetch(engine.client, topic, { committed: true });
      expect(lastStableOffset).toBe(highWatermark);
    },
  );
});
