import { describe, expect, it } from 'vitest';
import { AssertionError } from '../../../lib/core/assert.ts';
import type { HeartbeatReply, HeartbeatRequest } from '../../../lib/groups/consumer/heartbeat.ts';
import type { ConsumerGroup } from '../../../lib/groups/consumer/state.ts';
import {
  type Asked,
  assertAnswered,
  type Decided,
  type Decision,
  decideRound,
  type Round,
} from '../../../lib/groups/decide-round.ts';
import { type Facts, lacks, NeedsUnion, NO_FACTS, type SubscribedTopic } from '../../../lib/groups/facts.ts';
import type { Group } from '../../../lib/groups/group.ts';
import type { StepContext } from '../../../lib/groups/step.ts';
import { consumerHeartbeatStep } from '../../../lib/groups/steps.ts';
import { GROUP_CONFIG } from '../../support/consumer-group-model.ts';

const NOBODY: ReadonlySet<string> = new Set();

function joining(memberId: string, names: readonly string[], pattern = ''): Asked {
  const request: HeartbeatRequest = {
    memberId,
    memberEpoch: 0,
    instanceId: null,
    rackId: null,
    rebalanceTimeoutMs: 30_000,
    subscribedTopicNames: names,
    subscribedTopicRegex: pattern,
    serverAssignor: null,
    topicPartitions: [],
    clientId: 'client',
    clientHost: '/127.0.0.1',
  };
  return { step: consumerHeartbeatStep(request, () => true) };
}

const topic = (name: string): SubscribedTopic => ({ name, topicId: `${name}-id`, partitions: 1 });

function factsOf(names: readonly string[], listed?: readonly string[]): Facts {
  const named = new Map(names.map((name) => [name, topic(name)]));
  const list = listed && { at: 1000, topics: new Map(listed.map((name) => [name, topic(name)])) };
  const patterns = new Map([
    ['x.*', { kind: 'valid' as const, topics: new Set((listed ?? []).filter((name) => name.startsWith('x'))) }],
  ]);
  return { topics: { at: 1000, named, list }, isListNew: list !== undefined, patterns, expiredOffsetsGone: true };
}

const context = (facts: Facts): StepContext => ({
  groupId: 'g',
  now: 1000,
  since: 0,
  config: GROUP_CONFIG,
  isUnused: false,
  facts,
  takenInBy: undefined,
  newMemberId: (prefix) => `${prefix}-1`,
});

const round = (group: Group | undefined, asked: readonly Asked[], facts: Facts): Round<Asked> =>
  decideRound(group, NOBODY, asked, context(facts));

function needsOf(asked: readonly Asked[], facts: Facts) {
  const outcome = round(undefined, asked, facts);
  if (outcome.kind !== 'needs') throw new Error('the round was decided');
  const { topics, newTopics, allTopics } = outcome.needs;
  return { topics: [...topics], newTopics: [...newTopics], allTopics, askers: outcome.askers };
}

function decided(group: Group | undefined, asked: readonly Asked[], facts: Facts): Decision<Asked> {
  const outcome = round(group, asked, facts);
  if (outcome.kind !== 'decided') throw new Error(`it lacks ${[...outcome.needs.topics]}`);
  return outcome;
}

