import { expect, it } from 'vitest';
import { PRODUCER_EXPIRATION_MS, type ProducerState } from '../../../lib/journal/producers.ts';
import { emptyPartition, emptyView } from '../../../lib/journal/view.ts';
import { activeProducers } from '../../../lib/log/describe-producers.ts';

const NOW = 10 * PRODUCER_EXPIRATION_MS;
const batch = (lastSequence: number, timestamp: number) => ({
  ...{ baseSequence: lastSequence, lastSequence, baseOffset: lastSequence, timestamp },
});
const state = (fields: Partial<ProducerState>): ProducerState => ({
  ...{ epoch: 0, batches: [], lastTime: NOW, transactionStart: -1 },
  ...fields,
});

function describe(producers: [number, ProducerState][]) {
  const partition = { ...emptyPartition(3), producers: new Map(producers) };
  return activeProducers({ ...emptyView('topic/0'), partitions: new Map([[3, partition]]) }, 3, NOW);
}

it('has the newest batch of each producer, by id', () => {
  const two = state({ epoch: 4, batches: [batch(7, 500), batch(9, 600)], transactionStart: 12 });
  expect(
    describe([
      [5, two],
      [2, state({})],
    ]),
  ).toEqual([
    { producerId: 2, producerEpoch: 0, lastSequence: -1, lastTimestamp: NOW, transactionStart: -1 },
    { producerId: 5, producerEpoch: 4, lastSequence: 9, lastTimestamp: 600, transactionStart: 12 },
  ]);
});

it('leaves out a producer that counts as forgotten, but not one with an open transaction', () => {
  const silent = { lastTime: NOW - PRODUCER_EXPIRATION_MS - 1 };
  const ids = describe([
    [1, state(silent)],
    [2, state({ lastTime: NOW - PRODUCER_EXPIRATION_MS })],
    [3, state({ ...silent, transactionStart: 0 })],
  ]).map(({ producerId }) => producerId);
  expect(ids).toEqual([2, 3]);
});

it('is empty for a partition without records', () => {
  expect(activeProducers(emptyView('topic/0'), 7, NOW)).toEqual([]);
});
