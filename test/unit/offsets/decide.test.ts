import { describe, expect, it } from 'vitest';
import {
  type CommitDecision,
  decideCommit,
  decideDelete,
  decideExpiry,
  decideFetch,
  refreshAfterMs,
  stampOf,
} from '../../../lib/offsets/decide.ts';
import type { OffsetsBlock } from '../../../lib/storage/items/committed-offsets.ts';
import { at, DAY, factsOfTest, HOUR, OTHER, SETTINGS, T0, type TestGroup, TOPIC } from './world.ts';

const CLASSIC: TestGroup = { since: T0, generation: 5, members: ['a', 'b'] };
const EMPTY: TestGroup = { since: T0, generation: 6, members: [], emptySince: T0 };
const CONSUMER: TestGroup = { since: T0, generation: 6, members: ['a', 'b'], owners: { 0: 5, 1: 6 } };

function commit(
  block: OffsetsBlock | undefined,
  offsets: Record<number, number>,
  options: { generation?: number; group?: TestGroup; now?: number; metadata?: string } = {},
): CommitDecision {
  const { generation = 5, group = CLASSIC, now = T0 } = options;
  const request = { topic: TOPIC, generation, offsets: at(offsets, options.metadata) };
  return decideCommit(block, request, factsOfTest(group), now, SETTINGS);
}

function blockAfter({ change }: { change: CommitDecision['change'] }): OffsetsBlock {
  if (change.kind !== 'put') throw new Error(`not written: ${change.kind}`);
  return change.block;
}

function offsetsIn(block: OffsetsBlock): Record<number, number> {
  return Object.fromEntries([...block.committed].map(([partition, { offset }]) => [partition, offset]));
}

function read(
  block: OffsetsBlock | undefined,
  partitions: number[] | null,
  group = CLASSIC,
  now = T0,
  mayConsume = true,
) {
  const request = { topic: TOPIC, partitions, mayConsume, requireStable: false };
  return decideFetch(block, request, factsOfTest(group), now, SETTINGS);
}