describe('a round', () => {
  const [a, b, c] = [joining('a', ['x']), joining('b', ['y']), joining('c', ['z'])];

  it('names what all of its requests need before it decides any', () => {
    const askers = [a, b, c];
    expect(needsOf(askers, NO_FACTS)).toMatchObject({ newTopics: ['x', 'y', 'z'], allTopics: undefined, askers });
    expect(needsOf(askers, factsOf(['x', 'z']))).toMatchObject({ newTopics: ['y'], askers: [b] });
  });

  it('asks for a new list of topics for a pattern, whatever the others need', () => {
    const pattern = joining('d', [], 'x.*');
    expect(needsOf([pattern, a], NO_FACTS)).toMatchObject({ newTopics: ['x'], allTopics: 'new' });
    const known: Facts = { ...factsOf(['x'], ['x']), isListNew: false };
    expect(needsOf([pattern, a], known)).toMatchObject({ newTopics: [], allTopics: 'new', askers: [pattern] });
  });

  it('decides all of them over one set of facts, and the same over the same', () => {
    const facts = factsOf(['x', 'y', 'z']);
    const once = decided(undefined, [a, b, c], facts);
    const replies = once.results.map(({ result }) => (result.kind === 'reply' ? result.reply : undefined));
    expect(replies.map((reply) => (reply as HeartbeatReply).kind)).toEqual(['ok', 'ok', 'ok']);
    const { members, topics } = (once.group as ConsumerGroup).body;
    expect(topics.map(({ name }) => name)).toEqual(['x', 'y', 'z']);
    expect(members.map(({ target }) => target.map(({ topicId }) => topicId))).toEqual([['x-id'], ['y-id'], ['z-id']]);
    expect(once.takenInBy).toBe((once.group as ConsumerGroup).body);
    expect(decided(undefined, [a, b, c], facts)).toEqual(once);
  });

  it('needs no more for the topics of a pattern than the list that they come from', () => {
    const pattern = joining('d', [], 'x.*');
    const { group } = decided(undefined, [pattern, a], factsOf(['x'], ['x', 'x2', 'y']));
    expect((group as ConsumerGroup).body.topics.map(({ name }) => name)).toEqual(['x', 'x2']);
  });

  it('does not say that the group has taken the facts in for a request that was refused', () => {
    const group = decided(undefined, [a], factsOf(['x'])).group as ConsumerGroup;
    const unknown = { step: consumerHeartbeatStep({ ...REFUSED, memberId: 'unknown' }, () => true) };
    expect(decided(group, [unknown], factsOf(['x', 'y'])).takenInBy).toBeUndefined();
  });
});

const REFUSED: HeartbeatRequest = {
  memberId: '',
  memberEpoch: 5,
  instanceId: null,
  rackId: null,
  rebalanceTimeoutMs: -1,
  subscribedTopicNames: null,
  subscribedTopicRegex: null,
  serverAssignor: null,
  topicPartitions: null,
  clientId: 'client',
  clientHost: '/127.0.0.1',
};

describe('the needs of several steps', () => {
  it('come to what holds all of them', () => {
    const union = new NeedsUnion();
    union.add({ topics: [['a']], allTopics: 'known' });
    union.add({ newTopics: ['b'], expiredOffsetsGone: true });
    union.add({ allTopics: 'new' });
    union.add({ allTopics: 'known' });
    expect({ ...union, topics: [...union.topics], newTopics: [...union.newTopics] }).toMatchObject({
      topics: ['a', 'b'],
      newTopics: ['b'],
      allTopics: 'new',
      expiredOffsetsGone: true,
    });
  });

  it('are lacking where one of them is', () => {
    const facts = { ...factsOf(['a'], ['b']), expiredOffsetsGone: false };
    expect(lacks(facts, {})).toBe(false);
    expect(lacks(facts, { topics: [['a'], ['b']], allTopics: 'new' })).toBe(false);
    expect(lacks(facts, { topics: [['c']] })).toBe(true);
    expect(lacks(facts, { expiredOffsetsGone: true })).toBe(true);
    // An older list does not say what there is under a name now.
    expect(lacks({ ...facts, isListNew: false }, { topics: [['b']], allTopics: 'known' })).toBe(true);
    expect(lacks(NO_FACTS, { allTopics: 'known' })).toBe(true);
  });
});

describe('the results of a round', () => {
  const [a, b] = [joining('a', ['x']), joining('b', ['y'])];
  const resultOf = (request: Asked): Decided<Asked> => ({
    request,
    result: { kind: 'reply', group: undefined, reply: undefined },
    tooLarge: undefined,
  });

  it('are one for each request, in order', () => {
    expect(() => assertAnswered([a, b], [resultOf(a), resultOf(b)], false)).not.toThrow();
    expect(() => assertAnswered([a, b], [resultOf(a)], false)).toThrow(AssertionError);
    expect(() => assertAnswered([a], [resultOf(a), resultOf(b)], true)).toThrow(AssertionError);
    expect(() => assertAnswered([a, b], [resultOf(b), resultOf(a)], false)).toThrow(AssertionError);
  });

  it('are fewer only where one of them deletes the group', () => {
    expect(() => assertAnswered([a, b], [resultOf(a)], true)).not.toThrow();
  });
});
