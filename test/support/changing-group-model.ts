import type { ErrorName } from '../../lib/core/errors.ts';
import type { JoinReply, SyncReply } from '../../lib/groups/classic/requests.ts';
import { isClassic } from '../../lib/groups/classic/state.ts';
import type { HeartbeatReply, HeartbeatRequest } from '../../lib/groups/consumer/heartbeat.ts';
import { isConsumer } from '../../lib/groups/consumer/state.ts';
import type { Group } from '../../lib/groups/group.ts';
import { protocolOf } from '../../lib/groups/protocols.ts';
import type { Step, StepContext } from '../../lib/groups/step.ts';
import { consumerHeartbeatStep, heartbeatStep, joinStep, leaveStep, syncStep } from '../../lib/groups/steps.ts';
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
  decodeConsumerProtocol,
  encodeConsumerProtocol,
} from '../../lib/wire/messages/consumer-protocol.ts';
import { ConsumerGroupModel, GROUP_CONFIG, type ModelClient } from './consumer-group-model.ts';

export const TOPIC = 'orders';

/** A consumer of the classic protocol that gives up everything before it joins again. */
export interface ClassicClient {
  memberId: string;
  generation: number;
  owned: Set<string>;
  doing: 'toJoin' | 'joining' | 'toSync' | 'syncing' | 'reading';
  /** What its part as the leader is, if it has it. */
  roster: readonly string[];
  gone: boolean;
}

interface Waiting {
  readonly client: ClassicClient;
  ask(): boolean;
}

/** A group that members of both protocols come to; waiting requests are asked again whenever the group has changed. */
export class ChangingGroupModel extends ConsumerGroupModel {
  any: Group | undefined;
  readonly classics: ClassicClient[] = [];
  #waiting: Waiting[] = [];
  #given = 0;

  constructor(partitions: number) {
    super(false);
    this.createTopic(TOPIC, partitions);
  }

  addClassic(): void {
    this.classics.push({ memberId: '', generation: -1, owned: new Set(), doing: 'toJoin', roster: [], gone: false });
  }

