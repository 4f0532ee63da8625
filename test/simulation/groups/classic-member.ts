import { errorCode } from '../../../lib/core/errors.ts';
import { randomInt } from '../../../lib/core/random.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
  decodeConsumerProtocol,
  encodeConsumerProtocol,
} from '../../../lib/wire/messages/consumer-protocol.ts';
import type { Answer } from '../connection.ts';
import type { SimTopic } from '../topics.ts';
import { GroupMember, type MemberPlan } from './group-member.ts';
import type { SimGroup } from './sim-group.ts';
import { parsePartitionKey, partitionKey, type StoredGroup } from './stored-group.ts';

const PROTOCOL = { type: 'consumer', name: 'range' } as const;

/** Beyond the longest that others may take to rejoin; ms. */
const PATIENCE_MS = 3_000;

/** From this version on JoinGroup gives out the id before the member joins, from the second one on a leader may skip assigning. */
const JOIN_VERSIONS = [5, 9] as const;
const FETCH_VERSIONS = [7, 9, 10] as const;

const NONE = errorCode('NONE');
const MEMBER_ID_REQUIRED = errorCode('MEMBER_ID_REQUIRED');
const UNKNOWN_MEMBER_ID = errorCode('UNKNOWN_MEMBER_ID');
const FENCED_INSTANCE_ID = errorCode('FENCED_INSTANCE_ID');
const ILLEGAL_GENERATION = errorCode('ILLEGAL_GENERATION');
const REBALANCE_IN_PROGRESS = errorCode('REBALANCE_IN_PROGRESS');
const LATER = new Set([errorCode('COORDINATOR_NOT_AVAILABLE'), REBALANCE_IN_PROGRESS]);

type JoinAnswer = Exclude<Answer<typeof ApiKey.JoinGroup>, 'closed'>;

/** A member of the classic protocol; whoever is made leader assigns, each topic's partitions in turns. */
export class ClassicMember extends GroupMember {
  readonly #joinVersion: number;
  #topics: readonly SimTopic[];

  constructor(group: SimGroup, name: string, plan: MemberPlan) {
    super(group, name, plan);
    this.#joinVersion = JOIN_VERSIONS[this.random.next() < 0.5 ? 0 : 1];
    this.#topics = group.topics;
  }

  isAt(stored: StoredGroup): boolean {
    return !this.out && stored.members.has(this.memberId) && this.generation === stored.generation;
  }

