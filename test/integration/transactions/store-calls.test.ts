import { beforeEach, expect, it } from 'vitest';
import { type Engine, startEngine } from '../../support/engine.ts';
import { RawTransactor } from '../../support/raw-transactor.ts';
import { batchOf, createTopic, produce, type TopicName } from '../../support/requests.ts';

/** The calls that docs/TRANSACTIONS.md states, in a process that knows the topics and the items. */
let engine: Engine;
let topic: TopicName;
let transactor: RawTransactor;

const JOURNALS = 3;

beforeEach(async () => {
  engine = await startEngine();
  topic = await createTopic(engine.client, 'counted', {
    partitions: JOURNALS,
    configs: { 'tidelog.journals': `${JOURNALS}` },
  });
  for (let partition = 0; partition < JOURNALS; partition++) {
    await produce(engine.client, topic, batchOf(['warm']), { partition });
  }
});

async function started(protocol: 1 | 2): Promise<void> {
  transactor = new RawTransactor(engine.client, 't', { protocol });
  expect(await transactor.init()).toBe(0);
  engine.meter.reset();
}

function calls(): Record<string, number> {
  const counts = { ...engine.meter.counts() };
  engine.meter.reset();
  return counts;
}

it('version 2: one put on the item for the first batch, one put of the entry for each', async () => {
  await started(2);
  await transactor.send(topic, ['first']);
  expect(calls()).toEqual({ 'journal.query': 1, 'state.put': 1, 'journal.put': 1 });
  for (let count = 0; count < 3; count++) {
    await transactor.send(topic, ['next']);
    expect(calls()).toEqual({ 'journal.put': 1 });
  }
});

it('version 1: one put for AddPartitionsToTxn, one read for the first batch', async () => {
  await started(1);
  expect(await transactor.add(topic, [0, 1, 2])).toEqual([0, 0, 0]);
  expect(calls()).toEqual({ 'state.put': 1 });
  await transactor.send(topic, ['first']);
  expect(calls()).toEqual({ 'journal.query': 1, 'state.get': 1, 'journal.put': 1 });
  await transactor.send(topic, ['next']);
  expect(calls()).toEqual({ 'journal.put': 1 });
});

it.each([1, 2] as const)(
  'the end of version %i: two puts on the item, and per journal two reads and an entry',
  async (protocol) => {
    await started(protocol);
    if (protocol === 1) await transactor.add(topic, [0, 1, 2]);
    for (let partition = 0; partition < JOURNALS; partition++) await transactor.send(topic, ['x'], partition);
    engine.meter.reset();
    expect(await transactor.commit()).toBe(0);
    expect(calls()).toEqual({
      'state.put': 2,
      'state.get': JOURNALS,
      'journal.query': JOURNALS,
      'journal.put': JOURNALS,
    });
  },
);

it('an idempotent or plain batch costs no call more', async () => {
  await started(2);
  await produce(engine.client, topic, batchOf(['plain']));
  expect(calls()).toEqual({ 'journal.put': 1 });
  const { producerId } = transactor;
  await produce(
    engine.client,
    topic,
    batchOf(['x'], { producerId: producerId + 1, producerEpoch: 0, baseSequence: 0 }),
  );
  expect(calls()).toEqual({ 'journal.put': 1 });
});
