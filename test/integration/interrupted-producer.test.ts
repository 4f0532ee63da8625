import { expect, it } from 'vitest';
import { errorCode } from '../../lib/core/errors.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { Codec } from '../../lib/records/compression/codec.ts';
import { encodeBatch } from '../../lib/records/encode.ts';
import type { Fault, StoreCall } from '../../lib/storage/memory/faults.ts';
import { memoryStores } from '../../lib/storage/memory/memory-stores.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { startEngine } from '../support/engine.ts';
import { batchOf, createTopic, fetch, produceRequest, type TopicName, valuesIn } from '../support/requests.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const VERSION = 12;

/** Takes some turns of the event loop to open; bytes. */
const LARGE = 20 * 1024 * 1024;

/** A process that stands still now and then: its clock jumps ahead of its timers. */
async function world() {
  const virtual = new VirtualClock();
  const stall = { ms: 0 };
  const clock = {
    now: () => virtual.now(),
    monotonic: () => virtual.monotonic() + stall.ms,
    setTimer: (delayMs: number, callback: () => void) => virtual.setTimer(delayMs, callback),
  };
  const trouble: { faults: (call: StoreCall) => Fault | undefined } = { faults: () => undefined };
  const shared = memoryStores({ clock: virtual, random: systemRandom });
  const topic = await createTopic((await startEngine({ stores: shared, clock: virtual })).client, 'orders');
  const engine = await startEngine({ stores: shared.client({ faults: (call) => trouble.faults(call) }), clock });
  const batch = (value: string, baseSequence?: number) => {
    const producer = baseSequence === undefined ? {} : { producerId: 7, producerEpoch: 0, baseSequence };
    return batchOf([value], { timestamp: virtual.now(), ...producer });
  };
  const send = async (to: TopicName, records: Buffer, timeoutMs: number): Promise<number> => {
    const request = { ...produceRequest(to, records), timeoutMs };
    const { responses } = await engine.client.ask(ApiKey.Produce, VERSION, request);
    return responses[0]!.partitionResponses[0]!.errorCode;
  };
  const finish = async <T>(work: Promise<T>): Promise<T> => {
    let done = false;
    void work.finally(() => {
      done = true;
    });
    await virtual.runUntil(() => done, 60_000);
    return work;
  };
  return { stall, trouble, engine, topic, batch, send, finish };
}

it('a batch behind one that expires in its group does not get in as the first of its producer', async () => {
  const { stall, trouble, engine, topic, batch, send, finish } = await world();
  let puts = 0;
  trouble.faults = ({ store, operation }) => {
    if (store !== 'journal' || operation !== 'put') return undefined;
    // While the first batch is tried a second time, those behind it wait in one group, and the process stands still.
    if (++puts === 2) stall.ms = 5_000;
    return puts <= 2 ? { refuse: 'throttled' } : undefined;
  };
  const errors = await finish(
    Promise.all([
      send(topic, batch('before'), 30_000),
      send(topic, batch('first', 0), 1_000),
      send(topic, batch('second', 1), 30_000),
    ]),
  );
  expect(errors).toEqual([0, errorCode('REQUEST_TIMED_OUT'), errorCode('OUT_OF_ORDER_SEQUENCE_NUMBER')]);
  const again = [
    await finish(send(topic, batch('first', 0), 30_000)),
    await finish(send(topic, batch('second', 1), 30_000)),
  ];
  expect(again).toEqual([0, 0]);
  expect(valuesIn((await fetch(engine.client, topic)).records)).toEqual(['before', 'first', 'second']);
});

it('a batch behind one whose journal could not be read does not get in as the first of its producer', async () => {
  const { trouble, engine, topic, batch, send, finish } = await world();
  trouble.faults = ({ store, operation }) => {
    if (store !== 'journal' || operation !== 'query') return undefined;
    trouble.faults = () => undefined;
    return { refuse: 'unavailable' };
  };
  const errors = await finish(
    Promise.all([send(topic, batch('first', 0), 30_000), send(topic, batch('second', 1), 30_000)]),
  );
  expect(errors).toEqual([errorCode('KAFKA_STORAGE_ERROR'), errorCode('OUT_OF_ORDER_SEQUENCE_NUMBER')]);
  expect(await finish(send(topic, batch('first', 0), 30_000))).toBe(0);
  expect(valuesIn((await fetch(engine.client, topic)).records)).toEqual(['first']);
});

it('a batch behind one that takes too long to open does not get in as the first of its producer', async () => {
  const { stall, engine, topic, batch, send, finish } = await world();
  expect(await finish(send(topic, batch('before'), 30_000))).toBe(0);
  const sequence = { producerId: 7, producerEpoch: 0, baseSequence: 0 };
  const first = encodeBatch([{ timestamp: engine.broker.clock.now(), value: Buffer.alloc(LARGE) }], {
    ...sequence,
    codec: Codec.lz4,
  });
  const sent = [send(topic, first, 1_000), send(topic, batch('second', 1), 30_000)];
  // The first one is being opened by now, a share in each turn of the event loop.
  stall.ms = 5_000;
  expect(await finish(Promise.all(sent))).toEqual([
    errorCode('REQUEST_TIMED_OUT'),
    errorCode('OUT_OF_ORDER_SEQUENCE_NUMBER'),
  ]);
  expect(await finish(send(topic, first, 30_000))).toBe(0);
  expect(await finish(send(topic, batch('second', 1), 30_000))).toBe(0);
});
