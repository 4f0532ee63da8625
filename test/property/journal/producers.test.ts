import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterBatch, judgeSequence, type ProducerState } from '../../../lib/journal/producers.ts';
import { incrementSequence } from '../../../lib/records/batch.ts';

const MAX = 2 ** 31 - 1;

/**
 * One producer in one partition as Kafka keeps it: its epoch, the last five batches by last sequence and offset delta
 * (ProducerStateEntry, BatchMetadata), and whether a transaction is open; with bigints, so that nothing can overflow.
 */
class Model {
  epoch: number | undefined;
  batches: { last: bigint; delta: bigint; offset: number }[] = [];
  open = false;

  judge(epoch: number, first: number, delta: number, transactional: boolean): string {
    if (this.epoch === undefined) return 'next';
    const last = wrap(BigInt(first) + BigInt(delta));
    for (const batch of this.batches) {
      const same = wrap(batch.last - batch.delta) === BigInt(first) && batch.last === last;
      if (epoch === this.epoch && same) return `duplicate of ${batch.offset}`;
    }
    if (epoch < this.epoch) return 'INVALID_PRODUCER_EPOCH';
    const expected = epoch > this.epoch ? 0n : wrap((this.batches.at(-1)?.last ?? -1n) + 1n);
    if (BigInt(first) !== expected) return 'OUT_OF_ORDER_SEQUENCE_NUMBER';
    return this.open && !transactional ? 'INVALID_TXN_STATE' : 'next';
  }

  append(epoch: number, first: number, delta: number, transactional: boolean, offset: number): void {
    if (epoch !== this.epoch) this.batches = [];
    this.epoch = epoch;
    this.batches.push({ last: wrap(BigInt(first) + BigInt(delta)), delta: BigInt(delta), offset });
    if (this.batches.length > 5) this.batches.shift();
    this.open ||= transactional;
  }
}

/** Sequences are whole numbers from 0 to 2^31 - 1; after the last comes the first. */
function wrap(sequence: bigint): bigint {
  const count = BigInt(MAX) + 1n;
  return ((sequence % count) + count) % count;
}

/** A batch near what would be right: the next, one of the last, a gap, or another epoch. */
const attempt = fc.record({
  aim: fc.oneof(
    { weight: 6, arbitrary: fc.constant('next' as const) },
    { weight: 3, arbitrary: fc.constant('repeat' as const) },
    { weight: 1, arbitrary: fc.constant('zero' as const) },
    { weight: 1, arbitrary: fc.constant('gap' as const) },
  ),
  back: fc.nat(6),
  delta: fc.nat(3),
  epochStep: fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.integer({ min: -1, max: 1 }) },
  ),
  transactional: fc.boolean(),
});

const start = fc.oneof(fc.nat(3), fc.integer({ min: MAX - 8, max: MAX }));

describe('sequences', () => {
  it('are judged as Kafka judges them, also past 2^31 - 1', () => {
    fc.assert(
      fc.property(start, fc.array(attempt, { maxLength: 30 }), (from, attempts) => {
        const model = new Model();
        let state: ProducerState | undefined;
        let next = from;
        let offset = 0;
        const sent: { first: number; delta: number }[] = [];
        for (const { aim, back, delta: wanted, epochStep, transactional } of attempts) {
          const epoch = Math.max(0, (state?.epoch ?? 5) + epochStep);
          const again = aim === 'repeat' ? sent.at(-1 - back) : undefined;
          const first = again?.first ?? { next, repeat: next, zero: 0, gap: incrementSequence(next, 2) }[aim];
          const delta = again?.delta ?? wanted;
          const batch = {
            partition: 0,
            baseOffset: offset,
            lastOffsetDelta: delta,
            maxTimestamp: 0,
            producerId: 1,
            producerEpoch: epoch,
            baseSequence: first,
            transactional,
            control: false,
            position: 0,
            size: 0,
          };
          const verdict = judgeSequence(state, batch);
          expect(said(verdict)).toBe(model.judge(epoch, first, delta, transactional));
          if (verdict.kind !== 'next') continue;
          state = afterBatch(state, batch, 0);
          model.append(epoch, first, delta, transactional, offset);
          offset += delta + 1;
          next = incrementSequence(first, delta + 1);
          sent.push({ first, delta });
        }
      }),
      { numRuns: 500 },
    );
  });

  it('add up as whole numbers modulo 2^31', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: MAX }), fc.integer({ min: 0, max: MAX }), (sequence, count) => {
        expect(incrementSequence(sequence, count)).toBe(Number(wrap(BigInt(sequence) + BigInt(count))));
      }),
    );
  });
});

function said(verdict: ReturnType<typeof judgeSequence>): string {
  switch (verdict.kind) {
    case 'next':
      return 'next';
    case 'duplicate':
      return `duplicate of ${verdict.original.baseOffset}`;
    case 'rejected':
      return verdict.error;
  }
}
