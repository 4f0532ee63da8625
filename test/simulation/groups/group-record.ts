import type { Report } from '../ledger.ts';
import {
  partitionKey,
  readBlock,
  readHead,
  type StoredBlock,
  type StoredGroup,
  type StoredMember,
} from './stored-group.ts';

/** One partition's part of an OffsetCommit that was sent; its number is the offset's metadata in the store. */
export interface SentCommit {
  readonly number: number;
  readonly groupId: string;
  readonly key: string;
  readonly offset: number;
  readonly memberId: string;
  readonly instanceId: string | null;
  /** Generation or member epoch; -1 for somebody who is not a member. */
  readonly generation: number;
  readonly sentAt: number;
  /** Its member was one no more when it was sent, so that it must be refused. */
  readonly hopeless: boolean;
}

/** What a partition's committed offset is from some moment on; commit 0 for none. */
interface Stand {
  readonly from: number;
  readonly commit: number;
  readonly offset: number;
}

/** The latest member to which an offset was shown. */
interface Shown {
  readonly since: number;
  readonly generation: number;
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly at: number;
}

const NONE: Stand = { from: Number.NEGATIVE_INFINITY, commit: 0, offset: -1 };
const NUMBERED = /^#(\d+)$/;

/** What lies in the store of one group, as it came about, and what its members were told. */
export class GroupRecord {
  readonly id: string;
  stored: StoredGroup | undefined;
  /** When the stored generation, and the stable state, were reached. */
  generationAt = 0;
  stableAt = 0;
  /** Until when it was seen without members. */
  emptyUntil = 0;
  /** When it ceased to be, the last time; what is committed meanwhile may count as done before that. */
  goneAt = Number.NEGATIVE_INFINITY;
  /** DeleteGroups that were sent, and until when the last one may be under way. */
  deletions = 0;
  deletedUntil = Number.NEGATIVE_INFINITY;
  generations = 0;
  /** Member ids that the store has ever had, with the life of the group that they belong to. */
  readonly ids = new Map<string, number>();
  /** The highest generation of each life of the group, and `life/generation` of all that were stable. */
  readonly highest = new Map<number, number>();
  readonly stable = new Set<string>();
  /** When the head was written last. */
  writtenAt = 0;
  readonly commits: Map<number, SentCommit>;
  readonly #report: Report;
  readonly #now: () => number;
  readonly #bodies = new Map<string, Buffer>();
  readonly #blocks = new Map<string, StoredBlock>();
  readonly #stands = new Map<string, Stand[]>();
  readonly #shown = new Map<string, Shown>();
  readonly #revokingSince = new Map<string, number>();
  readonly #replacedAt = new Map<string, number>();

  constructor(id: string, commits: Map<number, SentCommit>, report: Report, now: () => number) {
    this.id = id;
    this.commits = commits;
    this.#report = report;
    this.#now = now;
  }

