import { errorCode } from '../../../lib/core/errors.ts';
import { randomInt } from '../../../lib/core/random.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { Caller } from '../caller.ts';
import { checkFetched } from '../client-checks.ts';
import { Connection } from '../connection.ts';
import { journalOf, type SimTopic } from '../topics.ts';
import type { Claim } from './group-ledger.ts';
import type { SentCommit } from './group-record.ts';
import { commitInTransaction, TRANSACTION_REFUSALS } from './member-transaction.ts';
import type { SimGroup } from './sim-group.ts';
import { parsePartitionKey, partitionKey, type StoredGroup } from './stored-group.ts';

/** How a member works, by chance and by plan. */
export interface MemberPlan {
  readonly protocol: 'classic' | 'consumer';
  /** group.instance.id; null for a dynamic member. */
  readonly instanceId: string | null;
  /** So many bytes are in its subscription, that nobody reads. */
  readonly userDataBytes: number;
  readonly sessionMs: number;
  readonly rebalanceMs: number;
  readonly heartbeatMs: number;
  /** The chances per round of its work to commit and, while there are troubles, to leave and to stand still. */
  readonly commits: number;
  readonly leaves: number;
  readonly freezes: number;
  /** The chance that a commit is a transaction; none where left out. */
  readonly transactional?: number;
}

const WITH_IDS = 10;
const COMMIT_VERSIONS = [9, WITH_IDS] as const;
const FETCH_MAX_WAIT_MS = 400;
const FETCH_MAX_BYTES = 4_000;
const LATEST_FETCH = 12;

/** A commit that goes its own way waits for its answer as long as brokers may stand still; ms. */
const FAR_COMMIT_MS = 60_000;

/** The chance that a request goes to another broker than the one before. */
const WANDER = 0.25;
const SEEK = 0.08;

const NONE = errorCode('NONE');
const OUT_OF_RANGE = errorCode('OFFSET_OUT_OF_RANGE');
const STORAGE_ERROR = errorCode('KAFKA_STORAGE_ERROR');
const UNSTABLE = errorCode('UNSTABLE_OFFSET_COMMIT');

/** What a member may be answered to a commit or a question for offsets; it hears the rest from its heartbeats. */
const REFUSALS = new Set([
  errorCode('ILLEGAL_GENERATION'),
  errorCode('UNKNOWN_MEMBER_ID'),
  errorCode('REBALANCE_IN_PROGRESS'),
  errorCode('COORDINATOR_NOT_AVAILABLE'),
  errorCode('FENCED_INSTANCE_ID'),
  errorCode('STALE_MEMBER_EPOCH'),
  errorCode('GROUP_ID_NOT_FOUND'),
]);

/** One life of one member: it joins, reads what it is given, commits, and ends one way or the other. */
export abstract class GroupMember extends Caller {
  readonly group: SimGroup;
  readonly plan: MemberPlan;
  memberId = '';
  generation = -1;
  /** What it has, and where it reads on; undefined until it has asked for its offsets. */
  readonly positions = new Map<string, number | undefined>();
  /** Set when it is no member any more and has to begin anew. */
  protected out = true;
  /** Set when it may never come back, as a static member whose place was taken. */
  ended = false;
  /** Acknowledged commits of this generation. */
  readonly #committed = new Map<string, SentCommit[]>();
  #heartbeatAt = 0;

  constructor(group: SimGroup, name: string, plan: MemberPlan) {
    super(group.cluster, name);
    this.group = group;
    this.plan = plan;
  }

  /** Becomes a member, or tries to; returns after one step of that. */
  protected abstract join(): Promise<void>;
  protected abstract heartbeat(): Promise<void>;
  /** Leaves the group, as far as its kind does. */
  abstract goodbye(): Promise<void>;
  abstract isAt(stored: StoredGroup): boolean;
  /** Takes another part of the topics, or all of them. */
  abstract subscribe(topics: readonly SimTopic[]): void;
  /** Joins anew although nothing has changed for itself, where its protocol knows that. */
  rejoin(): void {}

