import { beforeEach, describe, expect, it } from 'vitest';
import { errorCode } from '../../../lib/core/errors.ts';
import { silentLogger } from '../../../lib/core/logger.ts';
import { WAITING_PACES } from '../../../lib/doors/tunnel/pace.ts';
import { TailWatch } from '../../../lib/doors/tunnel/tail-watch.ts';
import type { CallOutcome, Transport } from '../../../lib/doors/tunnel/transport.ts';
import { tunnelHandler } from '../../../lib/doors/tunnel/tunnel.ts';
import type { Wake } from '../../../lib/run/wake.ts';
import { type MemoryStores, memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { bodyOf } from '../../support/function-calls.ts';
import { clientOf, type Functions, LAMBDA_CONTEXT, startFunctions } from '../../support/functions.ts';
import { EngineClient, type KafkaClient } from '../../support/kafka-client.ts';
import { fetchOffsets, offsetsIn } from '../../support/offset-requests.ts';
import { prepareCommit } from '../../support/prepared-transaction.ts';
import { RawTransactor } from '../../support/raw-transactor.ts';
import { batchOf, createTopic, fetch, produce, type TopicName } from '../../support/requests.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { settledInTurns } from '../../support/settled-on.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const T0 = 1_700_000_000_000;
const TIMEOUT_MS = 60_000;
const GRACE_MS = 10_000;
const MINUTE_MS = 60_000;
const SEAL_CONTEXT = { ...LAMBDA_CONTEXT, getRemainingTimeInMillis: () => 15 * MINUTE_MS };

/** From a wake to the first line of a cold function; ms. */
const COLD_START_MS = 1_500;

let clock: VirtualClock;
let stores: MemoryStores;
let functions: Functions;
let sealing: Functions;
/** The events of wakes. */
let wakes: (object | undefined)[];
let wake: Wake;
let topic: TopicName;
let abandoned: RawTransactor;

beforeEach(async () => {
  clock = new VirtualClock(T0);
  stores = memoryStores({ clock, random: seededRandom(1) });
  wakes = [];
  wake = async (left) => {
    clock.setTimer(COLD_START_MS, () => void sealing.seal({ tidelog: 'seal', ...left }, SEAL_CONTEXT));
    return { kind: 'woken' };
  };
  functions = cold();
  sealing = cold();
  topic = await inTime(createTopic(clientOf(functions), 'orders'));
  abandoned = new RawTransactor(clientOf(functions), 'abandoned', { timeoutMs: TIMEOUT_MS, timestamp: T0 });
  expect(await inTime(abandoned.init())).toBe(0);
  expect(await inTime(abandoned.send(topic, ['never']))).toMatchObject({ errorCode: 0 });
});

/** New instances of all functions. */
function cold(): Functions {
  const noted: Wake = (left) => {
    wakes.push(left);
    return wake(left);
  };
  return startFunctions({ stores, clock, wake: noted });
}

const inTime = <T>(work: Promise<T>) => settledInTurns(clock, work);

interface Way {
  readonly profile: 'latency' | 'default' | 'cost';
  /** The tunnel looks at the journals itself. */
  readonly tails: boolean;
  /** Calls of a function reach one after the other of so many instances. */
  readonly instances: number;
}

/** A client of a tunnel, and how many calls of `fetch` it has taken. */
function throughTunnel({ profile, tails, instances }: Way): { client: KafkaClient; fetches(): number } {
  const all = Array.from({ length: instances }, cold);
  const calls: string[] = [];
  const transport: Transport = {
    target: 'simulated',
    permission: 'none',
    describe: (name) => name,
    close: () => {},
    async call(name, envelope): Promise<CallOutcome> {
      calls.push(name);
      const event = { tidelog: 'frames', body: envelope.toString('base64') };
      const answer = await all[calls.length % instances]!.handlers[name](event, LAMBDA_CONTEXT);
      return { kind: 'answered', body: bodyOf(answer) };
    },
  };
  const handle = tunnelHandler({
    ...{ transport, clock, random: seededRandom(2), logger: silentLogger, transactionVersion: 2 },
    advertised: () => ({ host: 'localhost', port: 9092 }),
    pace: { intervalMs: 0, flights: 2 },
    waiting: WAITING_PACES[profile]!,
    ...(tails && { tails: new TailWatch(stores.journal, silentLogger) }),
  });
  return { client: new EngineClient(handle), fetches: () => calls.filter((name) => name === 'fetch').length };
}

/** Asks again and again, as a consumer does, until `isFree`; how long it took, ms. */
async function heldFor(ask: () => Promise<boolean>, pauseMs = 0): Promise<number> {
  const since = clock.monotonic();
  while (!(await inTime(ask()))) {
    if (pauseMs > 0) await clock.advance(pauseMs);
    if (clock.monotonic() - since > 10 * MINUTE_MS) return Number.POSITIVE_INFINITY;
  }
  return clock.monotonic() - since;
}

const isReadable = (client: KafkaClient) => async () =>
  Number((await fetch(client, topic, { committed: true, maxWaitMs: 500 })).lastStableOffset) > 0;

const seal = async (event: object = { tidelog: 'seal' }) => inTime(sealing.seal(event, SEAL_CONTEXT));

const statusOf = async () => {
  const { stored } = await storedOf();
  return stored?.state.status;
};

async function storedOf() {
  const { TransactionItems } = await import('../../../lib/transactions/transaction-items.ts');
  const items = new TransactionItems({ state: stores.state, clock, random: seededRandom(3) });
  return { stored: await inTime(items.read('abandoned')) };
}

describe('a reader behind the function fetch', () => {
  const ways: Way[] = [
    { profile: 'default', tails: true, instances: 1 },
    { profile: 'default', tails: false, instances: 1 },
    { profile: 'cost', tails: true, instances: 3 },
    { profile: 'latency', tails: false, instances: 3 },
  ];

  it.each(ways)('is held up at most ten seconds longer than the time-out: %o', async (way) => {
    const { client } = throughTunnel(way);
    const ms = await heldFor(isReadable(client));
    expect(ms).toBeGreaterThan(TIMEOUT_MS);
    expect(ms).toBeLessThanOrEqual(TIMEOUT_MS + GRACE_MS);
    // Each instance that is asked before the end has come.
    expect(wakes.length).toBeLessThanOrEqual(way.instances);
    expect(wakes[0]).toEqual({ producers: [abandoned.producerId] });
    expect(await statusOf()).toBe('CompleteAbort');
  });

  it('is held up no longer if others write to the journal all the time', async () => {
    const { client } = throughTunnel({ profile: 'default', tails: true, instances: 3 });
    let isOver = false;
    const write = async () => {
      const batch = batchOf(['other'], { timestamp: clock.now() });
      await produce(clientOf(functions), topic, batch);
      if (!isOver) clock.setTimer(700, () => void write());
    };
    await inTime(write());
    const ms = await heldFor(isReadable(client));
    isOver = true;
    expect(ms).toBeGreaterThan(TIMEOUT_MS - 1_000);
    expect(ms).toBeLessThanOrEqual(TIMEOUT_MS + GRACE_MS);
  });

  it('that comes late waits for the end only', async () => {
    await clock.advance(5 * MINUTE_MS);
    const { client } = throughTunnel({ profile: 'default', tails: true, instances: 1 });
    expect(await heldFor(isReadable(client))).toBeLessThan(5_000);
  });

  it('has a transaction finished whose process died while it ended it', async () => {
    await inTime(prepareCommit(stores, clock, abandoned));
    const { client } = throughTunnel({ profile: 'default', tails: true, instances: 1 });
    expect(await heldFor(isReadable(client))).toBeLessThanOrEqual(GRACE_MS + COLD_START_MS);
    expect(await statusOf()).toBe('CompleteCommit');
  });

  it('asks again if the first call came to nothing', async () => {
    const answered = wake;
    let isFirst = true;
    wake = async (left) => {
      if (!isFirst) return answered(left);
      isFirst = false;
      return { kind: 'failed', message: '500' };
    };
    const { client } = throughTunnel({ profile: 'default', tails: true, instances: 1 });
    expect(await heldFor(isReadable(client))).toBeLessThanOrEqual(TIMEOUT_MS + GRACE_MS);
    expect(wakes).toHaveLength(2);
  });

  it('costs a call in ten seconds while it waits for the time-out', async () => {
    const { client, fetches } = throughTunnel({ profile: 'default', tails: true, instances: 1 });
    await heldFor(isReadable(client));
    expect(fetches()).toBeLessThanOrEqual(12);
  });

  it('asks for nothing if it reads what is not committed', async () => {
    const { client } = throughTunnel({ profile: 'default', tails: true, instances: 1 });
    for (let count = 0; count < 200; count++) await inTime(fetch(client, topic, { offset: 1, maxWaitMs: 500 }));
    expect(clock.monotonic()).toBeGreaterThan(TIMEOUT_MS + GRACE_MS);
    expect(wakes).toEqual([]);
  });
});

describe('a reader of stable offsets behind the function coordinate', () => {
  const isStable = (client: KafkaClient) => async () => {
    const [offset] = offsetsIn(await fetchOffsets(client, 'readers', topic, [0], { requireStable: true }));
    return offset !== `error ${errorCode('UNSTABLE_OFFSET_COMMIT')}`;
  };

  it('is held up at most ten seconds longer than the time-out', async () => {
    expect(await inTime(abandoned.addOffsets('readers'))).toBe(0);
    expect(await inTime(abandoned.commitOffsets('readers', topic, { 0: 1 }))).toEqual([0]);
    const { client } = throughTunnel({ profile: 'default', tails: true, instances: 2 });
    const ms = await heldFor(isStable(client), 100);
    expect(ms).toBeGreaterThan(TIMEOUT_MS);
    expect(ms).toBeLessThanOrEqual(TIMEOUT_MS + GRACE_MS);
    expect(await statusOf()).toBe('CompleteAbort');
  });
});

describe('the function seal', () => {
  it('aborts what nobody reads, when its journal is due', async () => {
    // The journal is on the list since its first batch, for the time of its seal.
    for (let hour = 0; hour < 2; hour++) {
      await clock.advance(60 * MINUTE_MS);
      await seal();
    }
    expect(await statusOf()).toBe('CompleteAbort');
    expect(wakes).toEqual([]);
  });

  it('keeps a journal on its list while a transaction is open there', async () => {
    await clock.advance(30 * MINUTE_MS);
    expect(await inTime(abandoned.abort())).toBe(0);
    await clock.advance(30 * MINUTE_MS - 10_000);
    // Begins just before the look, and is in the seal.
    expect(await inTime(abandoned.send(topic, ['again']))).toMatchObject({ errorCode: 0 });
    await clock.advance(20_000);
    await seal();
    expect(await statusOf()).toBe('Ongoing');
    await clock.advance(TIMEOUT_MS);
    await seal();
    expect(await statusOf()).toBe('CompleteAbort');
  });

  it('reads nothing of transactions while none is open', async () => {
    expect(await inTime(abandoned.abort())).toBe(0);
    await clock.advance(60 * MINUTE_MS + 1_000);
    const keys: string[] = [];
    const watched = stores.client({
      faults: ({ key }) => {
        keys.push(key);
        return undefined;
      },
    });
    const ofTransactions = () => keys.filter((key) => /^(transaction|producer)\//.test(key));
    const other = startFunctions({ stores: watched, clock });
    await inTime(other.seal({ tidelog: 'seal' }, SEAL_CONTEXT));
    expect(keys).toContain('due');
    expect(ofTransactions()).toEqual([]);
    expect(await inTime(abandoned.send(topic, ['again']))).toMatchObject({ errorCode: 0 });
    await clock.advance(60 * MINUTE_MS + 1_000);
    await inTime(other.seal({ tidelog: 'seal' }, SEAL_CONTEXT));
    expect(ofTransactions()).not.toEqual([]);
  });

  it('ends the transactions of the producers that an event names, and nothing else', async () => {
    await clock.advance(TIMEOUT_MS - 1_000);
    const event = { tidelog: 'seal', producers: [abandoned.producerId, 4_711] };
    expect(await seal(event)).toEqual({ upkeep: { met: 2, open: 1 } });
    await clock.advance(2_000);
    expect(await seal(event)).toEqual({ upkeep: { met: 2, open: 0 } });
    expect(await statusOf()).toBe('CompleteAbort');
  });

  it('refuses an event with anything else for producers', async () => {
    for (const producers of [[-1], ['1'], 1, Array.from({ length: 1_001 }, (_, id) => id)]) {
      expect(await seal({ tidelog: 'seal', producers })).toMatchObject({ error: { status: 400 } });
    }
  });
});
