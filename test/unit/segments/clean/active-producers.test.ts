import { describe, expect, it } from 'vitest';
import { PRODUCER_EXPIRATION_MS, type ProducerState } from '../../../../lib/journal/producers.ts';
import { emptyPartition } from '../../../../lib/journal/view.ts';
import { lastOfProducers } from '../../../../lib/segments/clean/active-producers.ts';

const NOW = 10 * PRODUCER_EXPIRATION_MS;

function producer(batches: [sequence: number, last: number, offset: number][], age = 0): ProducerState {
  return {
    epoch: 3,
    lastTime: NOW - age,
    transactionStart: -1,
    batches: batches.map(([baseSequence, lastSequence, baseOffset]) => ({
      baseSequence,
      lastSequence,
      baseOffset,
      timestamp: 0,
    })),
  };
}

describe('lastOfProducers', () => {
  it('has the last offset of each producer that is not forgotten', () => {
    const producers = new Map([
      [
        1,
        producer([
          [0, 4, 100],
          [5, 6, 200],
        ]),
      ],
      [2, producer([])],
      [3, producer([[2 ** 31 - 2, 1, 300]])],
      [4, producer([[0, 0, 400]], PRODUCER_EXPIRATION_MS)],
      [5, producer([[0, 0, 500]], PRODUCER_EXPIRATION_MS - 1)],
    ]);
    expect(lastOfProducers({ ...emptyPartition(0), producers }, NOW)).toEqual(
      new Map([
        [1, { epoch: 3, lastDataOffset: 201 }],
        [2, { epoch: 3, lastDataOffset: -1 }],
        // The sequence wraps around after 2^31 - 1.
        [3, { epoch: 3, lastDataOffset: 303 }],
        [5, { epoch: 3, lastDataOffset: 500 }],
      ]),
    );
  });
});