  /** An item under the group's own key. */
  wrote(sk: string, body: Buffer): void {
    if (sk.startsWith('body/')) this.#bodies.set(sk, body);
    if (sk !== 'group') return;
    const read = readHead(body, (key) => this.#bodies.get(key));
    if (read.kind === 'bodyMissing') {
      return void this.#report('groupBodyMissing', `${this.id} names ${read.sk}, which is not there`);
    }
    this.#becomes(read.kind === 'group' ? read.group : undefined);
  }

  removed(sk: string): void {
    this.#bodies.delete(sk);
    if (sk === 'group') this.#becomes(undefined);
  }

  wroteBlock(sk: string, body: Buffer): void {
    const block = readBlock(sk, body);
    const before = this.#blocks.get(sk);
    for (const row of block.offsets) {
      const known = before?.offsets.find(({ partition }) => partition === row.partition);
      const same = before?.since === block.since && known?.metadata === row.metadata && known.offset === row.offset;
      if (!same) this.#committed(block, partitionKey(block.topicId, row.partition), row.offset, row.metadata);
    }
    this.#blocks.set(sk, block);
    this.#stand(before, block);
  }

  removedBlock(sk: string): void {
    const before = this.#blocks.get(sk);
    this.#blocks.delete(sk);
    this.#stand(before, undefined);
  }

  /** The offset that counts now; -1 for none. */
  offset(key: string): number {
    return this.#stands.get(key)?.at(-1)?.offset ?? NONE.offset;
  }

  /** Whether a member of that id and generation or epoch may count as one, by what is stored. */
  isMember(memberId: string, generation: number): boolean {
    return this.stored?.members.get(memberId)?.epoch === generation;
  }

  /** Since when the store says that this member has to give something up; also after it was removed for that. */
  revokingSince(memberId: string): number {
    return this.#revokingSince.get(memberId) ?? Number.POSITIVE_INFINITY;
  }

  /** Whether somebody else has taken the place of that instance since. */
  isReplacedSince(instanceId: string, at: number): boolean {
    return (this.#replacedAt.get(instanceId) ?? Number.NEGATIVE_INFINITY) >= at;
  }

  /** Whether nothing that this member commits now may be taken. */
  isHopeless(memberId: string, generation: number, key: string): boolean {
    if (generation < 0) return false;
    const member = this.stored?.members.get(memberId);
    if (member === undefined) return true;
    if (this.stored!.type === 'classic') return member.epoch > generation;
    return member.epoch > generation && !member.assigned.has(key);
  }

  /** Every commit number that the partition's offset had since `from`; 0 among them if there was none for a time. */
  standsSince(key: string, from: number): Set<number> {
    const all = this.#stands.get(key) ?? [];
    const first = all.findLastIndex((stand) => stand.from <= from);
    const stands = first < 0 ? [NONE, ...all] : all.slice(first);
    return new Set(stands.map(({ commit }) => commit));
  }

  /** A member was shown a partition's offset, and goes on from it. */
  show(key: string, generation: number, memberId: string, instanceId: string | null): void {
    const { since } = this.stored!;
    const known = this.#shown.get(key);
    if (known !== undefined && known.since === since && known.generation > generation) return;
    this.#shown.set(key, { since, generation, memberId, instanceId, at: this.#now() });
  }

  #becomes(group: StoredGroup | undefined): void {
    const before = this.stored;
    const now = this.#now();
    this.stored = group;
    this.writtenAt = now;
    if (before === undefined || before.members.size === 0) this.emptyUntil = now;
    if (group === undefined) {
      if (before !== undefined) this.goneAt = now;
      if (before !== undefined && this.deletions === 0)
        this.#report('offsetLost', `nobody deleted the group ${this.id}`);
    } else {
      const { since, generation } = group;
      if (before?.since === since && generation < before.generation) {
        this.#report('epochBack', `${this.id} went from generation ${before.generation} to ${generation}`);
      }
      if (before?.since !== since || generation > before.generation) {
        this.generationAt = now;
        this.generations++;
      }
      if (group.stable && before?.stable !== true) this.stableAt = now;
      this.highest.set(since, Math.max(generation, this.highest.get(since) ?? 0));
      if (group.stable) this.stable.add(`${since}/${generation}`);
      for (const id of [...group.members.keys(), ...group.pending]) this.ids.set(id, since);
      for (const member of group.members.values()) this.#noteMember(member, before);
    }
    if (before?.since !== group?.since) for (const block of this.#blocks.values()) this.#stand(block, block);
  }

  #noteMember({ id, instanceId, revoking }: StoredMember, before: StoredGroup | undefined): void {
    if (!revoking) this.#revokingSince.delete(id);
    else if (!this.#revokingSince.has(id)) this.#revokingSince.set(id, this.#now());
    if (instanceId !== undefined && before?.members.has(id) !== true) this.#replacedAt.set(instanceId, this.#now());
  }

  /** A stored row is new: somebody must have sent it, who may still have it written. */
  #committed(block: StoredBlock, key: string, offset: number, metadata: string): void {
    const commit = this.commits.get(Number(NUMBERED.exec(metadata)?.[1]));
    if (commit === undefined || commit.groupId !== this.id || commit.key !== key || commit.offset !== offset) {
      return void this.#report('offsetPhantom', `${this.id} ${key}: nobody committed ${offset} (${metadata})`);
    }
    const who = `${this.id} ${key}: commit #${commit.number} of ${commit.memberId || 'nobody'} in ${commit.generation}`;
    // It may have come in by the same id again, in a group that was made anew, and have got to the same epoch.
    if (commit.hopeless && !this.isMember(commit.memberId, commit.generation)) {
      this.#report('zombieCommit', `${who} was written`);
    }
    const shown = this.#shown.get(key);
    if (shown === undefined || shown.since !== block.since) return;
    const told = `${who} was written after ${shown.memberId} in ${shown.generation} had been shown the offset`;
    if (commit.generation < 0) {
      const isEmpty = this.stored === undefined || this.stored.members.size === 0;
      if (!isEmpty && shown.at > this.emptyUntil) this.#report('staleCommit', told);
      return;
    }
    const replaced =
      shown.generation === commit.generation &&
      shown.instanceId !== null &&
      shown.instanceId === commit.instanceId &&
      shown.memberId !== commit.memberId;
    if (shown.generation > commit.generation || replaced) this.#report('staleCommit', told);
  }

  #stand(before: StoredBlock | undefined, block: StoredBlock | undefined): void {
    const topicId = (block ?? before)?.topicId ?? '';
    const counts = block !== undefined && this.stored?.since === block.since;
    const rows = new Map(counts ? block.offsets.map((row) => [row.partition, row]) : []);
    const partitions = [...(before?.offsets ?? []), ...(block?.offsets ?? [])].map(({ partition }) => partition);
    for (const partition of new Set(partitions)) {
      const row = rows.get(partition);
      const commit = row === undefined ? 0 : Number(NUMBERED.exec(row.metadata)?.[1] ?? 0);
      const key = partitionKey(topicId, partition);
      let stands = this.#stands.get(key);
      if (stands === undefined) {
        stands = [NONE];
        this.#stands.set(key, stands);
      }
      const last = stands.at(-1)!;
      if (last.commit === commit) continue;
      stands.push({ from: this.#now(), commit, offset: row?.offset ?? NONE.offset });
      if (commit === 0 && this.deletions === 0) {
        this.#report('offsetLost', `${this.id} ${key}: commit #${last.commit} of ${last.offset} is gone`);
      }
    }
  }
}
