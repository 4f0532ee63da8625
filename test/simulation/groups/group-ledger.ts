import { decodeOffsetsBlock } from '../../../lib/storage/items/committed-offsets.ts';
import { decodeGroupBody } from '../../../lib/storage/items/group-body.ts';
import { decodeGroupHead } from '../../../lib/storage/items/group-head.ts';
import { decodeGroupLease } from '../../../lib/storage/items/group-lease.ts';
import type { Item } from '../../../lib/storage/ports.ts';
import type { Report } from '../ledger.ts';
import { GroupRecord, type SentCommit } from './group-record.ts';

/** What the checks of ownership need of a consumer-protocol member, as it is itself. */
export interface Holder {
  readonly name: string;
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly sessionMs: number;
  /** How long it may take to give up partitions; ms. */
  readonly rebalanceMs: number;
  /** When the last heartbeat was sent that was answered. */
  aliveAt: number;
  /** Since when it may have been asked to give something up that it has not confirmed to have given up. */
  revokingSince: number;
}

/** A member as it commits and reads. */
export interface Claim {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly generation: number;
}

export const NOBODY: Claim = { memberId: '', instanceId: null, generation: -1 };

/** A member is removed no sooner than this share of its session after its last request. */
const SESSION_SHARE = 2 / 3;

/** By how much processes may be wrong about the store's time; ms. */
const TIME_TOLERANCE_MS = 1_500;

/** Requests that wait for others are answered within this of what they wait for, if nothing is wrong; ms. */
const WOKEN_WITHIN_MS = 3_000;

/** What groups were told, held against what lies in the store, without the engine's code for groups. */
export class GroupLedger {
  readonly groups = new Map<string, GroupRecord>();
  readonly #commits = new Map<number, SentCommit>();
  /** By group, life and generation: the owner of each partition, and what each member was assigned by its leader. */
  readonly #owners = new Map<string, Map<string, string>>();
  readonly #assigned = new Map<string, Set<string>>();
  /** By group: who has a partition by the consumer protocol, and the newest member of each instance. */
  readonly #holders = new Map<string, Map<string, Holder>>();
  readonly #newest = new Map<string, Holder>();
  readonly #report: Report;
  readonly #now: () => number;
  acknowledged = 0;

  constructor(report: Report, now: () => number) {
    this.#report = report;
    this.#now = now;
  }

