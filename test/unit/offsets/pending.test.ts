import { describe, expect, it } from 'vitest';
import { decideCommit, decideDelete, decideFetch } from '../../../lib/offsets/decide.ts';
import { decideEndPending } from '../../../lib/offsets/pending.ts';
import type { OffsetsBlock, PendingOffset } from '../../../lib/storage/items/committed-offsets.ts';
import { at, DAY, factsOfTest, SETTINGS, T0, type TestGroup, TOPIC } from './world.ts';

const GROUP: TestGroup = { since: T0, generation: 5, members: ['a'] };

/** `tx/3` is transaction 3 of the transactional id `tx`. */
function of(name: string) {
  const [transactionalId, transaction] = name.split('/');
  return { transactionalId: transactionalId!, transaction: Number(transaction) };
}

interface Options {
  readonly group?: TestGroup;
  readonly generation?: number;
  readonly metadata?: string;
  readonly now?: number;
}

function commit(
  block: OffsetsBlock | undefined,
  offsets: Record<number, number>,
  transaction: string | undefined,
  { group = GROUP, generation = group.generation, metadata = '', now = T0 }: Options = {},
) {
  const request = {
    topic: TOPIC,
    generation,
    offsets: at(offsets, metadata),
    transaction: transaction === undefined ? undefined : of(transaction),
  };
  return decideCommit(block, request, factsOfTest(group), now, SETTINGS);
}

function staged(block: OffsetsBlock | undefined, transaction: string, offsets: Record<number, number>): OffsetsBlock {
  return put(commit(block, offsets, transaction));
}

function committed(block: OffsetsBlock | undefined, offsets: Record<number, number>): OffsetsBlock {
  return put(commit(block, offsets, undefined));
}

function put({ change }: ReturnType<typeof commit>): OffsetsBlock {
  if (change.kind !== 'put') throw new Error(`not written: ${change.kind}`);
  return change.block;
}

function ended(block: OffsetsBlock, transaction: string, commits = true): OffsetsBlock {
  const after = decideEndPending(block, of(transaction), commits);
  if (after === undefined) throw new Error(`${transaction} has nothing pending`);
  return after;
}

function offsetsIn(block: OffsetsBlock): Record<number, number> {
  return Object.fromEntries([...block.committed].map(([partition, { offset }]) => [partition, offset]));
}

/** Pending offsets in order: transaction, partition, and the offset that is left to commit. */
function pendingIn({ pending }: OffsetsBlock): string[] {
  return pending.map(
    ({ transactionalId, transaction, partition, offset }: PendingOffset) =>
      `${transactionalId}/${transaction} ${partition}:${offset?.offset ?? 'none'}`,
  );
}

describe('a pending offset', () => {
  it('is not committed until its transaction ends', () => {
    const block = staged(committed(undefined, { 0: 1 }), 'tx/3', { 0: 5, 1: 6 });
    expect(offsetsIn(block)).toEqual({ 0: 1 });
    expect(pendingIn(block)).toEqual(['tx/3 0:5', 'tx/3 1:6']);
    expect(offsetsIn(ended(block, 'tx/3'))).toEqual({ 0: 5, 1: 6 });
    expect(offsetsIn(ended(block, 'tx/3', false))).toEqual({ 0: 1 });
    for (const commits of [true, false]) expect(pendingIn(ended(block, 'tx/3', commits))).toEqual([]);
  });

  it('keeps metadata, leader epoch and the time of its commit', () => {
    const block = put(commit(undefined, { 0: 5 }, 'tx/3', { metadata: 'm', now: T0 + 7.5 }));
    expect(ended(block, 'tx/3').committed.get(0)).toEqual({ offset: 5, leaderEpoch: 0, metadata: 'm', at: T0 + 7 });
  });

  it('is replaced by a later one of its transaction', () => {
    const block = staged(staged(undefined, 'tx/3', { 0: 5, 1: 6 }), 'tx/3', { 0: 7 });
    expect(pendingIn(block)).toEqual(['tx/3 1:6', 'tx/3 0:7']);
    expect(offsetsIn(ended(block, 'tx/3'))).toEqual({ 0: 7, 1: 6 });
  });

  it('that stands there already writes nothing', () => {
    const block = staged(undefined, 'tx/3', { 0: 5 });
    expect(commit(block, { 0: 5 }, 'tx/3').change.kind).toBe('same');
    expect(commit(block, { 0: 5 }, 'tx/3', { metadata: 'm' }).change.kind).toBe('put');
    expect(commit(block, { 0: 5 }, 'tx/4').change.kind).toBe('put');
    // Somebody has committed since, so that it has to come after that.
    expect(commit(committed(block, { 0: 9 }), { 0: 5 }, 'tx/3').change.kind).toBe('put');
    expect(commit(staged(block, 'other/1', { 0: 9 }), { 0: 5 }, 'tx/3').change.kind).toBe('put');
  });

  it.each([
    ['another transaction of its id', 'tx/4'],
    ['a transaction of another id with its number', 'other/3'],
  ])('is not touched by the end of %s', (_, other) => {
    const block = staged(undefined, 'tx/3', { 0: 5 });
    for (const commits of [true, false]) expect(decideEndPending(block, of(other), commits)).toBeUndefined();
  });

  it('goes when a later transaction of its id commits an offset: it is void', () => {
    const block = staged(staged(undefined, 'other/1', { 1: 1 }), 'tx/3', { 0: 5, 1: 6 });
    const next = staged(block, 'tx/4', { 2: 8 });
    expect(pendingIn(next)).toEqual(['other/1 1:1', 'tx/4 2:8']);
    expect(offsetsIn(ended(next, 'tx/4'))).toEqual({ 2: 8 });
  });
});

