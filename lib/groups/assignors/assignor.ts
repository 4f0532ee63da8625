import type { Uuid } from '../../core/uuid.ts';

/** Partitions of one topic, ascending and without doubles. */
export interface TopicPartitions {
  readonly topicId: Uuid;
  readonly partitions: readonly number[];
}

/** Partitions of several topics: by topic id, each topic once, none without partitions. */
export type Assignment = readonly TopicPartitions[];

export const NO_PARTITIONS: Assignment = [];

/** A member as an assignor sees it. */
export interface AssignorMember {
  readonly memberId: string;
  /** Of a static member; members are taken in order of it, so that a replaced one gets the share of its predecessor. */
  readonly instanceId: string | undefined;
  /** The topics it is subscribed to that exist, each once. */
  readonly topicIds: readonly Uuid[];
  /** What it was to have by the last target assignment. */
  readonly current: Assignment;
}

export interface AssignorInput {
  readonly members: readonly AssignorMember[];
  /** The number of partitions of every topic that a member is subscribed to. */
  readonly partitionCounts: ReadonlyMap<Uuid, number>;
}

/** Who is to have what: by member id, an entry for every member. */
export type TargetAssignment = ReadonlyMap<string, Assignment>;

/**
 * Divides the partitions of the subscribed topics among the members: every partition of a topic that has a subscriber
 * goes to exactly one of its subscribers. Pure: the same input gives the same answer, whatever order it comes in.
 */
export type Assignor = (input: AssignorInput) => TargetAssignment;

/** The members in the order that assignors go by: static ones first, by instance id, then the others by member id. */
export function inOrder(members: readonly AssignorMember[]): AssignorMember[] {
  return [...members].sort((a, b) => {
    if (a.instanceId !== undefined && b.instanceId !== undefined) return compare(a.instanceId, b.instanceId);
    if (a.instanceId !== undefined) return -1;
    if (b.instanceId !== undefined) return 1;
    return compare(a.memberId, b.memberId);
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Builds an assignment partition by partition. */
export class AssignmentDraft {
  readonly #topics = new Map<Uuid, number[]>();
  #size = 0;

  /** How many partitions are in it. */
  get size(): number {
    return this.#size;
  }

  /** How many of one topic. */
  countOf(topicId: Uuid): number {
    return this.#topics.get(topicId)?.length ?? 0;
  }

  add(topicId: Uuid, partition: number): void {
    const partitions = this.#topics.get(topicId);
    if (partitions === undefined) this.#topics.set(topicId, [partition]);
    else partitions.push(partition);
    this.#size++;
  }

  /** Takes out the partition of that topic that was added last; undefined if there is none. */
  takeLast(topicId: Uuid): number | undefined {
    const partition = this.#topics.get(topicId)?.pop();
    if (partition !== undefined) this.#size--;
    return partition;
  }

  finish(): Assignment {
    const topics = [...this.#topics].filter(([, partitions]) => partitions.length > 0);
    topics.sort(([a], [b]) => compare(a, b));
    return topics.map(([topicId, partitions]) => ({ topicId, partitions: partitions.sort((a, b) => a - b) }));
  }
}
