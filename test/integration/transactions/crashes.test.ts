import { expect, it } from 'vitest';
import { aroundCalls } from '../../../lib/storage/around-calls.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { emptyStores, startEngine } from '../../support/engine.ts';
import { RawTransactor } from '../../support/raw-transactor.ts';
import { readCommitted } from '../../support/read-committed.ts';
import { createTopic } from '../../support/requests.ts';

/** More than an end makes: two puts on the item, and query, read and entry in each of two journals. */
const CALLS_MAX = 12;

it.each([1, 2] as const)(
  'an end of version %i that stops at any call to the store is ended by another process',
  async (protocol) => {
    const outcomes: number[] = [];
    for (let stopAt = 1; stopAt <= CALLS_MAX; stopAt++) {
      const stores = emptyStores();
      let left = Number.POSITIVE_INFINITY;
      const dying = aroundCalls(stores, () => {
        if (left-- <= 0) throw new StoreUnavailableError('the process is gone');
        return () => {};
      });
      const engine = await startEngine({ stores: dying });
      const topic = await createTopic(engine.client, 'orders', { partitions: 2, configs: { 'tidelog.journals': '2' } });
      const one = new RawTransactor(engine.client, 't', { protocol });
      await one.init();
      if (protocol === 1) await one.add(topic, [0, 1]);
      await one.send(topic, ['a']);
      await one.send(topic, ['b'], 1);
      left = stopAt - 1;
      void one
        .copy()
        .commit()
        .catch(() => {});
      const next = await startEngine({ stores });
      const again = one.copy(next.client);
      outcomes.push(await again.commit());
      expect(await readCommitted(next.client, topic)).toEqual(['a']);
      expect(await readCommitted(next.client, topic, { partition: 1 })).toEqual(['b']);
    }
    expect(outcomes).toEqual(Array.from({ length: CALLS_MAX }, () => 0));
  },
);
