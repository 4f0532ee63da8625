import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apply } from '../../../lib/journal/apply.ts';
import { decodeView, encodeView } from '../../../lib/journal/checkpoint-codec.ts';
import { type AppendDecision, type BatchToAppend, decideAppend } from '../../../lib/journal/decide-append.ts';
import { Draft } from '../../../lib/journal/draft.ts';
import type { BatchMeta, Entry } from '../../../lib/journal/entry.ts';
import { emptyView, type JournalView } from '../../../lib/journal/view.ts';
import { entriesOf, history, metaOf, plannedBatch, replay } from './histories.ts';

/** A batch that follows well in most cases; else its sequence or epoch is somewhere near. */
const wish = fc.record({
  planned: plannedBatch,
  sequenceStep: fc.oneof(
    { weight: 4, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: -3, max: 1 }) },
  ),
  epochStep: fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: -1, max: 1 }) },
  ),
  verified: fc.boolean(),
});

type Wish = typeof wish extends fc.Arbitrary<infer T> ? T : never;

function batchesOf(view: JournalView, wishes: readonly Wish[]): BatchToAppend[] {
  const next = new Map<string, number>();
  return wishes.map(({ planned, sequenceStep, epochStep, verified }) => {
    const meta = metaOf(view, planned, next, 0);
    const idempotent = meta.producerId >= 0;
    return {
      partition: meta.partition,
      lastOffsetDelta: meta.lastOffsetDelta,
      maxTimestamp: meta.maxTimestamp,
      producerId: meta.producerId,
      producerEpoch: idempotent ? Math.max(0, meta.producerEpoch + epochStep) : -1,
      baseSequence: idempotent ? Math.max(0, meta.baseSequence + sequenceStep) : -1,
      transactional: meta.transactional,
      transactionVerified: verified,
      bytes: Buffer.alloc(10),
    };
  });
}

function metaAt(batch: BatchToAppend, baseOffset: number): BatchMeta {
  const { transactionVerified: _, bytes, ...rest } = batch;
  return { ...rest, baseOffset, control: false, position: 0, size: bytes.length };
}

function entryOf(batches: readonly BatchMeta[], time: number): Entry {
  let position = 0;
  const laid = batches.map((batch) => {
    const at = position;
    position += batch.size;
    return { ...batch, position: at };
  });
  return { kind: 'records', time, batches: laid, payload: { kind: 'inline', bytes: Buffer.alloc(position) } };
}

/** A view whose open block has room for all that is decided here. */
const settled = history.map((events) => {
  const view = replay(emptyView('t/0'), entriesOf(events));
  view.blockEntries = 0;
  view.blockBytes = 0;
  return view;
});

const wishes = fc.array(wish, { maxLength: 12 });

describe('a group', () => {
  it('is decided as its batches would be one after the other', () => {
    fc.assert(
      fc.property(settled, wishes, (view, asked) => {
        const batches = batchesOf(view, asked);
        const { time } = view;
        const single = decodeView('t/0', encodeView(view));
        const oneByOne = batches.map((batch): AppendDecision => {
          const decision = decideAppend(new Draft(single), batch);
          if (decision.kind === 'append') {
            apply(single, single.seq + 1, entryOf([metaAt(batch, decision.baseOffset)], time), 10);
          }
          return decision;
        });

        const draft = new Draft(view);
        const appended: BatchMeta[] = [];
        const together = batches.map((batch): AppendDecision => {
          const decision = decideAppend(draft, batch);
          if (decision.kind === 'append') {
            const meta = metaAt(batch, decision.baseOffset);
            draft.add(meta, time);
            appended.push(meta);
          }
          return decision;
        });
        expect(together).toEqual(oneByOne);

        // And its one entry leads to the same state as the many.
        apply(view, view.seq + 1, entryOf(appended, time), 10);
        expect(view.partitions.size).toBe(single.partitions.size);
        for (const [number, partition] of view.partitions) {
          const { nextOffset, producers, openTransactions, epochs, maxTimestamp } = partition;
          expect(single.partitions.get(number)).toMatchObject({ nextOffset, openTransactions, epochs, maxTimestamp });
          expect(single.partitions.get(number)!.producers).toEqual(producers);
        }
      }),
    );
  });

  it('is decided alike every time, and the view stays as it is', () => {
    fc.assert(
      fc.property(settled, wishes, (view, asked) => {
        const batches = batchesOf(view, asked);
        const before = encodeView(view);
        const decideAll = () => {
          const draft = new Draft(view);
          return batches.map((batch) => {
            const decision = decideAppend(draft, batch);
            // Asking again before anything was added gives the same.
            expect(decideAppend(draft, batch)).toEqual(decision);
            if (decision.kind === 'append') draft.add(metaAt(batch, decision.baseOffset), view.time);
            return decision;
          });
        };
        expect(decideAll()).toEqual(decideAll());
        expect(encodeView(view).equals(before)).toBe(true);
      }),
    );
  });
});