  get claim(): Claim {
    return { memberId: this.memberId, instanceId: this.plan.instanceId, generation: this.generation };
  }

  /** One round of what members do. */
  async turn(): Promise<void> {
    const now = this.now;
    if (this.random.next() < WANDER) this.leave();
    if (this.out) return this.join();
    if (now - this.#heartbeatAt >= this.plan.heartbeatMs) {
      this.#heartbeatAt = now;
      await this.heartbeat();
      if (this.out) return;
    }
    if ([...this.positions.values()].includes(undefined)) await this.#fetchOffsets();
    await this.#poll();
    if (this.cluster.world.troubles.on && this.random.next() < SEEK) this.#seek();
    if (this.random.next() < this.plan.commits) {
      if (this.random.next() < 0.5) await this.commit();
      else void this.commit(this.random.next() < 0.3);
    }
  }

  /** The next round begins with a heartbeat. */
  protected heartbeatSoon(): void {
    this.#heartbeatAt = Number.NEGATIVE_INFINITY;
  }

  protected get now(): number {
    return this.cluster.world.clock.monotonic();
  }

  protected get ledger() {
    return this.cluster.world.groups;
  }

  protected note(what: string, ...details: readonly (string | number)[]): void {
    this.cluster.world.note(what, this.name, this.group.id, ...details);
  }

  /** An answer that nobody gave a reason for. */
  protected unexpected(what: string, code: number): void {
    this.cluster.world.report('unexpectedError', `${this.name} was answered ${code} to ${what}`);
  }

  /** Commits before it gives something up; some do not wait for the answer. */
  protected async commitLast(): Promise<void> {
    if (this.random.next() < 0.6) await this.commit();
    else void this.commit(true);
  }

  /** Commits where it stands. `far`: by a connection of its own, without an end to its patience. */
  async commit(far = false): Promise<void> {
    const commits: SentCommit[] = [];
    for (const [key, position] of this.positions) {
      if (position === undefined) continue;
      const done = this.#committedOf(key);
      if (done.at(-1)?.offset === position && this.random.next() < 0.7) continue;
      // What was acknowledged once is committed again as it was; then there may be nothing to write.
      const same = done.find(({ offset }) => offset === position);
      const hopeless = this.group.record.isHopeless(this.memberId, this.generation, key);
      const again = same !== undefined && !hopeless;
      commits.push(again ? same : this.ledger.commit(this.group.id, this.claim, key, position));
    }
    if (commits.length === 0) return;
    const { random, cluster } = this;
    const version = this.commitVersion();
    const body = commitRequest(this.group, commits, this.claim);
    const sentAt = this.now;
    const copyTo = { instance: cluster.pick(random), copied: () => {} };
    const connection = far ? new Connection(cluster.world, this.name, cluster.pick(random), random) : this.connection;
    const patienceMs = far ? FAR_COMMIT_MS : 5_000;
    if (this.plan.transactional !== undefined && random.next() < this.plan.transactional) {
      return this.#committedInTransaction(commits, connection, patienceMs);
    }
    const answer = await connection.ask(ApiKey.OffsetCommit, version, body, patienceMs, copyTo);
    if (answer === 'closed') return;
    for (const { name, topicId, partitions } of answer.topics) {
      const topic = this.group.topics.find((one) => (version >= WITH_IDS ? one.id === topicId : one.name === name))!;
      for (const { partitionIndex, errorCode: code } of partitions) {
        const key = partitionKey(topic.id, partitionIndex);
        const commit = commits.find((one) => one.key === key)!;
        if (code === NONE) {
          this.ledger.committed(commit, sentAt);
          if (commit.generation === this.generation) this.#committedOf(key).push(commit);
        } else if (!REFUSALS.has(code)) this.unexpected('a commit', code);
      }
    }
  }

