import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import { changeItem, type ItemPut } from '../kit/change-item.ts';
import { each } from '../kit/each.ts';
import { SharedReads } from '../kit/shared-reads.ts';
import { groupPk } from '../storage/items/group-keys.ts';
import { decodeGroupLease, encodeGroupLease, GROUP_LEASES, groupLeaseSk } from '../storage/items/group-lease.ts';
import {
  type Item,
  type ItemStore,
  type PutCondition,
  type StoreTime,
  StoreUnavailableError,
} from '../storage/ports.ts';
import type { Group, Session } from './group.ts';
import { protocolOf } from './protocols.ts';

export interface LeaseEnvironment {
  readonly state: ItemStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/**
 * A lease is renewed once this share of the session has passed since the last renewal. With a
 * session of 45 s and a heartbeat every 3 s this costs one write per 15 s. A member is removed at
 * the earliest two thirds of its session after its last request, and at the latest its session
 * after it.
 */
const RENEWED_AFTER = 1 / 3;

/**
 * A lease without a member is removed once it is this old; ms. A younger one may belong to a member
 * whose head is still being written.
 */
const ORPHAN_AGE_MS = 30 * 60 * 1000;

/** Leases deleted concurrently when several members are removed together. */
const DELETED_AT_ONCE = 16;

/** The member id of the lease that stands for every member the group has when it is written. */
const EVERYONE = '';

/**
 * A session that stands for all of these, where they are the whole group: one lease is written for
 * them. The lease of a member that joined before it was written began then at the earliest.
 */
export function everyone(sessions: ReadonlyMap<string, Session>): Session {
  const all = [...sessions.values()];
  const seenAt = Math.min(...all.map((one) => one.seenAt));
  return { memberId: EVERYONE, timeoutMs: Math.max(...all.map(({ timeoutMs }) => timeoutMs)), seenAt };
}

interface KnownLease {
  readonly at: StoreTime;
  readonly version: number;
}

/**
 * The members' leases in one group, as far as this process has written or read them. It reads the
 * items only when a session seems to have ended. If one process serves the whole group, that
 * happens only when a member really is silent.
 */
export class Leases {
  readonly #env: LeaseEnvironment;
  readonly #groupId: string;
  readonly #known = new Map<string, KnownLease>();
  readonly #renewals = new SharedReads<string, boolean>();
  /** No session ends before this time, while the members are those of `#earliestOf`. */
  #earliest: StoreTime = Number.NEGATIVE_INFINITY;
  #earliestOf: object | undefined;

  constructor(env: LeaseEnvironment, groupId: string) {
    this.#env = env;
    this.#groupId = groupId;
  }