describe('of several commits of a partition the latest counts', () => {
  it('also if it came before the end of a transaction', () => {
    const block = committed(staged(undefined, 'tx/3', { 0: 5, 1: 6 }), { 0: 9 });
    expect(offsetsIn(block)).toEqual({ 0: 9 });
    expect(pendingIn(block)).toEqual(['tx/3 0:none', 'tx/3 1:6']);
    expect(offsetsIn(ended(block, 'tx/3'))).toEqual({ 0: 9, 1: 6 });
  });

  it('also if it commits what was committed before', () => {
    const block = committed(staged(committed(undefined, { 0: 9 }), 'tx/3', { 0: 5 }), { 0: 9 });
    expect(offsetsIn(ended(block, 'tx/3'))).toEqual({ 0: 9 });
    // Nothing is left to overtake.
    expect(commit(block, { 0: 9 }, undefined).change.kind).toBe('same');
  });

  it('also if the same transaction commits again', () => {
    const block = staged(committed(staged(undefined, 'tx/3', { 0: 5 }), { 0: 9 }), 'tx/3', { 0: 7 });
    expect(offsetsIn(ended(block, 'tx/3'))).toEqual({ 0: 7 });
  });

  it.each([
    ['first/1', 'second/1', { 0: 1 }, { 0: 2 }],
    ['second/1', 'first/1', { 0: 2 }, { 0: 2 }],
  ] as const)('whichever of two transactions ends first: %s', (one, other, between, after) => {
    const block = staged(staged(undefined, 'first/1', { 0: 1 }), 'second/1', { 0: 2 });
    expect(offsetsIn(ended(block, one))).toEqual(between);
    expect(offsetsIn(ended(ended(block, one), other))).toEqual(after);
  });

  it('and one that is aborted does not', () => {
    const block = staged(staged(undefined, 'first/1', { 0: 1 }), 'second/1', { 0: 2 });
    expect(offsetsIn(ended(ended(block, 'second/1', false), 'first/1'))).toEqual({ 0: 1 });
  });
});

describe('a transactional commit', () => {
  it('of an earlier generation is refused where a later one has read (R13)', () => {
    const request = { topic: TOPIC, partitions: [0], mayConsume: true, requireStable: true };
    const group = { ...GROUP, generation: 6 };
    const shown = put({ errors: new Map(), ...decideFetch(undefined, request, factsOfTest(group), T0, SETTINGS) });
    const late = commit(shown, { 0: 5 }, 'tx/3', { group, generation: 5 });
    expect([...late.errors]).toEqual([[0, 'ILLEGAL_GENERATION']]);
    expect(late.change.kind).toBe('same');
    expect(commit(shown, { 0: 5 }, 'tx/3', { group }).errors.size).toBe(0);
    // Producers that do not send their membership.
    expect(commit(shown, { 0: 5 }, 'tx/3', { group, generation: -1 }).errors.size).toBe(0);
  });

  it('raises the stamp to the generation of its group', () => {
    expect(staged(undefined, 'tx/3', { 0: 5 }).stamp).toBe(5);
  });

  it('with too long metadata is refused for that partition only', () => {
    const offsets = [...at({ 0: 5 }, '0123456789x'), ...at({ 1: 6 })];
    const request = { topic: TOPIC, generation: 5, offsets, transaction: of('tx/3') };
    const decision = decideCommit(undefined, request, factsOfTest(GROUP), T0, SETTINGS);
    expect([...decision.errors]).toEqual([[0, 'OFFSET_METADATA_TOO_LARGE']]);
    expect(pendingIn(put(decision))).toEqual(['tx/3 1:6']);
  });

  it('does not see what an earlier group of the same name has left', () => {
    const again = { since: T0 + DAY, generation: 1, members: ['a'] };
    const block = put(commit(staged(undefined, 'tx/3', { 0: 5 }), { 1: 6 }, 'tx/3', { group: again }));
    expect(pendingIn(block)).toEqual(['tx/3 1:6']);
  });
});

describe('what is pending', () => {
  it('goes with a deletion of the partition, and the end of the transaction does not bring it back', () => {
    const block = staged(committed(undefined, { 0: 1, 1: 1 }), 'tx/3', { 0: 5, 1: 6 });
    const change = decideDelete(block, TOPIC, [0], factsOfTest(GROUP));
    const left = put({ change, errors: new Map() });
    expect(pendingIn(left)).toEqual(['tx/3 1:6']);
    expect(offsetsIn(ended(left, 'tx/3'))).toEqual({ 1: 6 });
  });

  it.each([
    ['to commit', undefined],
    ['but overtaken', { 0: 9 }],
  ])('%s makes the offset unstable', (_, since) => {
    const pending = staged(committed(undefined, { 0: 1 }), 'tx/3', { 0: 5 });
    const block = since === undefined ? pending : committed(pending, since);
    const request = { topic: TOPIC, partitions: [0], mayConsume: true, requireStable: true };
    const { offsets } = decideFetch(block, request, factsOfTest(GROUP), T0, SETTINGS);
    expect(offsets.map(({ error, offset }) => [error, offset])).toEqual([['UNSTABLE_OFFSET_COMMIT', -1]]);
  });
});
