import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Assignment, Assignor, AssignorInput, AssignorMember } from '../../../lib/groups/assignors/assignor.ts';
import { ASSIGNORS } from '../../../lib/groups/assignors/choose.ts';
import { range } from '../../../lib/groups/assignors/range.ts';
import { uniform } from '../../../lib/groups/assignors/uniform.ts';
import { runs } from '../../support/runs.ts';

const RUNS = { numRuns: runs(1500) };

const TOPICS = ['topic-a', 'topic-b', 'topic-c', 'topic-d'];

const counts = fc
  .array(fc.integer({ min: 1, max: 9 }), { minLength: TOPICS.length, maxLength: TOPICS.length })
  .map((sizes) => new Map(TOPICS.map((topic, index) => [topic, sizes[index]!])));

/** What a member had before, which may be of topics that are gone, or with others now. */
const anyAssignment: fc.Arbitrary<Assignment> = fc
  .dictionary(fc.constantFrom(...TOPICS, 'topic-gone'), fc.uniqueArray(fc.nat(11), { minLength: 1, maxLength: 6 }))
  .map((topics) =>
    Object.entries(topics)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([topicId, partitions]) => ({ topicId, partitions: partitions.sort((a, b) => a - b) })),
  );

const someMembers = (topicIds: fc.Arbitrary<string[]>) =>
  fc.uniqueArray(
    fc.record({
      memberId: fc.integer({ min: 100, max: 999 }).map((id) => `member-${id}`),
      instanceId: fc.option(
        fc.integer({ min: 1, max: 99 }).map((id) => `instance-${id}`),
        { nil: undefined },
      ),
      topicIds,
      current: anyAssignment,
    }),
    { minLength: 1, maxLength: 8, selector: ({ memberId }) => memberId },
  );

const mixed = someMembers(fc.subarray(TOPICS));
/** Members with one and the same subscription. */
const alike = fc
  .tuple(someMembers(fc.constant([])), fc.subarray(TOPICS, { minLength: 1 }))
  .map(([members, topicIds]) => members.map((member) => ({ ...member, topicIds })));

function input(members: readonly AssignorMember[], all: ReadonlyMap<string, number>): AssignorInput {
  const wanted = new Set(members.flatMap(({ topicIds }) => topicIds));
  return { members, partitionCounts: new Map([...all].filter(([topic]) => wanted.has(topic))) };
}

/** By 'topic partition', who has it; fails for one that two have. */
function ownersOf(result: ReadonlyMap<string, Assignment>): Map<string, string> {
  const owners = new Map<string, string>();
  for (const [memberId, assignment] of result) {
    for (const { topicId, partitions } of assignment) {
      expect(partitions.length).toBeGreaterThan(0);
      for (const partition of partitions) {
        const key = `${topicId} ${partition}`;
        expect(owners.has(key), `${key} goes to ${owners.get(key)} and to ${memberId}`).toBe(false);
        owners.set(key, memberId);
      }
    }
  }
  return owners;
}

const sizeOf = (assignment: Assignment = []) => assignment.reduce((sum, { partitions }) => sum + partitions.length, 0);

/** The same members with what they were given. */
function withResult(given: AssignorInput, result: ReadonlyMap<string, Assignment>): AssignorMember[] {
  return given.members.map((member) => ({ ...member, current: result.get(member.memberId) ?? [] }));
}

describe.each([...ASSIGNORS])('the assignor %s', (_name, assign: Assignor) => {
  it('gives every partition of a subscribed topic to one of its subscribers', () => {
    fc.assert(
      fc.property(mixed, counts, (members, all) => {
        const given = input(members, all);
        const result = assign(given);
        expect([...result.keys()].sort()).toEqual(members.map(({ memberId }) => memberId).sort());
        const owners = ownersOf(result);
        const wanted = [...given.partitionCounts].flatMap(([topic, count]) =>
          Array.from({ length: count }, (_, partition) => `${topic} ${partition}`),
        );
        expect([...owners.keys()].sort()).toEqual(wanted.sort());
        for (const [key, memberId] of owners) {
          const owner = members.find((member) => member.memberId === memberId);
          expect(owner?.topicIds).toContain(key.split(' ')[0]);
        }
      }),
      RUNS,
    );
  });

  it('gives the same, whatever order the members come in, and moves nothing when asked again', () => {
    fc.assert(
      fc.property(mixed, counts, fc.nat(), (members, all, turn) => {
        const unique = members.map((member) => ({ ...member, instanceId: undefined }));
        const given = input(unique, all);
        const result = assign(given);
        const at = turn % unique.length;
        const turned = [...unique.slice(at), ...unique.slice(0, at)];
        expect(new Map([...assign({ ...given, members: turned })].sort())).toEqual(new Map([...result].sort()));
        expect(assign({ ...given, members: withResult(given, result) })).toEqual(result);
      }),
      RUNS,
    );
  });
});