describe('a commit', () => {
  it('writes several partitions of a block at once, and keeps the others', () => {
    const first = blockAfter(commit(undefined, { 0: 10, 3: 30 }));
    const second = blockAfter(commit(first, { 3: 31, 4: 40 }));
    expect(offsetsIn(second)).toEqual({ 0: 10, 3: 31, 4: 40 });
    expect(second.committed.get(3)).toEqual({ offset: 31, leaderEpoch: 0, metadata: '', at: T0 });
  });

  it('may set an offset back: that is the member, not a zombie', () => {
    expect(offsetsIn(blockAfter(commit(blockAfter(commit(undefined, { 0: 10 })), { 0: 3 })))).toEqual({ 0: 3 });
  });

  it('of what is committed already writes nothing', () => {
    const block = blockAfter(commit(undefined, { 0: 10 }));
    expect(commit(block, { 0: 10 }, { now: T0 + HOUR }).change.kind).toBe('same');
    expect(commit(block, { 0: 10 }, { metadata: 'm' }).change.kind).toBe('put');
  });

  it('that is old is written again, so that it does not expire while it is repeated', () => {
    const block = blockAfter(commit(undefined, { 0: 10 }));
    const now = T0 + refreshAfterMs(SETTINGS);
    expect(commit(block, { 0: 10 }, { now: now - 1 }).change.kind).toBe('same');
    expect(blockAfter(commit(block, { 0: 10 }, { now })).committed.get(0)?.at).toBe(now);
    expect(refreshAfterMs({ ...SETTINGS, retentionMs: HOUR })).toBe(HOUR / 2);
  });

  it('with too long metadata is refused for that partition only', () => {
    const request = {
      topic: TOPIC,
      generation: 5,
      offsets: [...at({ 0: 1 }, '0123456789'), ...at({ 1: 1 }, '0123456789x')],
    };
    const decision = decideCommit(undefined, request, factsOfTest(CLASSIC), T0, SETTINGS);
    expect([...decision.errors]).toEqual([[1, 'OFFSET_METADATA_TOO_LARGE']]);
    expect(offsetsIn(blockAfter(decision))).toEqual({ 0: 1 });
  });

  it('keeps for how long its client asked', () => {
    const offsets = at({ 0: 1 }).map((one) => ({ ...one, retentionMs: 5_000 }));
    const decision = decideCommit(
      undefined,
      { topic: TOPIC, generation: 5, offsets },
      factsOfTest(CLASSIC),
      T0,
      SETTINGS,
    );
    const block = blockAfter(decision);
    expect(block.committed.get(0)?.expiresAt).toBe(T0 + 5_000);
    expect(read(block, [0], EMPTY, T0 + 4_999).offsets[0]?.offset).toBe(1);
    expect(read(block, [0], EMPTY, T0 + 5_000).offsets[0]?.offset).toBe(-1);
    // A member may need it; only without members does it expire.
    expect(read(block, [0], CLASSIC, T0 + 5_000).offsets[0]?.offset).toBe(1);
  });

  it('is refused where a later generation has read the offset (R13)', () => {
    const shown = blockAfter(read(undefined, [0], { ...CLASSIC, generation: 6 }));
    const late = commit(shown, { 0: 10, 1: 11 }, { generation: 5 });
    expect([...late.errors]).toEqual([
      [0, 'ILLEGAL_GENERATION'],
      [1, 'ILLEGAL_GENERATION'],
    ]);
    expect(late.change.kind).toBe('same');
    expect(commit(shown, { 0: 10 }, { generation: 6 }).errors.size).toBe(0);
  });

  it('without a member passes every stamp: the group has no members then', () => {
    const shown = blockAfter(read(undefined, [0], CLASSIC));
    expect(offsetsIn(blockAfter(commit(shown, { 0: 10 }, { generation: -1, group: EMPTY })))).toEqual({ 0: 10 });
  });

  it('does not see what an earlier group of the same name left behind', () => {
    const old = blockAfter(
      commit(undefined, { 0: 10, 1: 11 }, { generation: 50, group: { ...CLASSIC, generation: 50 } }),
    );
    const again = { since: T0 + DAY, generation: 1, members: ['a'] };
    expect(read(old, [0, 1], again).offsets.map(({ offset }) => offset)).toEqual([-1, -1]);
    const block = blockAfter(commit(old, { 0: 3 }, { generation: 1, group: again }));
    expect(offsetsIn(block)).toEqual({ 0: 3 });
    expect(block.stamp).toBe(1);
  });

  it('passes on what the group has against single partitions', () => {
    const partitionProblem = (_: string, partition: number) =>
      partition === 1 ? ('STALE_MEMBER_EPOCH' as const) : undefined;
    const request = { topic: TOPIC, generation: 5, offsets: at({ 0: 1, 1: 1 }), partitionProblem };
    const decision = decideCommit(undefined, request, factsOfTest(CLASSIC), T0, SETTINGS);
    expect([...decision.errors]).toEqual([[1, 'STALE_MEMBER_EPOCH']]);
  });
});

describe('a read', () => {
  it('puts the generation on the item, also where nothing is committed', () => {
    const decision = read(undefined, [3]);
    expect(decision.offsets).toEqual([{ partition: 3, error: 'NONE', offset: -1, leaderEpoch: -1, metadata: '' }]);
    expect(blockAfter(decision).stamp).toBe(5);
  });

  it('writes nothing where the generation has read before', () => {
    expect(read(blockAfter(read(undefined, [3])), [3, 4]).change.kind).toBe('same');
  });

  it('by somebody who does not consume writes nothing, nor does one of a group without members', () => {
    const block = blockAfter(commit(undefined, { 0: 10 }, { generation: 4, group: { ...CLASSIC, generation: 4 } }));
    expect(read(block, null, CLASSIC, T0, false).change.kind).toBe('same');
    expect(read(block, [0], EMPTY).change.kind).toBe('same');
    expect(read(undefined, [0], EMPTY).change.kind).toBe('same');
  });

  it('of all partitions gives those that have an offset', () => {
    const block = blockAfter(commit(undefined, { 4: 40, 2: 20 }));
    expect(read(block, null).offsets.map(({ partition, offset }) => [partition, offset])).toEqual([
      [2, 20],
      [4, 40],
    ]);
  });

  it('in a consumer group stamps partitions with the epoch of their owner, as members get on one by one', () => {
    const block = blockAfter(read(undefined, [0, 1, 2], CONSUMER));
    expect([0, 1, 2].map((partition) => stampOf(block, partition))).toEqual([5, 6, -1]);
    const late = commit(block, { 0: 10, 1: 11 }, { generation: 5, group: CONSUMER });
    expect([...late.errors]).toEqual([[1, 'STALE_MEMBER_EPOCH']]);
    expect(offsetsIn(blockAfter(late))).toEqual({ 0: 10 });
  });

  it('that wants stable offsets is held off by a pending one', () => {
    const block = { ...blockAfter(commit(undefined, { 0: 10, 1: 11 })), pending: [PENDING] };
    const request = { topic: TOPIC, partitions: [0, 1, 2], mayConsume: true };
    const stable = decideFetch(block, { ...request, requireStable: true }, factsOfTest(CLASSIC), T0, SETTINGS);
    expect(stable.offsets.map(({ error, offset }) => [error, offset])).toEqual([
      ['NONE', 10],
      ['UNSTABLE_OFFSET_COMMIT', -1],
      ['NONE', -1],
    ]);
    const any = decideFetch(block, { ...request, requireStable: false }, factsOfTest(CLASSIC), T0, SETTINGS);
    expect(any.offsets.map(({ offset }) => offset)).toEqual([10, 11, -1]);
  });
});

