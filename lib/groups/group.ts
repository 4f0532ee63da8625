import type { StoreTime } from '../storage/ports.ts';

/**
 * The group's protocol, as ListGroups names it (Group.GroupType). Both protocols use the same
 * items, so that a group can change from one to the other.
 */
export type GroupType = 'classic' | 'consumer';

/**
 * A group in memory. The value is immutable: a change makes a new value. The same reference means
 * that nothing changed and that no write is needed. Each protocol extends this type with its own
 * fields; `type` discriminates.
 */
export interface Group {
  readonly type: GroupType;
}

/** The properties of a group that lists and checks need, whatever its protocol. */
export interface GroupSummary {
  /** Kafka's name of the state: Empty, PreparingRebalance, Assigning and so on. */
  readonly state: string;
  /**
   * 'consumer', 'connect' or another type that the members named; empty until a member names one.
   */
  readonly protocolType: string;
  /** The generation (classic) or group epoch (consumer). Never decreases while the group exists. */
  readonly generation: number;
  /** Store time at which the group became empty; undefined while it has members. */
  readonly emptySince?: StoreTime;
}

/** The session of one member: its timeout, and its last sign of life in the group's own items. */
export interface Session {
  readonly memberId: string;
  readonly timeoutMs: number;
  /**
   * Store time of the last sign of life that the group's items contain, such as the member's join.
   */
  readonly seenAt: StoreTime;
}