  /**
   * The members whose session has ended at `now`. Reads the leases if a session seems over. Throws
   * StoreUnavailableError.
   */
  async expired(group: Group | undefined, now: StoreTime): Promise<ReadonlySet<string>> {
    if (group === undefined) return NOBODY;
    const protocol = protocolOf(group);
    const body = protocol.bodyOf(group);
    if (body === this.#earliestOf && now < this.#earliest) return NOBODY;
    const sessions = [...protocol.sessions(group)];
    if (this.#overAt(sessions, now).size > 0) await this.#read(sessions, now);
    this.#earliestOf = body;
    this.#earliest = sessions.reduce((first, one) => Math.min(first, this.endOf(one)), Number.POSITIVE_INFINITY);
    return this.#overAt(sessions, now);
  }

  /**
   * Records a sign of life of a member, and writes its lease if that is due. False if the outcome
   * of the write is unknown. Concurrent calls share a write.
   */
  renew(session: Session, now: StoreTime): Promise<boolean> {
    if (session.memberId !== EVERYONE && !this.isDue(session, now)) return DONE;
    return this.#renewals.join(session.memberId, () => this.#write(session, now));
  }

  /** Whether `renew` would write. */
  isDue(session: Session, now: StoreTime): boolean {
    return now - this.#aliveAt(session) >= session.timeoutMs * RENEWED_AFTER;
  }

  /**
   * Deletes the leases of removed members. Leases that remain are found by the next read of the
   * leases.
   */
  async forget(memberIds: readonly string[]): Promise<void> {
    await each({ atOnce: DELETED_AT_ONCE }, memberIds, async (memberId) => {
      const known = this.#known.get(memberId);
      this.#known.delete(memberId);
      if (known === undefined) return;
      await this.#env.state.delete(groupPk(this.#groupId), groupLeaseSk(memberId), known.version);
    });
  }

  /** When the member's session ends, as far as this process knows. */
  endOf(session: Session): StoreTime {
    return this.#aliveAt(session) + session.timeoutMs;
  }

  #aliveAt({ memberId, seenAt }: Session): StoreTime {
    const [own, all] = [this.#known.get(memberId)?.at ?? 0, this.#known.get(EVERYONE)?.at ?? 0];
    return Math.max(own, all, seenAt);
  }

  #overAt(sessions: readonly Session[], now: StoreTime): ReadonlySet<string> {
    return new Set(sessions.filter((one) => this.endOf(one) <= now).map(({ memberId }) => memberId));
  }

  async #write({ memberId, timeoutMs }: Session, now: StoreTime): Promise<boolean> {
    const put = (known: KnownLease | undefined): ItemPut => ({
      kind: 'put',
      version: Math.max(Math.floor(now), (known?.version ?? 0) + 1),
      body: encodeGroupLease({ memberId, at: now, sessionMs: timeoutMs }),
    });
    const decide = (item: Item | undefined) => {
      const known = item === undefined ? undefined : this.#take(item).lease;
      // Another process has renewed the lease since; that counts as a write of this one.
      return known !== undefined && known.at >= now ? ({ kind: 'keep', result: undefined } as const) : put(known);
    };
    const known = this.#known.get(memberId);
    const condition: PutCondition =
      known === undefined ? { kind: 'absent' } : { kind: 'version', version: known.version };
    const key = { pk: groupPk(this.#groupId), sk: groupLeaseSk(memberId) };
    try {
      const changed = await changeItem(this.#env, key, decide, { ...put(known), condition });
      if (changed.kind === 'put') this.#known.set(memberId, { at: now, version: changed.item.version });
      return true;
    } catch (error) {
      if (error instanceof StoreUnavailableError) return false;
      throw error;
    }
  }

  async #read(sessions: readonly Session[], now: StoreTime): Promise<void> {
    const members = new Set(sessions.map(({ memberId }) => memberId));
    const pk = groupPk(this.#groupId);
    let from = GROUP_LEASES.from;
    for (;;) {
      const page = await this.#env.state.query({ pk, from, to: GROUP_LEASES.to, consistent: true });
      for (const item of page.items) {
        const { memberId, lease, sessionMs } = this.#take(item);
        if (memberId === EVERYONE || members.has(memberId)) continue;
        this.#known.delete(memberId);
        if (now - lease.at > Math.max(ORPHAN_AGE_MS, sessionMs)) void this.#deleteOrphan(item);
      }
      const last = page.items.at(-1);
      if (!page.more || last === undefined) return;
      from = `${last.sk}\0`;
    }
  }

  #take(item: Item): { readonly memberId: string; readonly lease: KnownLease; readonly sessionMs: number } {
    const { memberId, at, sessionMs } = decodeGroupLease(item.body);
    const lease = { at, version: item.version };
    const known = this.#known.get(memberId);
    if (known === undefined || known.version < item.version) this.#known.set(memberId, lease);
    return { memberId, lease, sessionMs };
  }

  async #deleteOrphan({ pk, sk, version }: Item): Promise<void> {
    await this.#env.state.delete(pk, sk, version).catch((error: unknown) => {
      if (!(error instanceof StoreUnavailableError)) throw error;
    });
  }
}

const NOBODY: ReadonlySet<string> = new Set();
const DONE = Promise.resolve(true);
