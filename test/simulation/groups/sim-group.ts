import type { Cluster } from '../cluster.ts';
import { journalOf, type SimTopic } from '../topics.ts';
import type { GroupMember } from './group-member.ts';
import type { GroupRecord } from './group-record.ts';
import { partitionKey } from './stored-group.ts';

/** A group as its members know it, and who of them is there. */
export class SimGroup {
  readonly id: string;
  readonly topics: readonly SimTopic[];
  readonly cluster: Cluster;
  readonly record: GroupRecord;
  /** Members that count themselves in. */
  readonly present = new Set<GroupMember>();
  /** Until then everybody stays away; virtual ms. */
  pausedUntil = 0;
  /** A member is to leave and come back before that. */
  leaving = false;
  /** Set once all is done: everybody may go. */
  over = false;

  constructor(cluster: Cluster, id: string, topics: readonly SimTopic[]) {
    this.cluster = cluster;
    this.id = id;
    this.topics = topics;
    this.record = cluster.world.groups.group(id);
  }

  get keys(): string[] {
    return this.topics.flatMap(({ id, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => partitionKey(id, partition)),
    );
  }

  topicOf(key: string): SimTopic {
    return this.topics.find(({ id }) => key.startsWith(id))!;
  }

  /** Where a partition's log ends by now, and where it begins. */
  bounds(key: string): { readonly start: number; readonly end: number } {
    const topic = this.topicOf(key);
    const partition = Number(key.slice(topic.id.length + 1));
    const known = this.cluster.world.ledger.partition(journalOf(topic, partition), partition);
    return { start: known?.logStart ?? 0, end: known?.next ?? 0 };
  }

  /**
   * Whether the group has come to rest: it is stable with the members that are there and nobody else, they know it, every
   * partition belongs to one of them, and everything is read and committed.
   */
  get isSettled(): boolean {
    const { stored } = this.record;
    if (stored === undefined || !stored.stable || stored.members.size !== this.present.size) return false;
    const owned: string[] = [];
    for (const member of this.present) {
      if (!member.isAt(stored)) return false;
      owned.push(...member.positions.keys());
    }
    const keys = this.keys;
    if (owned.length !== keys.length || new Set(owned).size !== keys.length) return false;
    return keys.every((key) => Math.max(this.record.offset(key), 0) >= this.bounds(key).end);
  }
}
