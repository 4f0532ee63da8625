import { describe, expect, it } from 'vitest';
import { AssertionError } from '../../../../lib/core/assert.ts';
import { ConsumerGroupBody, type Member } from '../../../../lib/groups/consumer/state.ts';
import { assertTargets } from '../../../../lib/groups/consumer/target.ts';
import { ConsumerGroupModel } from '../../../support/consumer-group-model.ts';

const partitions = (topicId: string, ...numbers: readonly number[]) => [{ topicId, partitions: numbers }];

describe('the partitions of a consumer group', () => {
  const model = new ConsumerGroupModel();
  model.heartbeat(model.addClient({ names: ['orders'], pattern: '' }));
  const [member] = model.group!.body.members;
  const bodyOf = (...members: readonly Partial<Member>[]) =>
    new ConsumerGroupBody({
      members: members.map((parts, index) => ({ ...member!, memberId: `m-${index}`, ...parts })),
      topics: [],
      topicsAt: 0,
      patterns: [],
    });

  it('are with one member each, also while they are given up', () => {
    const none = { assigned: [], pendingRevocation: [] };
    const body = bodyOf({ ...none, assigned: partitions('t', 0, 1) }, { ...none, assigned: partitions('t', 2) });
    expect(body.owners.get('t')).toEqual(
      new Map([
        [0, 'm-0'],
        [1, 'm-0'],
        [2, 'm-1'],
      ]),
    );
    const shared = bodyOf({ ...none, assigned: partitions('t', 0) }, { ...none, assigned: partitions('t', 0) });
    expect(() => shared.owners).toThrow(AssertionError);
    const early = bodyOf({ ...none, pendingRevocation: partitions('t', 0) }, { ...none, assigned: partitions('t', 0) });
    expect(() => early.owners).toThrow(AssertionError);
  });

  it('that are targets exist, and are the target of one member', () => {
    const counts = new Map([['t', 2]]);
    const targets = (a: ReturnType<typeof partitions>, b = partitions('t')) =>
      new Map([
        ['a', a],
        ['b', b],
      ]);
    expect(() => assertTargets(targets(partitions('t', 0), partitions('t', 1)), counts)).not.toThrow();
    expect(() => assertTargets(targets(partitions('other', 0)), counts)).toThrow(AssertionError);
    expect(() => assertTargets(targets(partitions('t', 2)), counts)).toThrow(AssertionError);
    expect(() => assertTargets(targets(partitions('t', 0), partitions('t', 0)), counts)).toThrow(AssertionError);
  });
});
