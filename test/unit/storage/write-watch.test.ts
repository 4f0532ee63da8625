import { beforeEach, describe, expect, it } from 'vitest';
import type { GetResult, PutOutcome, Stores } from '../../../lib/storage/ports.ts';
import { StoreUnavailableError } from '../../../lib/storage/ports.ts';
import { SUSTAINED_OVER_NETWORK_MS, WriteWatch } from '../../../lib/storage/write-watch.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const ITEM = { pk: 'p', sk: 's', version: 1, nonce: 'n', body: Buffer.of(1) };
const LONG_MS = SUSTAINED_OVER_NETWORK_MS + 1;
const NEVER = () => Promise.reject(new Error('this call was not expected'));

let clock: VirtualClock;
/** The events of the log, each with its level. */
let log: string[];

beforeEach(() => {
  clock = new VirtualClock();
  log = [];
});

/** A table whose next calls end when the test ends them. */
function watched(sustainedMs: number) {
  const puts: ((outcome: PutOutcome) => void)[] = [];
  const gets: { resolve: (result: GetResult) => void; reject: (error: Error) => void }[] = [];
  const table = {
    now: () => clock.now(),
    get: () => new Promise<GetResult>((resolve, reject) => gets.push({ resolve, reject })),
    put: () => new Promise<PutOutcome>((resolve) => puts.push(resolve)),
    query: NEVER,
    delete: NEVER,
  };
  const blobs = { now: table.now, put: NEVER, getRange: NEVER, get: NEVER, delete: NEVER, list: NEVER };
  const stores: Stores = { journal: table, state: table, blobs, close: () => Promise.resolve() };
  const logger = { log: (level: string, { event }: { event: string }) => log.push(`${level} ${event}`) };
  const watch = new WriteWatch(clock, logger, 'look at it', sustainedMs);
  const { journal } = watch.watch(stores);
  const settled = () => clock.advance(0);
  return {
    watch,
    /** Begins a read; the function returned ends it. */
    read() {
      const read = journal.get('p', 's', true).catch(() => {});
      const at = gets.length - 1;
      return async (how: 'fails' | 'answers') => {
        if (how === 'fails') gets[at]!.reject(new StoreUnavailableError('socket hang up'));
        else gets[at]!.resolve({ item: undefined, storeTime: 0 });
        await read;
        await settled();
      };
    },
    write() {
      const write = journal.put(ITEM, { kind: 'absent' });
      const at = puts.length - 1;
      return async (outcome: PutOutcome) => {
        puts[at]!(outcome);
        await write;
        await settled();
      };
    },
  };
}

const UNAVAILABLE: PutOutcome = { kind: 'refused', reason: 'unavailable', message: 'no route' };
const COMMITTED: PutOutcome = { kind: 'committed', storeTime: 0 };

describe('a store over a network', () => {
  it('is reported once reads have failed for long enough', async () => {
    const store = watched(SUSTAINED_OVER_NETWORK_MS);
    await store.read()('fails');
    await clock.advance(LONG_MS / 2);
    await store.read()('fails');
    expect(log).toEqual([]);
    await clock.advance(LONG_MS / 2 + 1);
    await store.read()('fails');
    expect(log).toEqual(['error store_failing']);
  });

  it('is not reported for calls that a pause of this process broke together', async () => {
    const store = watched(SUSTAINED_OVER_NETWORK_MS);
    const before = store.read();
    const paused = [store.read(), store.read()];
    await before('fails');
    await clock.advance(5_000);
    for (const read of paused) await read('fails');
    expect(log).toEqual([]);
    // The first calls after the pause fail on connections that ended meanwhile.
    const after = [store.read(), store.read(), store.read()];
    for (const read of after) await read('fails');
    expect(log).toEqual([]);
    await store.read()('answers');
    await clock.advance(LONG_MS);
    await store.read()('fails');
    expect(log).toEqual([]);
  });

  it('is not reported for two failures with a long silence between them', async () => {
    const store = watched(SUSTAINED_OVER_NETWORK_MS);
    await store.read()('fails');
    await clock.advance(10 * 60_000);
    await store.read()('fails');
    expect(log).toEqual([]);
  });

  it('takes no writes until one succeeds', async () => {
    const store = watched(SUSTAINED_OVER_NETWORK_MS);
    for (let call = 0; call < 2; call++) {
      await store.write()(UNAVAILABLE);
      expect(store.watch.problem).toBeUndefined();
      await clock.advance(LONG_MS);
    }
    await store.write()(UNAVAILABLE);
    expect(store.watch.problem).toBe('the store takes no writes: no route');
    await store.write()(COMMITTED);
    expect(store.watch.problem).toBeUndefined();
    expect(log).toEqual(['error store_failing', 'info store_recovered']);
  });
});

describe('a store on the local disk', () => {
  it('is reported at the first failure', async () => {
    const store = watched(0);
    await store.write()(UNAVAILABLE);
    expect(store.watch.problem).toBe('the store takes no writes: no route');
    expect(log).toEqual(['error store_failing']);
  });
});
