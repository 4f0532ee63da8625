import type { StoreTime } from '../storage/ports.ts';

/** Which protocol a group speaks, as ListGroups names it (Group.GroupType). Both kinds share the group's items, so that a group can change over. */
export type GroupType = 'classic' | 'consumer';

/**
 * A group in memory: an immutable value. Whoever changes it makes a new one; the same reference means that nothing
 * changed and nothing has to be written. Each protocol extends it with what it keeps and narrows by `type`.
 */
export interface Group {
  readonly type: GroupType;
}

/** What lists and checks need of a group without knowing its protocol. */
export interface GroupSummary {
  /** Kafka's name of the state: Empty, PreparingRebalance, Assigning and so on. */
  readonly state: string;
  /** 'consumer', 'connect' or whatever its members said; empty if nobody did yet. */
  readonly protocolType: string;
  /** The generation (classic) or group epoch (consumer). Never goes back while the group exists. */
  readonly generation: number;
  /** Store time since which the group has no members; undefined while it has some. */
  readonly emptySince?: StoreTime;
}

/** How long a member may be silent, and when the group's own items last knew it to be there. */
export interface Session {
  readonly memberId: string;
  readonly timeoutMs: number;
  /** Store time of a sign of life that is part of the group's items, as the join that made it a member. */
  readonly seenAt: StoreTime;
}
