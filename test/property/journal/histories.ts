import fc from 'fast-check';
import { apply } from '../../../lib/journal/apply.ts';
import { type BatchMeta, decodeEntry, type Entry, encodeEntry } from '../../../lib/journal/entry.ts';
import { emptyView, type JournalView } from '../../../lib/journal/view.ts';
import { incrementSequence } from '../../../lib/records/batch.ts';
import { SealedHistory } from './sealed-history.ts';

/** What happens next in a journal, apart from the offsets, which follow from what happened before. */
export type Event =
  | {
      readonly kind: 'records';
      readonly batches: readonly PlannedBatch[];
      readonly after: number;
      readonly size: number;
    }
  | { readonly kind: 'markers'; readonly commit: boolean; readonly bump: boolean; readonly after: number }
  | { readonly kind: 'leaderChange'; readonly after: number }
  | { readonly kind: 'logStart'; readonly share: number; readonly counts: boolean; readonly after: number }
  | { readonly kind: 'seal'; readonly share: number; readonly after: number }
  | { readonly kind: 'replace'; readonly share: number; readonly after: number };

export interface PlannedBatch {
  readonly partition: number;
  readonly records: number;
  /** -1: none. */
  readonly producer: number;
  readonly transactional: boolean;
  readonly timestamp: number;
}

const PARTITIONS = 3;

/** Mostly seconds, now and then a day: long enough to forget producers. */
const after = fc.oneof({ weight: 9, arbitrary: fc.nat(5_000) }, { weight: 1, arbitrary: fc.constant(25 * 3_600_000) });

export const plannedBatch: fc.Arbitrary<PlannedBatch> = fc.record({
  partition: fc.nat(PARTITIONS - 1),
  records: fc.integer({ min: 1, max: 5 }),
  producer: fc.integer({ min: -1, max: 3 }),
  transactional: fc.boolean(),
  timestamp: fc.integer({ min: -1, max: 100 }),
});

const share = fc.double({ min: 0, max: 1, noNaN: true });

const sealing = fc.record({ kind: fc.constant('seal' as const), share, after });

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('records' as const),
      batches: fc.array(plannedBatch, { minLength: 1, maxLength: 4 }),
      after,
      // Large ones close a block now and then.
      size: fc.oneof(fc.nat(200), fc.integer({ min: 100_000, max: 400_000 })),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('markers' as const),
      commit: fc.boolean(),
      bump: fc.boolean(),
      after,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leaderChange' as const), after }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('logStart' as const), share, counts: fc.boolean(), after }),
  },
  { weight: 2, arbitrary: sealing },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('replace' as const), share, after }) },
);

export const history = fc.array(event, { maxLength: 40 });

/** Longer, with several seals, so that rows and ranges of the view are dropped. */
export const sealedHistory = fc.array(fc.oneof({ weight: 5, arbitrary: event }, { weight: 1, arbitrary: sealing }), {
  minLength: 20,
  maxLength: 60,
  size: 'max',
});

/** An entry as stored, with the size that counts towards its block. */
export interface Stored {
  readonly body: Buffer;
  readonly size: number;
}

/** The entries of a journal in which these events happen one after the other, from slot 0 on. */
export function entriesOf(events: readonly Event[]): Stored[] {
  const view = emptyView('t/0');
  const sealed = new SealedHistory();
  const stored: Stored[] = [];
  const push = (entry: Entry | undefined, size: number) => {
    if (entry === undefined) return;
    apply(view, view.seq + 1, entry, size);
    sealed.push(entry);
    stored.push({ body: encodeEntry(entry), size });
  };
  push({ kind: 'leaderChange', time: 1_000, leaderEpoch: 0, leader: 0 }, 10);
  for (const one of events) push(entryOf(view, sealed, one), one.kind === 'records' ? one.size : 40);
  return stored;
}

/** Folds stored entries on into a view. */
export function replay(view: JournalView, stored: readonly Stored[]): JournalView {
  for (const { body, size } of stored) apply(view, view.seq + 1, decodeEntry(body), size);
  return view;
}

/** Undefined where the event cannot happen: there is nothing to seal or to replace. */
function entryOf(view: JournalView, sealed: SealedHistory, event: Event): Entry | undefined {
  const time = view.time + event.after;
  switch (event.kind) {
    case 'records': {
      const next = new Map<string, number>();
      const batches = event.batches.map((planned, index) => metaOf(view, planned, next, index * 10));
      const bytes = Buffer.alloc(event.batches.length * 10, 7);
      return { kind: 'records', time, batches, payload: { kind: 'inline', bytes } };
    }
    case 'markers':
      return markersOf(view, event, time);
    case 'leaderChange':
      return { kind: 'leaderChange', time, leaderEpoch: view.leaderEpoch + 1, leader: 3 };
    case 'logStart': {
      const starts = [...view.partitions.values()].map((one) => {
        const offset = Math.floor(one.nextOffset * event.share);
        return event.counts ? sealed.start(one, offset) : { partition: one.partition, offset };
      });
      return { kind: 'logStart', time, starts };
    }
    case 'seal':
      return sealed.seal(view, event.share, time);
    case 'replace':
      return sealed.replace(view, event.share, time);
  }
}

/** `next` carries offsets and sequences over from batch to batch of one entry. */
export function metaOf(
  view: JournalView,
  planned: PlannedBatch,
  next: Map<string, number>,
  position: number,
): BatchMeta {
  const { partition, records, producer } = planned;
  const state = view.partitions.get(partition);
  const baseOffset = next.get(`${partition}`) ?? state?.nextOffset ?? 0;
  next.set(`${partition}`, baseOffset + records);
  const known = state?.producers.get(producer);
  const last = known?.batches.at(-1)?.lastSequence;
  const key = `${partition}:${producer}`;
  const baseSequence = next.get(key) ?? (last === undefined ? 0 : incrementSequence(last, 1));
  next.set(key, incrementSequence(baseSequence, records));
  const idempotent = producer >= 0;
  return {
    partition,
    baseOffset,
    lastOffsetDelta: records - 1,
    maxTimestamp: planned.timestamp,
    producerId: producer,
    producerEpoch: idempotent ? (known?.epoch ?? 0) : -1,
    baseSequence: idempotent ? baseSequence : -1,
    // Odd producers are transactional, so that one that is never is not within a transaction.
    transactional: idempotent && planned.transactional && producer % 2 === 1,
    control: false,
    position,
    size: 10,
  };
}

/** Ends the transaction of the lowest producer that has one, in all partitions where it is open; else markers for nobody. */
function markersOf(view: JournalView, event: Event & { kind: 'markers' }, time: number): Entry {
  const partitions = [...view.partitions.values()];
  const open = partitions.flatMap((partition) => [...partition.openTransactions.keys()]);
  const producerId = open.length === 0 ? 1 : Math.min(...open);
  const concerned = partitions.filter((one) => open.length === 0 || one.openTransactions.has(producerId));
  const epoch = Math.max(0, ...concerned.map((one) => one.producers.get(producerId)?.epoch ?? 0));
  const producerEpoch = epoch + (event.bump ? 1 : 0);
  const batches = concerned.map((one, index) => ({
    partition: one.partition,
    baseOffset: one.nextOffset,
    lastOffsetDelta: 0,
    maxTimestamp: 5,
    producerId,
    producerEpoch,
    baseSequence: -1,
    transactional: true,
    control: true,
    position: index * 10,
    size: 10,
  }));
  const payload = { kind: 'inline', bytes: Buffer.alloc(batches.length * 10) } as const;
  return { kind: 'markers', time, producerId, producerEpoch, commit: event.commit, batches, payload };
}
