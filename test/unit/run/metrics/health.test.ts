import { beforeEach, expect, it } from 'vitest';
import { Health } from '../../../../lib/run/metrics/health.ts';
import { memoryStores } from '../../../../lib/storage/memory/memory-stores.ts';
import type { GetResult, ItemStore } from '../../../../lib/storage/ports.ts';
import { StoreUnavailableError } from '../../../../lib/storage/ports.ts';
import { seededRandom } from '../../../support/seeded-random.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const LISTENERS = { PLAINTEXT: '127.0.0.1:9092' };
const OK = { status: 'ok', listeners: LISTENERS };

let clock: VirtualClock;
let asked: number;
/** What the store does when it is asked. */
let answer: (get: () => Promise<GetResult>) => Promise<GetResult>;
let health: Health;

beforeEach(() => {
  clock = new VirtualClock();
  asked = 0;
  answer = (get) => get();
  const { state } = memoryStores({ clock, random: seededRandom(1) });
  const watched: ItemStore = {
    now: () => state.now(),
    query: (request) => state.query(request),
    put: (item, condition, options) => state.put(item, condition, options),
    delete: (pk, sk, version, options) => state.delete(pk, sk, version, options),
    get: (pk, sk, consistent) => {
      asked++;
      return answer(() => state.get(pk, sk, consistent));
    },
  };
  health = new Health(watched, clock);
});

it('is starting until the listeners are open, and draining once it was told', async () => {
  expect(await health.check()).toMatchObject({ status: 'starting' });
  health.opened(LISTENERS);
  expect(await health.check()).toEqual(OK);
  health.draining();
  expect(await health.check()).toMatchObject({ status: 'draining' });
  expect(asked).toBe(1);
});

it('asks the store once a second at most, and once for all who ask together', async () => {
  health.opened(LISTENERS);
  expect(await Promise.all([health.check(), health.check(), health.check()])).toEqual([OK, OK, OK]);
  await clock.advance(999);
  await health.check();
  expect(asked).toBe(1);
  await clock.advance(1);
  await health.check();
  expect(asked).toBe(2);
});

it('says what the store said, and forgets it when the store answers again', async () => {
  health.opened(LISTENERS);
  answer = () => Promise.reject(new StoreUnavailableError('no route'));
  expect(await health.check()).toEqual({
    status: 'unavailable',
    reason: 'the store does not answer: no route',
  });
  answer = (get) => get();
  await clock.advance(1_000);
  expect(await health.check()).toEqual(OK);
});

it('does not wait for a silent store', async () => {
  health.opened(LISTENERS);
  answer = () => new Promise(() => {});
  const checked = health.check();
  await clock.advance(2_000);
  expect(await checked).toEqual({ status: 'unavailable', reason: 'the store did not answer within 2000 ms' });
});

it('is draining when that began while the store was asked', async () => {
  health.opened(LISTENERS);
  answer = async (get) => {
    health.draining();
    return get();
  };
  expect(await health.check()).toMatchObject({ status: 'draining' });
});
