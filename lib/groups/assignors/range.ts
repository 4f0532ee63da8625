import type { Uuid } from '../../core/uuid.ts';
import { AssignmentDraft, type Assignor, type AssignorInput, type AssignorMember, inOrder } from './assignor.ts';

/**
 * Topics with equal numbers of partitions and equal subscribers. The same partition number of each
 * goes to the same member.
 */
interface CoPartitioned {
  readonly topicIds: Uuid[];
  readonly partitions: number;
  readonly members: readonly AssignorMember[];
}

/**
 * Kafka's `range`. It divides each topic evenly among its subscribers. Co-partitioned topics (equal
 * numbers of partitions, equal subscribers) are divided alike: partition 3 of each goes to the same
 * member, so that they can be joined. A new group gets contiguous ranges. Later each member keeps
 * its partitions up to its share. Source of these guarantees: KIP-848 and Kafka's RangeAssignor.
 */
export const range: Assignor = (input) => {
  const drafts = new Map(input.members.map(({ memberId }) => [memberId, new AssignmentDraft()]));
  for (const together of coPartitioned(input)) {
    const owners = divide(together);
    for (const topicId of together.topicIds) {
      owners.forEach((memberId, partition) => {
        drafts.get(memberId)?.add(topicId, partition);
      });
    }
  }
  return new Map([...drafts].map(([memberId, draft]) => [memberId, draft.finish()]));
};

function coPartitioned(input: AssignorInput): CoPartitioned[] {
  const members = inOrder(input.members);
  const subscribers = new Map<Uuid, number[]>();
  members.forEach((member, index) => {
    for (const topicId of new Set(member.topicIds)) {
      const ofTopic = subscribers.get(topicId);
      if (ofTopic === undefined) subscribers.set(topicId, [index]);
      else ofTopic.push(index);
    }
  });
  const classes = new Map<string, CoPartitioned>();
  for (const topicId of [...subscribers.keys()].sort()) {
    const indexes = subscribers.get(topicId) ?? [];
    const partitions = input.partitionCounts.get(topicId) ?? 0;
    const key = `${partitions}:${indexes.join(',')}`;
    const known = classes.get(key);
    if (known !== undefined) known.topicIds.push(topicId);
    else classes.set(key, { topicIds: [topicId], partitions, members: indexes.map((index) => members[index]!) });
  }
  return [...classes.values()];
}

/** The owner of each partition number. */
function divide({ topicIds, partitions, members }: CoPartitioned): string[] {
  const owners: (string | undefined)[] = new Array(partitions).fill(undefined);
  const minimum = Math.floor(partitions / members.length);
  let extras = partitions % members.length;
  const held = members.map((member) => numbersHeld(member, topicIds, partitions));
  const room = members.map((member, index) => {
    let kept = 0;
    for (const number of held[index]!) {
      if (owners[number] !== undefined) continue;
      if (kept < minimum) kept++;
      else if (kept === minimum && extras > 0) {
        kept++;
        extras--;
      } else break;
      owners[number] = member.memberId;
    }
    return minimum - kept;
  });
  const free = [...owners.keys()].filter((number) => owners[number] === undefined);
  let next = 0;
  members.forEach((member, index) => {
    // Minus one: the member already has one of the extras.
    let more = Math.max(room[index]!, 0);
    if (room[index]! >= 0 && extras > 0) {
      more++;
      extras--;
    }
    for (; more > 0; more--) owners[free[next++]!] = member.memberId;
  });
  return owners as string[];
}

/** The partition numbers that a member holds of any of the topics, ascending. */
function numbersHeld(member: AssignorMember, topicIds: readonly Uuid[], partitions: number): number[] {
  const numbers = new Set<number>();
  for (const topic of member.current) {
    if (!topicIds.includes(topic.topicId)) continue;
    for (const number of topic.partitions) if (number < partitions) numbers.add(number);
  }
  return [...numbers].sort((a, b) => a - b);
}
