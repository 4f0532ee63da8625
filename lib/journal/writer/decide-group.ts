import { assert } from '../../core/assert.ts';
import type { Offset } from '../../core/offset.ts';
import type { StoreTime } from '../../storage/ports.ts';
import { assertImportFits } from '../apply-import.ts';
import { assertReplaceFits, assertSealFits, assertStartsFit } from '../apply-seal.ts';
import { type AppendResult, type BatchToAppend, decideAppend, type TransactionFact } from '../decide-append.ts';
import { Draft } from '../draft.ts';
import type { BatchMeta, Entry } from '../entry.ts';
import type { JournalView } from '../view.ts';
import type { Request } from './work.ts';

/** The facts outside the view that a group's decision needs. */
export interface GroupFacts {
  /** The entry's time, not before that of the view (rule R8); ms. */
  readonly time: StoreTime;
  /** Whether a strongly consistent read confirmed the view for this decision. */
  readonly isConfirmed: boolean;
  /** Whether the batches are in a WAL object. Otherwise they go into the entry. */
  readonly isInObject: boolean;
  /** The transactions that the coordinator was asked for since the view was confirmed. */
  readonly transactions?: ReadonlyMap<Request, TransactionFact> | undefined;
}

/**
 * - `confirm`: the view refuses a batch, or a transaction has to be asked for, and the view has to be
 *   confirmed first. A view that lags behind can refuse wrongly. It cannot accept wrongly, because the
 *   put of its entry fails.
 * - `ask`: the transactions of these requests have to be asked for (rule R14).
 * - `answer`: there is nothing to write; one answer per request, in order.
 * - `append`: these batches are to be written; the answers hold once they are.
 */
export type GroupDecision =
  | { readonly kind: 'confirm' }
  | { readonly kind: 'ask'; readonly requests: readonly Request[] }
  | { readonly kind: 'answer'; readonly answers: readonly AppendResult[] }
  | {
      readonly kind: 'append';
      readonly answers: readonly AppendResult[];
      readonly batches: readonly BatchMeta[];
      /** The bytes of the batches, in order. */
      readonly chunks: readonly Buffer[];
    };

/** Decides a whole group, each batch as if those before it were committed (rule R7). Pure. */
export function decideGroup(view: JournalView, requests: readonly Request[], facts: GroupFacts): GroupDecision {
  const draft = new Draft(view);
  const answers: AppendResult[] = [];
  const batches: BatchMeta[] = [];
  const chunks: Buffer[] = [];
  let end = 0;
  let refusals = 0;
  const toAsk = new Set<Request>();
  const asked = new Set<string>();
  for (const request of requests) {
    const { batch, position } = request;
    const fact = facts.transactions?.get(request);
    const decision = decideAppend(draft, batch, batch.isBehindFailure?.() === true, fact);
    // The batches behind the one that is asked for are decided only after it.
    const stream = batch.transactional ? `${batch.partition}/${batch.producerId}` : '';
    if (decision.kind === 'ask' || asked.has(stream)) {
      asked.add(stream);
      toAsk.add(request);
      continue;
    }
    const logStartOffset = draft.logStartOffset(batch.partition);
    switch (decision.kind) {
      case 'append': {
        const { baseOffset } = decision;
        const meta = metaOf(batch, baseOffset, facts.isInObject ? position : end);
        end += batch.bytes.length;
        draft.add(meta, facts.time);
        batches.push(meta);
        chunks.push(batch.bytes);
        answers.push({ kind: 'appended', baseOffset, logStartOffset });
        break;
      }
      case 'duplicate':
        answers.push({ ...decision, logStartOffset });
        break;
      case 'rejected':
        refusals += 1;
        answers.push(decision);
        break;
    }
  }
  if (toAsk.size > 0) return facts.isConfirmed ? { kind: 'ask', requests: [...toAsk] } : { kind: 'confirm' };
  if (batches.length > 0) return { kind: 'append', answers, batches, chunks };
  return refusals > 0 && !facts.isConfirmed ? { kind: 'confirm' } : { kind: 'answer', answers };
}

function metaOf(batch: BatchToAppend, baseOffset: Offset, position: number): BatchMeta {
  const { partition, lastOffsetDelta, maxTimestamp, producerId, producerEpoch, baseSequence, transactional } = batch;
  return {
    partition,
    baseOffset,
    lastOffsetDelta,
    maxTimestamp,
    producerId,
    producerEpoch,
    baseSequence,
    transactional,
    control: false,
    position,
    size: batch.bytes.length,
  };
}

/**
 * Checks that an entry takes the slot after the view, that its batches start where their partitions
 * end, and that what it says about segments fits.
 */
export function assertFollows(view: JournalView, seq: number, entry: Entry): void {
  assert(seq === view.seq + 1, `an entry for slot ${seq} was decided on a view of slot ${view.seq}`);
  if (entry.kind === 'seal') assertSealFits(view, entry);
  if (entry.kind === 'import') assertImportFits(view, entry);
  if (entry.kind === 'replace') assertReplaceFits(view, entry);
  if (entry.kind === 'logStart') assertStartsFit(view, entry);
  if (entry.kind !== 'records' && entry.kind !== 'markers') return;
  const ends = new Map<number, Offset>();
  for (const { partition, baseOffset, lastOffsetDelta } of entry.batches) {
    const end = ends.get(partition) ?? view.partitions.get(partition)?.nextOffset ?? 0;
    if (baseOffset !== end)
      assert(false, `an entry puts offset ${baseOffset} at the end ${end} of partition ${partition}`);
    ends.set(partition, end + lastOffsetDelta + 1);
  }
}