describe('uniform', () => {
  it('gives members with equal subscriptions the same number of partitions, or one more', () => {
    fc.assert(
      fc.property(alike, counts, (members, all) => {
        const sizes = [...uniform(input(members, all)).values()].map(sizeOf);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
      RUNS,
    );
  });

  it('leaves no partition that would be better off with another of its subscribers', () => {
    fc.assert(
      fc.property(mixed, counts, (members, all) => {
        const result = uniform(input(members, all));
        for (const owner of members) {
          for (const { topicId } of result.get(owner.memberId) ?? []) {
            for (const other of members.filter(({ topicIds }) => topicIds.includes(topicId))) {
              expect(sizeOf(result.get(owner.memberId))).toBeLessThanOrEqual(sizeOf(result.get(other.memberId)) + 1);
            }
          }
        }
      }),
      RUNS,
    );
  });

  it('takes from the others only what a newcomer gets, and nothing when a member leaves', () => {
    fc.assert(
      fc.property(alike, counts, (members, all) => {
        const given = input(members, all);
        const before = uniform(given);
        const kept = withResult(given, before);
        const newcomer = { memberId: 'newcomer', instanceId: undefined, topicIds: members[0]!.topicIds, current: [] };
        const grown = uniform({ ...given, members: [...kept, newcomer] });
        const owners = ownersOf(before);
        const moved = [...ownersOf(grown)].filter(([key, owner]) => owners.get(key) !== owner);
        expect(moved.every(([, owner]) => owner === 'newcomer')).toBe(true);
        if (kept.length === 1) return;
        const [gone, ...rest] = kept;
        const shrunk = ownersOf(uniform({ ...given, members: rest }));
        for (const [key, owner] of owners) if (owner !== gone!.memberId) expect(shrunk.get(key)).toBe(owner);
      }),
      RUNS,
    );
  });
});

describe('range', () => {
  it('divides each topic evenly, and topics of one size and one set of subscribers alike', () => {
    fc.assert(
      fc.property(mixed, counts, (members, all) => {
        const result = range(input(members, all));
        const partitionsAt = (memberId: string, topic: string) =>
          result.get(memberId)?.find(({ topicId }) => topicId === topic)?.partitions ?? [];
        const subscribers = (topic: string) =>
          members.filter(({ topicIds }) => topicIds.includes(topic)).map(({ memberId }) => memberId);
        for (const topic of TOPICS) {
          const sizes = subscribers(topic).map((memberId) => partitionsAt(memberId, topic).length);
          if (sizes.length > 0) expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
          for (const other of TOPICS) {
            const together =
              all.get(topic) === all.get(other) && subscribers(topic).join() === subscribers(other).join();
            if (!together) continue;
            for (const id of subscribers(topic)) expect(partitionsAt(id, topic)).toEqual(partitionsAt(id, other));
          }
        }
      }),
      RUNS,
    );
  });

  it('gives a fresh group contiguous ranges, in order of the members', () => {
    fc.assert(
      fc.property(alike, counts, (members, all) => {
        const fresh = members.map((member) => ({ ...member, instanceId: undefined, current: [] }));
        const result = range(input(fresh, all));
        const inOrder = fresh.map(({ memberId }) => memberId).sort();
        for (const topic of fresh[0]!.topicIds) {
          const partitions = inOrder.flatMap(
            (memberId) => result.get(memberId)?.find(({ topicId }) => topicId === topic)?.partitions ?? [],
          );
          expect(partitions).toEqual(Array.from({ length: all.get(topic)! }, (_, partition) => partition));
        }
      }),
      RUNS,
    );
  });
});
