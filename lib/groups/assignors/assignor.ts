import type { Uuid } from '../../core/uuid.ts';

/** Partitions of one topic, ascending, without duplicates. */
export interface TopicPartitions {
  readonly topicId: Uuid;
  readonly partitions: readonly number[];
}

/**
 * Partitions of several topics, ordered by topic id. Each topic appears once and has at least one
 * partition.
 */
export type Assignment = readonly TopicPartitions[];

export const NO_PARTITIONS: Assignment = [];

/** The input of an assignor for one member. */
export interface AssignorMember {
  readonly memberId: string;
  /**
   * Defined for a static member. Assignors order static members by it, so that a replacement gets
   * its predecessor's share.
   */
  readonly instanceId: string | undefined;
  /** The existing topics to which it is subscribed, each once. */
  readonly topicIds: readonly Uuid[];
  /** Its previous target assignment. */
  readonly current: Assignment;
}

export interface AssignorInput {
  readonly members: readonly AssignorMember[];
  /** The number of partitions of each subscribed topic. */
  readonly partitionCounts: ReadonlyMap<Uuid, number>;
}

/** The target of each member, by member id. */
export type TargetAssignment = ReadonlyMap<string, Assignment>;

/**
 * Divides the partitions of the subscribed topics among the members. Each partition of a topic with
 * subscribers goes to exactly one of them. Pure, and independent of the order of the input.
 */
export type Assignor = (input: AssignorInput) => TargetAssignment;

/**
 * The members in the order in which assignors process them: static members by instance id, then the
 * others by member id.
 */
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

  /** Number of partitions. */
  get size(): number {
    return this.#size;
  }

  /** Number of partitions of one topic. */
  countOf(topicId: Uuid): number {
    return this.#topics.get(topicId)?.length ?? 0;
  }

  add(topicId: Uuid, partition: number): void {
    const partitions = this.#topics.get(topicId);
    if (partitions === undefined) this.#topics.set(topicId, [partition]);
    else partitions.push(partition);
    this.#size++;
  }

  /** Removes and returns the topic's most recently added partition; undefined if there is none. */
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
