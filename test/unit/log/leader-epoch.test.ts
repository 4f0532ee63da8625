import { beforeEach, describe, expect, it } from 'vitest';
import type { OpenJournal } from '../../../lib/journal/open-journal.ts';
import { epochProblem, leaderEpochEnd } from '../../../lib/log/leader-epoch.ts';
import { listOffset } from '../../../lib/log/list-offsets.ts';
import { Fold } from '../journal/entries.ts';
import { batch, createWorld, FOREVER, type World } from '../journal/world.ts';

describe('a leader epoch that a client knows', () => {
  it.each([
    [-1, undefined],
    [4, undefined],
    [3, 'FENCED_LEADER_EPOCH'],
    [5, 'UNKNOWN_LEADER_EPOCH'],
  ])('%i is %s', (known, error) => {
    const fold = new Fold();
    fold.leader(4);
    expect(epochProblem(fold.view, known)).toBe(error);
  });
});

describe('the end of an epoch', () => {
  let world: World;
  let open: OpenJournal;
  let other: OpenJournal;

  beforeEach(async () => {
    world = await createWorld();
    open = await world.process().open();
    other = await world.process().open();
    await other.writer.append(batch('a', { lastOffsetDelta: 4 }), FOREVER);
    await other.writer.appendEntry((_, time) => ({ kind: 'leaderChange', time, leaderEpoch: 2, leader: 1 }), FOREVER);
    await other.writer.append(batch('b'), FOREVER);
  });

  it.each([
    [-1, 0, { error: 'NONE', leaderEpoch: 0, endOffset: 5 }],
    [2, 1, { error: 'NONE', leaderEpoch: 0, endOffset: 5 }],
    [2, 2, { error: 'NONE', leaderEpoch: 2, endOffset: 6 }],
    [2, 3, { error: 'NONE', leaderEpoch: -1, endOffset: -1 }],
    [0, 0, { error: 'FENCED_LEADER_EPOCH', leaderEpoch: -1, endOffset: -1 }],
    [3, 0, { error: 'UNKNOWN_LEADER_EPOCH', leaderEpoch: -1, endOffset: -1 }],
  ])('for a client of epoch %i that asks for %i comes from the newest view', async (known, epoch, expected) => {
    expect(await leaderEpochEnd(open, 0, known, epoch)).toEqual(expected);
  });

  it('of a partition without records, and of a closed journal', async () => {
    expect(await leaderEpochEnd(open, 3, -1, 1)).toEqual({ error: 'NONE', leaderEpoch: 1, endOffset: 0 });
    await other.writer.appendEntry((_, time) => ({ kind: 'close', time }), FOREVER);
    const gone = { error: 'UNKNOWN_TOPIC_OR_PARTITION', leaderEpoch: -1, endOffset: -1 };
    expect(await leaderEpochEnd(open, 0, -1, 0)).toEqual(gone);
    expect(await listOffset(open, 0, 'latest', 'read_uncommitted', -1, {} as never)).toMatchObject({
      error: gone.error,
    });
  });
});