  async #committedInTransaction(commits: readonly SentCommit[], connection: Connection, patienceMs: number) {
    const { group, claim } = this;
    const codes = await commitInTransaction(this, connection, patienceMs, { group, claim, commits });
    for (const [commit, code] of codes ?? []) {
      if (code === NONE && commit.generation === this.generation) this.#committedOf(commit.key).push(commit);
      else if (code !== NONE && !REFUSALS.has(code) && !TRANSACTION_REFUSALS.has(code)) {
        this.unexpected('a transactional commit', code);
      }
    }
  }

  #committedOf(key: string): SentCommit[] {
    const done = this.#committed.get(key);
    if (done !== undefined && (done.length === 0 || done[0]!.generation === this.generation)) return done;
    const none: SentCommit[] = [];
    this.#committed.set(key, none);
    return none;
  }

  /** Goes back to something that it has committed before. */
  #seek(): void {
    for (const key of this.positions.keys()) {
      const done = this.#committedOf(key);
      if (done.length > 0) this.positions.set(key, done[randomInt(this.random, 0, done.length)]!.offset);
    }
  }

  protected commitVersion(): number {
    return COMMIT_VERSIONS[this.random.next() < 0.5 ? 0 : 1];
  }

  protected fetchVersion(): number {
    return COMMIT_VERSIONS[this.random.next() < 0.5 ? 0 : 1];
  }

  /** Takes these partitions and no others. */
  protected own(keys: readonly string[], anew: boolean): void {
    if (anew) this.positions.clear();
    for (const key of [...this.positions.keys()]) if (!keys.includes(key)) this.positions.delete(key);
    for (const key of keys) if (!this.positions.has(key)) this.positions.set(key, undefined);
  }

  async #fetchOffsets(): Promise<void> {
    const wanted = [...this.positions].filter(([, position]) => position === undefined).map(([key]) => key);
    const { claim, group } = this;
    const version = this.fetchVersion();
    const sentAt = this.now;
    const isMember = () => group.record.isMember(claim.memberId, claim.generation);
    const isOwner = (key: string) => {
      const { stored } = group.record;
      return stored?.type === 'classic' || stored?.members.get(claim.memberId)?.assigned.has(key) === true;
    };
    const ownedBefore = isMember() ? new Set(wanted.filter(isOwner)) : new Set<string>();
    const answer = await this.ask(ApiKey.OffsetFetch, version, fetchRequest(group, wanted, claim, version));
    if (answer === 'closed') return this.pause();
    const asked = version < 8 ? answer : answer.groups[0]!;
    if (asked.errorCode !== NONE) {
      if (!REFUSALS.has(asked.errorCode)) this.unexpected('OffsetFetch', asked.errorCode);
      this.heartbeatSoon();
      return this.pause();
    }
    for (const { partitions, ...told } of asked.topics) {
      const isIt = (topic: SimTopic) =>
        'topicId' in told && version >= WITH_IDS ? topic.id === told.topicId : topic.name === told.name;
      const topic = group.topics.find(isIt)!;
      for (const { partitionIndex, committedOffset, metadata, errorCode: code } of partitions) {
        if (code === UNSTABLE) continue;
        const key = partitionKey(topic.id, partitionIndex);
        const fences = isMember() && ownedBefore.has(key) && isOwner(key);
        const offset = { offset: committedOffset, metadata: metadata ?? '' };
        this.ledger.fetched(group.id, key, offset, sentAt, fences ? claim : undefined);
        const isCurrent = claim.generation === this.generation && claim.memberId === this.memberId;
        if (isCurrent && this.positions.has(key)) this.positions.set(key, Math.max(committedOffset, 0));
      }
    }
  }

  async #poll(): Promise<void> {
    const ready = [...this.positions].filter(([, position]) => position !== undefined) as [string, number][];
    if (ready.length === 0) return this.sleep(FETCH_MAX_WAIT_MS * this.random.next());
    const asked = new Map(ready);
    const topics = this.group.topics.flatMap((topic) => {
      const partitions = ready
        .filter(([key]) => key.startsWith(topic.id))
        .map(([key, fetchOffset]) => ({
          partition: parsePartitionKey(key).partition,
          fetchOffset,
          partitionMaxBytes: FETCH_MAX_BYTES,
        }));
      return partitions.length === 0 ? [] : [{ topic: topic.name, partitions }];
    });
    const request = {
      maxWaitMs: FETCH_MAX_WAIT_MS,
      minBytes: 1,
      maxBytes: 4 * FETCH_MAX_BYTES,
      isolationLevel: 0,
      topics,
      forgottenTopicsData: [],
    };
    const answer = await this.ask(ApiKey.Fetch, LATEST_FETCH, request);
    if (answer === 'closed') return this.pause();
    for (const { topic: name, partitions } of answer.responses) {
      const topic = this.group.topics.find((one) => one.name === name)!;
      for (const { partitionIndex, errorCode: code, ...told } of partitions) {
        const key = partitionKey(topic.id, partitionIndex);
        const offset = asked.get(key)!;
        if (this.positions.get(key) !== offset) continue;
        if (code === NONE) this.positions.set(key, this.#read(topic, partitionIndex, offset, told));
        else if (code === OUT_OF_RANGE) this.positions.set(key, Math.max(offset, this.group.bounds(key).start));
        else if (code === STORAGE_ERROR) await this.pause();
        else this.unexpected('Fetch', code);
      }
    }
  }

  #read(
    topic: SimTopic,
    partitionIndex: number,
    offset: number,
    told: { records: Buffer | null; highWatermark: number; lastStableOffset: number },
  ): number {
    const { world } = this.cluster;
    const partition = world.ledger.partition(journalOf(topic, partitionIndex), partitionIndex);
    const records = told.records ?? Buffer.alloc(0);
    if (partition === undefined) {
      if (records.length > 0) world.report('readOther', `${this.name} read from an empty partition`);
      return offset;
    }
    const { highWatermark, lastStableOffset } = told;
    const range = { offset, committed: false, records, highWatermark, lastStableOffset, aborted: [] };
    return checkFetched(world, this.name, partition, range);
  }
}