  subscribe(topics: readonly SimTopic[]): void {
    if (topics.length === this.#topics.length) return;
    this.#topics = topics;
    this.out = true;
  }

  /** As a leader does that finds the topics changed; without a change of its own no other static member does. */
  override rejoin(): void {
    this.out = true;
  }

  async goodbye(): Promise<void> {
    if (this.memberId === '' || this.plan.instanceId !== null) return;
    const { memberId } = this;
    this.#forget();
    await this.ask(ApiKey.LeaveGroup, 5, { groupId: this.group.id, members: [{ memberId }] });
  }

  protected override fetchVersion(): number {
    return FETCH_VERSIONS[randomInt(this.random, 0, FETCH_VERSIONS.length)]!;
  }

  protected async join(): Promise<void> {
    const { memberId, plan, group } = this;
    // Eager rebalances: everything is given up before it joins again.
    this.positions.clear();
    const sentAt = this.now;
    const generation = group.record.stored?.generation ?? -1;
    const request = {
      groupId: group.id,
      sessionTimeoutMs: plan.sessionMs,
      rebalanceTimeoutMs: plan.rebalanceMs,
      memberId,
      groupInstanceId: plan.instanceId,
      protocolType: PROTOCOL.type,
      protocols: [{ name: PROTOCOL.name, metadata: this.#subscription() }],
    };
    const { instance } = this.connection;
    const answer = await this.ask(ApiKey.JoinGroup, this.#joinVersion, request, plan.rebalanceMs + PATIENCE_MS);
    if (this.cluster.isCalmSince(sentAt, instance)) {
      this.ledger.waited(group.id, { ...this.claim, generation }, 'generation', sentAt);
    }
    if (answer === 'closed') return this.pause();
    const code = answer.errorCode;
    this.note('join', code, answer.generationId, answer.memberId, answer.leader, sentAt);
    if (code === NONE) return this.#joined(answer, sentAt);
    this.generation = -1;
    if (code === MEMBER_ID_REQUIRED) {
      this.ledger.gotId(group.id, answer.memberId, sentAt);
      this.memberId = answer.memberId;
      return;
    }
    if (code === UNKNOWN_MEMBER_ID) this.memberId = '';
    else if (code === FENCED_INSTANCE_ID) this.ended = true;
    else if (!LATER.has(code)) this.unexpected('JoinGroup', code);
    await this.pause();
  }

  async #joined(answer: JoinAnswer, sentAt: number): Promise<void> {
    const { group } = this;
    this.memberId = answer.memberId;
    this.generation = answer.generationId;
    this.ledger.joined(group.id, this.memberId, this.generation, this.plan.instanceId, sentAt);
    const isLeader = answer.leader === this.memberId && !answer.skipAssignment;
    const assignments = isLeader ? this.#assign(answer) : [];
    const { claim } = this;
    for (let attempt = 0; attempt < 3 && !this.ended; attempt++) {
      const request = {
        groupId: group.id,
        generationId: claim.generation,
        memberId: claim.memberId,
        groupInstanceId: claim.instanceId,
        protocolType: PROTOCOL.type,
        protocolName: PROTOCOL.name,
        assignments,
      };
      const sentAt = this.now;
      const { instance } = this.connection;
      const sync = await this.ask(ApiKey.SyncGroup, 5, request, this.plan.rebalanceMs + PATIENCE_MS);
      if (this.cluster.isCalmSince(sentAt, instance)) this.ledger.waited(group.id, claim, 'assignment', sentAt);
      if (sync === 'closed') {
        await this.pause();
        continue;
      }
      if (sync.errorCode === NONE) return this.#assigned(sync.assignment, sentAt);
      if (this.#refused(sync.errorCode, 'SyncGroup')) return this.pause();
      await this.pause();
    }
  }

  #assigned(assignment: Buffer, sentAt: number): void {
    const told =
      assignment.length === 0 ? [] : decodeConsumerProtocol(ConsumerProtocolAssignment, assignment).assignedPartitions;
    const keys = told.flatMap(({ topic, partitions }) => {
      const { id } = this.group.topics.find(({ name }) => name === topic)!;
      return partitions.map((partition) => partitionKey(id, partition));
    });
    this.note('sync', this.generation, keys.join(' '), sentAt);
    this.ledger.synced(this.group.id, this.claim, keys, sentAt);
    this.own(keys, true);
    this.out = false;
  }

  protected async heartbeat(): Promise<void> {
    const { memberId, generation, plan, group } = this;
    const request = { groupId: group.id, generationId: generation, memberId, groupInstanceId: plan.instanceId };
    const answer = await this.ask(ApiKey.Heartbeat, 4, request);
    if (answer === 'closed') return this.heartbeatSoon();
    const code = answer.errorCode;
    if (code === NONE) return;
    // Before a rebalance it commits; some try it also when it is too late.
    if (code === REBALANCE_IN_PROGRESS || this.random.next() < 0.5) await this.commitLast();
    this.#refused(code, 'Heartbeat');
  }

  /** Takes in that it is no member, or not of this generation, any more; true if it has to join again. */
  #refused(code: number, what: string): boolean {
    switch (code) {
      case REBALANCE_IN_PROGRESS:
        this.out = true;
        return true;
      case UNKNOWN_MEMBER_ID:
        this.#forget();
        return true;
      case ILLEGAL_GENERATION:
        this.out = true;
        this.generation = -1;
        return true;
      case FENCED_INSTANCE_ID:
        this.ended = true;
        this.out = true;
        return true;
      default:
        if (!LATER.has(code)) this.unexpected(what, code);
        return false;
    }
  }

  #forget(): void {
    this.out = true;
    this.memberId = '';
    this.generation = -1;
    this.positions.clear();
  }

  #subscription(): Buffer {
    const userData = Buffer.alloc(this.plan.userDataBytes);
    // What does not deflate, so that large groups need an item for their body.
    for (let at = 0; at < userData.length; at++) userData[at] = this.random.next() * 256;
    return encodeConsumerProtocol(ConsumerProtocolSubscription, 1, {
      topics: this.#topics.map(({ name }) => name),
      userData,
      ownedPartitions: [],
    });
  }

  #assign(answer: JoinAnswer) {
    const topics = new Map(
      answer.members.map(({ memberId, metadata }) => [
        memberId,
        new Set(decodeConsumerProtocol(ConsumerProtocolSubscription, metadata).topics),
      ]),
    );
    const given = new Map(answer.members.map(({ memberId }) => [memberId, [] as string[]]));
    const all = [...given.keys()].sort();
    for (const [place, key] of this.group.keys.entries()) {
      const { name } = this.group.topicOf(key);
      const takers = all.filter((memberId) => topics.get(memberId)?.has(name) === true);
      if (takers.length > 0) given.get(takers[place % takers.length]!)!.push(key);
    }
    const told = answer.members.map(
      ({ memberId, groupInstanceId }) => [groupInstanceId ?? memberId, given.get(memberId)!] as const,
    );
    this.ledger.assigns(this.group.id, answer.generationId, new Map(told));
    return [...given].map(([memberId, keys]) => ({ memberId, assignment: encodeAssignment(this.group, keys) }));
  }
}

function encodeAssignment(group: SimGroup, keys: readonly string[]): Buffer {
  const assignedPartitions = group.topics.flatMap(({ id, name }) => {
    const partitions = keys.filter((key) => key.startsWith(id)).map((key) => parsePartitionKey(key).partition);
    return partitions.length === 0 ? [] : [{ topic: name, partitions }];
  });
  return encodeConsumerProtocol(ConsumerProtocolAssignment, 1, { assignedPartitions, userData: null });
}