  #context(): StepContext {
    const topics = { at: this.now, named: this.topics, list: { at: this.now, topics: this.topics } };
    const facts = { topics, isListNew: true, patterns: new Map(), expiredOffsetsGone: true };
    const newMemberId = () => `classic-${this.#given++}`;
    return {
      groupId: 'group',
      now: this.now,
      since: 0,
      config: GROUP_CONFIG,
      isUnused: false,
      facts,
      takenInBy: undefined,
      newMemberId,
    };
  }

  #become(group: Group | undefined): void {
    if (group === this.any) return;
    this.any = group;
    this.group = group !== undefined && isConsumer(group) ? group : undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) if (!one.client.gone) one.ask();
  }

  #submit<Reply>(client: ClassicClient, step: Step<Reply>, told: (reply: Reply) => void): void {
    let current = step;
    const ask = (): boolean => {
      const result = current.decide(this.any, this.#context());
      if (result.kind === 'wait') {
        current = result.next;
        this.#waiting.push({ client, ask });
      } else told(result.reply);
      this.#become(result.group);
      return true;
    };
    ask();
  }

  override deliver(request: HeartbeatRequest): HeartbeatReply {
    const result = consumerHeartbeatStep(request, () => true).decide(this.any, this.#context());
    if (result.kind !== 'reply') throw new Error('a heartbeat is answered at once');
    this.#become(result.group);
    return result.reply;
  }

  override advance(ms: number, expired: readonly { readonly memberId: string }[]): void {
    this.now += ms;
    if (this.any === undefined) return;
    const ids = new Set(expired.map(({ memberId }) => memberId));
    this.#become(protocolOf(this.any).advance(this.any, ids, this.#context()));
  }

  /** What the client does next. */
  act(client: ClassicClient): void {
    if (client.doing === 'toJoin') this.#join(client);
    else if (client.doing === 'toSync') this.#sync(client);
    else if (client.doing === 'reading') this.#beat(client);
  }

  leaveClassic(client: ClassicClient): void {
    client.gone = true;
    if (client.memberId === '') return;
    this.#submit(client, leaveStep({ members: [{ memberId: client.memberId, instanceId: null }] }), () => {});
  }

  #join(client: ClassicClient): void {
    client.owned = new Set();
    client.doing = 'joining';
    const subscription = { topics: [TOPIC], userData: null, ownedPartitions: [] };
    const request = {
      memberId: client.memberId,
      instanceId: null,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: encodeConsumerProtocol(ConsumerProtocolSubscription, 1, subscription) }],
      sessionTimeoutMs: 45_000,
      rebalanceTimeoutMs: 60_000,
      clientId: 'client',
      clientHost: '/127.0.0.1',
      requiresKnownMemberId: true,
      supportsSkippingAssignment: false,
    };
    this.#submit<JoinReply>(client, joinStep(request), (reply) => {
      client.doing = 'toJoin';
      if (reply.error === 'MEMBER_ID_REQUIRED') client.memberId = reply.memberId;
      else if (reply.error === 'UNKNOWN_MEMBER_ID') client.memberId = '';
      if (reply.error !== 'NONE') return;
      client.doing = 'toSync';
      client.memberId = reply.memberId;
      client.generation = reply.generation;
      client.roster = reply.members.map(({ memberId }) => memberId);
    });
  }

  #sync(client: ClassicClient): void {
    client.doing = 'syncing';
    const { memberId, generation, roster } = client;
    const { partitions } = this.topics.get(TOPIC)!;
    const assignments = new Map(
      roster.map((one, place) => {
        const own = Array.from({ length: partitions }, (_, n) => n).filter((n) => n % roster.length === place);
        const assignedPartitions = own.length === 0 ? [] : [{ topic: TOPIC, partitions: own }];
        return [one, encodeConsumerProtocol(ConsumerProtocolAssignment, 1, { assignedPartitions, userData: null })];
      }),
    );
    const request = { memberId, instanceId: null, generation, protocolType: null, protocolName: null, assignments };
    this.#submit<SyncReply>(client, syncStep(request), (reply) => {
      client.doing = reply.error === 'NONE' ? 'reading' : 'toJoin';
      if (reply.error === 'UNKNOWN_MEMBER_ID') client.memberId = '';
      if (reply.error !== 'NONE' || reply.assignment.length === 0) return;
      const { assignedPartitions } = decodeConsumerProtocol(ConsumerProtocolAssignment, reply.assignment);
      const { topicId } = this.topics.get(TOPIC)!;
      client.owned = new Set(
        assignedPartitions.flatMap(({ partitions }) => partitions.map((one) => `${topicId} ${one}`)),
      );
    });
  }

  #beat(client: ClassicClient): void {
    const { memberId, generation } = client;
    this.#submit<ErrorName>(client, heartbeatStep({ memberId, instanceId: null, generation }), (error) => {
      if (error === 'NONE') return;
      client.doing = 'toJoin';
      if (error === 'REBALANCE_IN_PROGRESS') return;
      client.owned = new Set();
      if (error === 'UNKNOWN_MEMBER_ID') client.memberId = '';
    });
  }

  /** The members of either protocol that have a partition. */
  override owners(): Map<string, string[]> {
    const owners = super.owners();
    for (const client of this.classics) {
      if (client.gone || !this.isMember(client)) continue;
      for (const key of client.owned) owners.set(key, [...(owners.get(key) ?? []), client.memberId]);
    }
    return owners;
  }

  isMember({ memberId }: ClassicClient | ModelClient): boolean {
    if (this.any === undefined) return false;
    if (isClassic(this.any)) return this.any.roster.members.has(memberId);
    return isConsumer(this.any) && this.any.body.members.some((member) => member.memberId === memberId);
  }
}