/** OffsetCommit for the given partitions of a group's topics. */
export function commitRequest(group: SimGroup, commits: readonly SentCommit[], claim: Claim) {
  return {
    groupId: group.id,
    generationIdOrMemberEpoch: claim.generation,
    memberId: claim.memberId,
    groupInstanceId: claim.instanceId,
    topics: group.topics.flatMap((topic) => {
      const partitions = commits
        .filter(({ key }) => key.startsWith(topic.id))
        .map(({ key, offset, number }) => ({
          partitionIndex: parsePartitionKey(key).partition,
          committedOffset: offset,
          committedMetadata: `#${number}`,
        }));
      return partitions.length === 0 ? [] : [{ name: topic.name, topicId: topic.id, partitions }];
    }),
  };
}

/** OffsetFetch for the given partitions of a group's topics. */
export function fetchRequest(group: SimGroup, keys: readonly string[], claim: Claim, version: number) {
  const topics = group.topics.flatMap((topic) => {
    const partitionIndexes = keys
      .filter((key) => key.startsWith(topic.id))
      .map((key) => parsePartitionKey(key).partition);
    return partitionIndexes.length === 0 ? [] : [{ name: topic.name, topicId: topic.id, partitionIndexes }];
  });
  if (version < 8) return { groupId: group.id, topics, requireStable: true };
  const member = version < 9 ? {} : { memberId: claim.memberId, memberEpoch: claim.generation };
  return { groups: [{ groupId: group.id, ...member, topics }], requireStable: true };
}
