import { expect, it } from 'vitest';
import { AbortedRecords } from '../../../../lib/cli/consume/aborted-records.ts';
import { splitBatches } from '../../../../lib/records/batch.ts';
import { encodeControlBatch, type MarkerType } from '../../../../lib/records/control.ts';
import { encodeBatch } from '../../../../lib/records/encode.ts';

function data(baseOffset: number, producerId: number, isTransactional = true): Buffer {
  const producer = { producerId, producerEpoch: 0, baseSequence: 0, isTransactional };
  return encodeBatch([{ timestamp: 0, value: Buffer.from('v') }], { baseOffset, ...producer });
}

function marker(baseOffset: number, producerId: number, type: MarkerType): Buffer {
  return encodeControlBatch({ baseOffset, producerId, type, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 0 });
}

it('hides what lies between the start of an aborted transaction and its marker, and all markers', () => {
  const batches = splitBatches(
    Buffer.concat([
      data(0, 1),
      data(1, 2),
      data(2, 1),
      data(3, 7, false),
      marker(4, 2, 'commit'),
      marker(5, 1, 'abort'),
      data(6, 1),
      data(7, 2),
      marker(8, 2, 'abort'),
      marker(9, 1, 'commit'),
    ]),
  );
  const shown = (filter: AbortedRecords) =>
    batches.filter(({ header, bytes }) => !filter.hides(header, bytes)).map(({ header }) => header.baseOffset);
  // Out of order, as an answer may list them.
  const aborted = [
    { producerId: 2, firstOffset: 7 },
    { producerId: 1, firstOffset: 0 },
  ];
  expect(shown(new AbortedRecords(aborted))).toEqual([1, 3, 6]);
  expect(shown(new AbortedRecords(null))).toEqual([0, 1, 2, 3, 6, 7]);
});