  group(id: string): GroupRecord {
    let record = this.groups.get(id);
    if (record === undefined) {
      record = new GroupRecord(id, this.#commits, this.#report, this.#now);
      this.groups.set(id, record);
    }
    return record;
  }

  /** An item of the state table; those that are no group's are passed over. */
  wrote({ pk, sk, body }: Item): void {
    const [kind, id] = split(pk);
    if (kind !== 'group' && kind !== 'offsets') return;
    try {
      if (kind === 'offsets') decodeOffsetsBlock(body);
      else if (sk === 'group') decodeGroupHead(body);
      else if (sk.startsWith('lease/')) decodeGroupLease(body);
      else decodeGroupBody(body);
    } catch (error) {
      return void this.#report('groupUnreadable', `${pk} ${sk}: ${String(error)}`);
    }
    if (kind === 'offsets') this.group(id).wroteBlock(sk, body);
    else this.group(id).wrote(sk, body);
  }

  deleted({ pk, sk }: Item): void {
    const [kind, id] = split(pk);
    if (kind === 'offsets') this.group(id).removedBlock(sk);
    else if (kind === 'group') this.group(id).removed(sk);
  }

  /** A commit is about to be sent. */
  commit(groupId: string, claim: Claim, key: string, offset: number): SentCommit {
    const { memberId, instanceId, generation } = claim;
    const record = this.group(groupId);
    const commit: SentCommit = {
      number: this.#commits.size + 1,
      groupId,
      key,
      offset,
      memberId,
      instanceId,
      generation,
      sentAt: this.#now(),
      hopeless: record.isHopeless(memberId, generation, key),
    };
    this.#commits.set(commit.number, commit);
    return commit;
  }

  /** A commit was acknowledged, `sentAt` being when it was sent the last time. */
  committed(commit: SentCommit, sentAt: number): void {
    this.acknowledged++;
    const { groupId, key, number, offset, memberId, generation } = commit;
    const who = `${groupId} ${key}: commit #${number} of ${offset} by ${memberId || 'nobody'} in ${generation}`;
    const record = this.group(groupId);
    if (commit.hopeless && !record.isMember(memberId, generation)) {
      return void this.#report('zombieCommit', `${who} was acknowledged`);
    }
    if (!record.standsSince(key, sentAt).has(number) && record.goneAt < sentAt) {
      this.#report('offsetLost', `${who} was acknowledged and is not there`);
    }
  }

  /** An offset was told. `fences`: its reader was a member from the question to the answer, and goes on from it. */
  fetched(
    groupId: string,
    key: string,
    told: { offset: number; metadata: string },
    sentAt: number,
    fences?: Claim,
  ): void {
    const record = this.group(groupId);
    const number = told.metadata === '' ? 0 : Number(told.metadata.slice(1));
    const known = number === 0 ? told.offset === -1 : this.#commits.get(number)?.offset === told.offset;
    const stands = record.standsSince(key, sentAt);
    if (!known || !stands.has(number)) {
      const was = [...stands].map((one) => `#${one}`).join(', ');
      const kind = told.offset === -1 ? 'offsetLost' : 'offsetOther';
      return void this.#report(kind, `${groupId} ${key}: told ${told.offset} (#${number}), while it was ${was}`);
    }
    if (fences !== undefined) record.show(key, fences.generation, fences.memberId, fences.instanceId);
  }

  /**
   * Somebody was told the id to join with. It is stored, unless the group was deleted right after that, in the same write, or in
   * none if it had not been there before.
   */
  gotId(groupId: string, memberId: string, sentAt: number): void {
    const { goneAt, deletedUntil } = this.group(groupId);
    if (goneAt < sentAt && deletedUntil < sentAt) this.joined(groupId, memberId, -1, null, sentAt);
  }

  /** A member was told its id and its generation or epoch: both must stand in the store by then. */
  joined(groupId: string, memberId: string, generation: number, instanceId: string | null, sentAt: number): void {
    const record = this.group(groupId);
    let since = record.ids.get(memberId);
    // Somebody else took the place right after that, in the same write.
    if (instanceId !== null && record.isReplacedSince(instanceId, sentAt)) since ??= record.stored?.since;
    if (since === undefined || generation > (record.highest.get(since) ?? 0)) {
      this.#report('toldEarly', `${groupId}: ${memberId} was told of generation ${generation}, which nobody stored`);
    }
  }

  /** A leader is about to send what its members get, by instance or member id. */
  assigns(groupId: string, generation: number, assignments: ReadonlyMap<string, readonly string[]>): void {
    for (const [who, keys] of assignments)
      this.#assignmentsOf(groupId, generation, who).add([...keys].sort().join(' '));
  }

  /** A classic member was told its assignment. */
  synced(groupId: string, claim: Claim, keys: readonly string[], sentAt: number): void {
    const { memberId, generation } = claim;
    const record = this.group(groupId);
    const since = record.ids.get(memberId);
    // The next rebalance may have begun in the same write.
    const stored = record.stable.has(`${since}/${generation}`) || record.writtenAt >= sentAt;
    if (since === undefined || !stored) {
      return void this.#report(
        'toldEarly',
        `${groupId}: ${memberId} got an assignment of ${generation} that nobody stored`,
      );
    }
    const who = claim.instanceId ?? memberId;
    const sent = this.#assignmentsOf(groupId, generation, who);
    const told = [...keys].sort().join(' ');
    if (!sent.has(told)) {
      return void this.#report(
        'assignedOther',
        `${groupId}: ${memberId} got ${told || 'nothing'} in ${generation}, not ${[...sent]}`,
      );
    }
    const place = `${groupId} ${since} ${generation}`;
    let owners = this.#owners.get(place);
    if (owners === undefined) {
      owners = new Map();
      this.#owners.set(place, owners);
    }
    for (const key of keys) {
      const owner = owners.get(key) ?? who;
      if (owner !== who)
        this.#report('ownedTwice', `${groupId} ${key} belongs to ${owner} and ${who} in ${generation}`);
      owners.set(key, who);
    }
  }

  /** A member of the consumer protocol was told that it has these, all of them. */
  holds(groupId: string, holder: Holder, keys: Iterable<string>): void {
    const { instanceId } = holder;
    // One whose place was taken may get an answer that is older than that.
    if (instanceId !== null && this.#newest.get(`${groupId} ${instanceId}`) !== holder) return;
    const holders = this.#holdersOf(groupId);
    for (const key of keys) {
      const other = holders.get(key);
      if (other !== undefined && other !== holder && !this.#isOver(groupId, other)) {
        const ago = Math.floor(this.#now() - other.aliveAt);
        const text = `${groupId} ${key} was given to ${holder.name} while ${other.name} has it, last answered ${ago} ms ago`;
        this.#report('ownedTwice', text);
      }
      holders.set(key, holder);
    }
  }

  /** A member is about to say that it has no more than these. */
  releases(groupId: string, holder: Holder, kept: ReadonlySet<string>): void {
    const holders = this.#holdersOf(groupId);
    for (const [key, one] of holders) if (one === holder && !kept.has(key)) holders.delete(key);
  }

  /** A static member is about to join, in the place of whoever was there by its instance id. */
  replaces(groupId: string, holder: Holder): void {
    const { instanceId } = holder;
    if (instanceId === null) return;
    this.#newest.set(`${groupId} ${instanceId}`, holder);
    const holders = this.#holdersOf(groupId);
    for (const [key, other] of holders) if (other.instanceId === instanceId) holders.delete(key);
  }

  /** A request that waited for the next generation, or for an assignment, ended, by its answer or without, though all is well. */
  waited(groupId: string, claim: Claim, waitsFor: 'generation' | 'assignment', sentAt: number): void {
    const { stored, generationAt, stableAt } = this.group(groupId);
    if (stored === undefined || !stored.members.has(claim.memberId)) return;
    const isThere =
      waitsFor === 'generation'
        ? stored.generation > claim.generation
        : stored.generation === claim.generation && stored.stable;
    const at = waitsFor === 'generation' ? generationAt : Math.max(generationAt, stableAt);
    if (isThere && at > sentAt && this.#now() - at > WOKEN_WITHIN_MS) {
      const late = Math.floor(this.#now() - at);
      this.#report('notWoken', `${groupId}: ${claim.memberId} was not told of its ${waitsFor} for ${late} ms`);
    }
  }

  #isOver(groupId: string, { memberId, aliveAt, revokingSince, sessionMs, rebalanceMs }: Holder): boolean {
    const session = aliveAt + sessionMs * SESSION_SHARE;
    // The answer that asked it to give something up may have been lost.
    const asked = Math.min(revokingSince, this.group(groupId).revokingSince(memberId));
    const rebalance = Math.min(aliveAt, asked) + rebalanceMs;
    return this.#now() >= Math.min(session, rebalance) - TIME_TOLERANCE_MS;
  }

  #assignmentsOf(groupId: string, generation: number, who: string): Set<string> {
    const place = `${groupId} ${generation} ${who}`;
    let known = this.#assigned.get(place);
    if (known === undefined) {
      known = new Set();
      this.#assigned.set(place, known);
    }
    return known;
  }

  #holdersOf(groupId: string): Map<string, Holder> {
    let known = this.#holders.get(groupId);
    if (known === undefined) {
      known = new Map();
      this.#holders.set(groupId, known);
    }
    return known;
  }
}

function split(pk: string): [kind: string, rest: string] {
  const slash = pk.indexOf('/');
  return slash < 0 ? [pk, ''] : [pk.slice(0, slash), pk.slice(slash + 1)];
}
