import { describe, expect, it } from 'vitest';
import { assignRanges } from '../../../../lib/cli/client/range-assignment.ts';
import { PassedOn, PIPE_BYTES } from '../../../../lib/cli/consume/passed-on.ts';

describe('the range assignor', () => {
  const member = (memberId: string, topics: string[], instanceId: string | null = null) => ({
    memberId,
    topics,
    instanceId,
  });
  const shown = (members: ReturnType<typeof member>[], counts: Record<string, number>) =>
    Object.fromEntries(
      [...assignRanges(members, new Map(Object.entries(counts)))].map(([id, topics]) => [
        id,
        Object.fromEntries(topics),
      ]),
    );

  // As in the documentation of Kafka's RangeAssignor.
  it('divides each topic by itself', () => {
    expect(shown([member('c1', ['t0', 't1']), member('c0', ['t0', 't1'])], { t0: 3, t1: 3 })).toEqual({
      c0: { t0: [0, 1], t1: [0, 1] },
      c1: { t0: [2], t1: [2] },
    });
  });

  it('goes by subscriptions, and puts static members first', () => {
    const members = [member('a', ['t0']), member('b', ['t0', 't1'], 'z'), member('c', ['t1'], 'y')];
    expect(shown(members, { t0: 5, t1: 1, nobody: 4 })).toEqual({
      a: { t0: [3, 4] },
      b: { t0: [0, 1, 2] },
      c: { t1: [0] },
    });
  });
});

describe('what was passed on', () => {
  const one = (offset: number) => [{ topic: 't', partition: 0, offset }];

  it('is what was accepted, each offset once', () => {
    const passedOn = new PassedOn();
    passedOn.take('t', 0, 5);
    const accepted = passedOn.beforeWriting(10);
    expect(passedOn.settle(false)).toEqual([]);
    passedOn.take('t', 0, 9);
    accepted();
    expect(passedOn.settle(false)).toEqual(one(5));
    expect(passedOn.settle(false)).toEqual([]);
    passedOn.beforeWriting(10)();
    expect(passedOn.settle(false)).toEqual(one(9));
  });

  it('is without what may be left in the pipe when its reader has gone', () => {
    const passedOn = new PassedOn();
    for (let offset = 1; offset <= 5; offset++) {
      passedOn.take('t', 0, offset);
      passedOn.beforeWriting(PIPE_BYTES / 2)();
    }
    expect(passedOn.settle(true)).toEqual(one(3));
    const short = new PassedOn();
    short.take('t', 0, 1);
    short.beforeWriting(PIPE_BYTES - 1)();
    expect(short.settle(true)).toEqual([]);
  });
});