const PENDING = {
  partition: 1,
  transactionalId: 'tx',
  transaction: 3,
  offset: { offset: 99, leaderEpoch: 0, metadata: '', at: T0 },
};

describe('expiry', () => {
  const block = blockAfter(commit(undefined, { 0: 10 }));
  const { retentionMs } = SETTINGS;

  it('counts from when the group became empty', () => {
    const group = { ...EMPTY, emptySince: T0 + 30 * DAY };
    const due = T0 + 30 * DAY + retentionMs;
    expect(read(block, [0], group, due - 1)).toMatchObject({ change: { kind: 'same' }, offsets: [{ offset: 10 }] });
    expect(read(block, [0], group, due)).toMatchObject({ change: { kind: 'remove' }, offsets: [{ offset: -1 }] });
  });

  it('counts from the commit where that came later', () => {
    const reset = blockAfter(commit(block, { 0: 5 }, { generation: -1, group: EMPTY, now: T0 + 6 * DAY }));
    expect(read(reset, [0], EMPTY, T0 + retentionMs).offsets[0]?.offset).toBe(5);
    expect(read(reset, [0], EMPTY, T0 + 6 * DAY + retentionMs).offsets[0]?.offset).toBe(-1);
  });

  it('never happens to a group with members', () => {
    expect(read(block, [0], CLASSIC, T0 + 1000 * DAY).offsets[0]?.offset).toBe(10);
    expect(decideExpiry(block, TOPIC, factsOfTest(CLASSIC), T0 + 1000 * DAY, SETTINGS).kind).toBe('same');
  });

  it('without a group management counts from the last commit, or later by as much as an unchanged one may be old', () => {
    const simple = { ...EMPTY, simple: true };
    const due = T0 + retentionMs + refreshAfterMs(SETTINGS);
    expect(read(block, [0], simple, due - 1).offsets[0]?.offset).toBe(10);
    expect(read(block, [0], simple, due).offsets[0]?.offset).toBe(-1);
  });

  it('leaves topics that the group reads, and partitions with a pending offset', () => {
    const now = T0 + 1000 * DAY;
    expect(read(block, [0], { ...EMPTY, subscribed: [TOPIC.name] }, now).offsets[0]?.offset).toBe(10);
    const pending = { ...block, pending: [{ ...PENDING, partition: 0 }] };
    expect(decideExpiry(pending, TOPIC, factsOfTest(EMPTY), now, SETTINGS).kind).toBe('same');
    expect(decideExpiry(block, OTHER, factsOfTest(EMPTY), now, SETTINGS).kind).toBe('remove');
  });
});

describe('a deletion', () => {
  it('takes away offsets and pending ones, and writes nothing where there are none', () => {
    const block = { ...blockAfter(commit(undefined, { 0: 10, 1: 11 })), pending: [PENDING] };
    const change = decideDelete(block, TOPIC, [1], factsOfTest(CLASSIC));
    expect(change).toMatchObject({ kind: 'put', block: { pending: [] } });
    expect(offsetsIn(blockAfter({ change }))).toEqual({ 0: 10 });
    expect(decideDelete(block, TOPIC, [7], factsOfTest(CLASSIC)).kind).toBe('same');
    expect(decideDelete(undefined, TOPIC, [7], factsOfTest(CLASSIC)).kind).toBe('same');
  });

  it('removes the item when nothing is left, but for the stamp where there are members', () => {
    const block = blockAfter(commit(undefined, { 0: 10 }));
    expect(decideDelete(block, TOPIC, [0], factsOfTest(EMPTY)).kind).toBe('remove');
    expect(decideDelete(block, TOPIC, [0], factsOfTest(CLASSIC))).toMatchObject({ kind: 'put', block: { stamp: 5 } });
  });
});
