import { errorCode } from '../../../lib/core/errors.ts';
import { randomUuid } from '../../../lib/core/uuid.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import type { SimTopic } from '../topics.ts';
import type { Holder } from './group-ledger.ts';
import { GroupMember, type MemberPlan } from './group-member.ts';
import type { SimGroup } from './sim-group.ts';
import { parsePartitionKey, partitionKey, type StoredGroup } from './stored-group.ts';

const VERSION = 1;
const LEAVE_EPOCH = -1;
const LEFT_FOR_NOW = -2;

const NONE = errorCode('NONE');
const FENCED_INSTANCE_ID = errorCode('FENCED_INSTANCE_ID');
const LATER = new Set([errorCode('COORDINATOR_NOT_AVAILABLE'), errorCode('UNRELEASED_INSTANCE_ID')]);
/** It gives up what it has and joins again. */
const ANEW = new Set([
  errorCode('UNKNOWN_MEMBER_ID'),
  errorCode('FENCED_MEMBER_EPOCH'),
  errorCode('GROUP_ID_NOT_FOUND'),
]);

/** A member of the consumer protocol (KIP-848). */
export class ConsumerMember extends GroupMember implements Holder {
  readonly instanceId: string | null;
  readonly sessionMs: number;
  readonly rebalanceMs: number;
  aliveAt = 0;
  revokingSince = Number.POSITIVE_INFINITY;
  #topics: readonly SimTopic[];
  /** What the coordinator may not have heard of: everything is told again. */
  #tellAll = true;

  constructor(group: SimGroup, name: string, plan: MemberPlan) {
    super(group, name, plan);
    this.instanceId = plan.instanceId;
    this.sessionMs = plan.sessionMs;
    this.rebalanceMs = plan.rebalanceMs;
    this.memberId = randomUuid(this.random);
    this.#topics = group.topics;
  }

  isAt(stored: StoredGroup): boolean {
    return !this.out && stored.members.get(this.memberId)?.epoch === this.generation;
  }

  subscribe(topics: readonly SimTopic[]): void {
    if (topics.length === this.#topics.length) return;
    this.#topics = topics;
    this.#tellAll = true;
    this.heartbeatSoon();
  }

  async goodbye(): Promise<void> {
    if (this.out) return;
    const memberEpoch = this.instanceId === null || this.random.next() < 0.3 ? LEAVE_EPOCH : LEFT_FOR_NOW;
    this.#giveUp();
    const { id: groupId } = this.group;
    await this.ask(ApiKey.ConsumerGroupHeartbeat, VERSION, {
      groupId,
      memberId: this.memberId,
      memberEpoch,
      instanceId: this.instanceId,
      topicPartitions: [],
    });
  }

  protected join(): Promise<void> {
    this.ledger.replaces(this.group.id, this);
    this.#giveUp();
    this.generation = 0;
    return this.heartbeat();
  }

  protected async heartbeat(): Promise<void> {
    const { group, plan } = this;
    const owned = new Set(this.positions.keys());
    this.ledger.releases(group.id, this, owned);
    const all = this.#tellAll || this.generation === 0;
    const sentAt = this.now;
    const answer = await this.ask(ApiKey.ConsumerGroupHeartbeat, VERSION, {
      groupId: group.id,
      memberId: this.memberId,
      memberEpoch: this.generation,
      instanceId: this.instanceId,
      rackId: all && plan.userDataBytes > 0 ? this.#rack() : null,
      rebalanceTimeoutMs: all ? plan.rebalanceMs : -1,
      subscribedTopicNames: all ? this.#topics.map(({ name }) => name) : null,
      topicPartitions: group.topics.flatMap(({ id: topicId }) => {
        const partitions = [...owned]
          .filter((key) => key.startsWith(topicId))
          .map((key) => parsePartitionKey(key).partition);
        return partitions.length === 0 ? [] : [{ topicId, partitions }];
      }),
    });
    if (answer === 'closed') {
      this.#tellAll = true;
      this.heartbeatSoon();
      return this.pause();
    }
    const code = answer.errorCode;
    const told = answer.assignment?.topicPartitions.map(
      ({ topicId, partitions }) => `${topicId}/${partitions.join('+')}`,
    );
    this.note(
      'heartbeat',
      `${this.generation}>${code === NONE ? answer.memberEpoch : -code}`,
      told?.join(' ') ?? '-',
      sentAt,
    );
    if (code === NONE) {
      this.#tellAll = false;
      const aliveBefore = this.aliveAt;
      this.aliveAt = sentAt;
      this.generation = answer.memberEpoch;
      this.ledger.joined(group.id, this.memberId, this.generation, this.instanceId, sentAt);
      this.out = false;
      this.revokingSince = Number.POSITIVE_INFINITY;
      if (answer.assignment !== null) await this.#reconcile(answer.assignment.topicPartitions, aliveBefore);
      return;
    }
    if (ANEW.has(code)) {
      if (this.random.next() < 0.5) await this.commitLast();
      this.#giveUp();
    } else if (code === FENCED_INSTANCE_ID) {
      this.#giveUp();
      this.ended = true;
    } else if (!LATER.has(code)) this.unexpected('ConsumerGroupHeartbeat', code);
    else if (this.generation > 0) this.#tellAll = true;
    await this.pause();
  }

  /** First commits what it is to give up, then says so, at once. */
  async #reconcile(
    assignment: readonly { readonly topicId: string; readonly partitions: readonly number[] }[],
    askedAfter: number,
  ): Promise<void> {
    const keys = assignment.flatMap(({ topicId, partitions }) =>
      partitions.map((partition) => partitionKey(topicId, partition)),
    );
    this.ledger.holds(this.group.id, this, keys);
    const lost = [...this.positions.keys()].filter((key) => !keys.includes(key));
    if (lost.length > 0) {
      this.revokingSince = askedAfter;
      if (this.random.next() < 0.7) await this.commitLast();
      this.heartbeatSoon();
    }
    if (!this.out) this.own(keys, false);
  }

  #giveUp(): void {
    this.positions.clear();
    this.ledger.releases(this.group.id, this, new Set());
    this.out = true;
    this.#tellAll = true;
  }

  /** A name that makes the group's body large. */
  #rack(): string {
    const word = randomUuid(this.random);
    return word.repeat(Math.ceil(this.plan.userDataBytes / word.length)).slice(0, this.plan.userDataBytes);
  }
}
