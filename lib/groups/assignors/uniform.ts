import type { Uuid } from '../../core/uuid.ts';
import { AssignmentDraft, type Assignor, type AssignorInput, type AssignorMember, inOrder } from './assignor.ts';

interface Share {
  readonly member: AssignorMember;
  readonly topicIds: ReadonlySet<Uuid>;
  readonly draft: AssignmentDraft;
  /** Its current partitions that it may keep. */
  readonly kept: readonly Slot[];
}

interface Slot {
  readonly topicId: Uuid;
  readonly partition: number;
}

/**
 * Kafka's `uniform`: balance first, then as few moves as possible. With equal subscriptions,
 * members differ by at most one partition. With different subscriptions, no single move could bring
 * two members closer. Source of these guarantees: KIP-848 and Kafka's UniformAssignor.
 */
export const uniform: Assignor = (input) => {
  const shares = sharesOf(input);
  if (haveEqualSubscriptions(shares)) divideEvenly(shares, input.partitionCounts);
  else divideBySubscription(shares, input.partitionCounts);
  return new Map(shares.map((share) => [share.member.memberId, share.draft.finish()]));
};

function sharesOf(input: AssignorInput): Share[] {
  const taken = new Map<Uuid, Set<number>>();
  return inOrder(input.members).map((member) => {
    const topicIds = new Set(member.topicIds);
    const kept: Slot[] = [];
    for (const { topicId, partitions } of member.current) {
      if (!topicIds.has(topicId)) continue;
      const count = input.partitionCounts.get(topicId) ?? 0;
      const takenOfTopic = taken.get(topicId) ?? new Set();
      taken.set(topicId, takenOfTopic);
      for (const partition of partitions) {
        if (partition >= count || takenOfTopic.has(partition)) continue;
        takenOfTopic.add(partition);
        kept.push({ topicId, partition });
      }
    }
    return { member, topicIds, draft: new AssignmentDraft(), kept };
  });
}

function haveEqualSubscriptions(shares: readonly Share[]): boolean {
  const first = shares[0]?.topicIds;
  return shares.every(({ topicIds }) => topicIds.size === first?.size && [...topicIds].every((id) => first.has(id)));
}

function divideEvenly(shares: readonly Share[], counts: ReadonlyMap<Uuid, number>): void {
  const topicIds = [...(shares[0]?.topicIds ?? [])].sort();
  const total = topicIds.reduce((sum, topicId) => sum + (counts.get(topicId) ?? 0), 0);
  const minimum = Math.floor(total / shares.length);
  let extras = total % shares.length;
  // Members with the most partitions get the extras first, which avoids unnecessary moves.
  const quotas = new Map<Share, number>();
  const byKept = [...shares].sort((a, b) => b.kept.length - a.kept.length);
  for (const share of byKept) quotas.set(share, extras-- > 0 ? minimum + 1 : minimum);

  const placed = new Map<Uuid, Set<number>>(topicIds.map((topicId) => [topicId, new Set()]));
  for (const share of shares) {
    for (const { topicId, partition } of share.kept.slice(0, quotas.get(share))) {
      share.draft.add(topicId, partition);
      placed.get(topicId)?.add(partition);
    }
  }
  const free = freePartitions(topicIds, counts, placed);
  let next = 0;
  for (const share of shares) {
    for (let room = (quotas.get(share) ?? 0) - share.draft.size; room > 0; room--) {
      const slot = free[next++];
      if (slot === undefined) return;
      share.draft.add(slot.topicId, slot.partition);
    }
  }
}

function freePartitions(
  topicIds: readonly Uuid[],
  counts: ReadonlyMap<Uuid, number>,
  placed: ReadonlyMap<Uuid, ReadonlySet<number>>,
): Slot[] {
  const free: Slot[] = [];
  for (const topicId of topicIds) {
    for (let partition = 0; partition < (counts.get(topicId) ?? 0); partition++) {
      if (!placed.get(topicId)?.has(partition)) free.push({ topicId, partition });
    }
  }
  return free;
}

function divideBySubscription(shares: readonly Share[], counts: ReadonlyMap<Uuid, number>): void {
  const subscribers = new Map<Uuid, Share[]>();
  for (const share of shares) {
    for (const topicId of share.topicIds) {
      const ofTopic = subscribers.get(topicId);
      if (ofTopic === undefined) subscribers.set(topicId, [share]);
      else ofTopic.push(share);
    }
  }
  // Topics with the fewest subscribers come first: their partitions have the least choice.
  const topicIds = [...subscribers.keys()].sort((a, b) => {
    const fewer = (subscribers.get(a)?.length ?? 0) - (subscribers.get(b)?.length ?? 0);
    return fewer !== 0 ? fewer : a < b ? -1 : 1;
  });
  const placed = new Map<Uuid, Set<number>>(topicIds.map((topicId) => [topicId, new Set()]));
  for (const share of shares) {
    for (const { topicId, partition } of share.kept) {
      share.draft.add(topicId, partition);
      placed.get(topicId)?.add(partition);
    }
  }
  for (const { topicId, partition } of freePartitions(topicIds, counts, placed)) {
    leastLoaded(subscribers.get(topicId) ?? [])?.draft.add(topicId, partition);
  }
  balance(topicIds, subscribers);
}

function leastLoaded(shares: readonly Share[]): Share | undefined {
  let least: Share | undefined;
  for (const share of shares) if (least === undefined || share.draft.size < least.draft.size) least = share;
  return least;
}

/**
 * Moves partitions one at a time to members with at least two fewer. Each move reduces the sum of
 * squares, so the loop terminates.
 */
function balance(topicIds: readonly Uuid[], subscribers: ReadonlyMap<Uuid, readonly Share[]>): void {
  for (let moved = true; moved; ) {
    moved = false;
    for (const topicId of topicIds) {
      const ofTopic = subscribers.get(topicId) ?? [];
      for (;;) {
        let most: Share | undefined;
        for (const share of ofTopic) {
          if (share.draft.countOf(topicId) > 0 && share.draft.size > (most?.draft.size ?? -1)) most = share;
        }
        const least = leastLoaded(ofTopic);
        if (most === undefined || least === undefined || most.draft.size <= least.draft.size + 1) break;
        const partition = most.draft.takeLast(topicId);
        if (partition === undefined) break;
        least.draft.add(topicId, partition);
        moved = true;
      }
    }
  }
}
