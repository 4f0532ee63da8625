import type { Assignment, TopicPartitions } from '../../lib/groups/assignors/assignor.ts';
import type { GroupConfig } from '../../lib/groups/config.ts';
import { decodeConsumerGroup, encodeConsumerBody, encodeConsumerHead } from '../../lib/groups/consumer/codec.ts';
import { type HeartbeatReply, type HeartbeatRequest, heartbeat } from '../../lib/groups/consumer/heartbeat.ts';
import { toAssignment } from '../../lib/groups/consumer/partitions.ts';
import { consumerProtocol } from '../../lib/groups/consumer/protocol.ts';
import type { ConsumerGroup } from '../../lib/groups/consumer/state.ts';
import { type CompiledPattern, compilePattern } from '../../lib/groups/consumer/topic-pattern.ts';
import type { SubscribedTopic } from '../../lib/groups/facts.ts';
import type { StepContext } from '../../lib/groups/step.ts';

export const GROUP_CONFIG: GroupConfig = {
  classic: { minSessionTimeoutMs: 6000, maxSessionTimeoutMs: 1_800_000, initialRebalanceDelayMs: 0, maxSize: 1000 },
  consumer: {
    sessionTimeoutMs: 45_000,
    heartbeatIntervalMs: 5000,
    maxSize: 1000,
    assignors: ['uniform', 'range'],
    migrationPolicy: 'bidirectional',
  },
};

export type Subscription = { readonly names: readonly string[]; readonly pattern: string };

/** A consumer as KIP-848's clients behave: what it was told, what it has, what it says. */
export interface ModelClient {
  memberId: string;
  readonly instanceId: string | null;
  epoch: number;
  subscription: Subscription;
  readonly assignor: string | null;
  /** What it was told to have; undefined before the first answer. */
  told: ReadonlySet<string> | undefined;
  /** What it reads from, until it has given it up. */
  owned: Set<string>;
  /** Assignments that it has followed; the next heartbeat after each says what it has. */
  followed: number;
  hasNews: boolean;
  /** Whether the next heartbeat has to say everything: at the join, and after an error or a lost answer. */
  sayAll: boolean;
  saidOwned: string;
  saidSubscription: string;
  gone: boolean;
}

const keyOf = (topicId: string, partition: number) => `${topicId} ${partition}`;

function keys(assignment: Assignment): Set<string> {
  return new Set(assignment.flatMap(({ topicId, partitions }) => partitions.map((one) => keyOf(topicId, one))));
}

function partitionsOfKeys(owned: Iterable<string>): TopicPartitions[] {
  return [
    ...toAssignment(
      [...owned].map((key) => ({ topicId: key.split(' ')[0]!, partitions: [Number(key.split(' ')[1])] })),
    ),
  ];
}

/** One consumer group with its clients, without a store: every request is a step over the group as its items keep it. */
export class ConsumerGroupModel {
  group: ConsumerGroup | undefined;
  now = 1_000_000;
  readonly clients: ModelClient[] = [];
  readonly topics = new Map<string, SubscribedTopic>();
  #ids = 0;
  readonly #patterns = new Map<string, CompiledPattern>();
  readonly #throughItems: boolean;

  /** `throughItems`: the group is encoded and decoded before each step. */
  constructor(throughItems = true) {
    this.#throughItems = throughItems;
  }

  createTopic(name: string, partitions: number): void {
    this.topics.set(name, { name, topicId: `${name}#${this.#ids++}`, partitions });
  }

  addClient(subscription: Subscription, instanceId: string | null = null, assignor: string | null = null): ModelClient {
    const client: ModelClient = {
      memberId: `member-${this.#ids++}`,
      instanceId,
      epoch: 0,
      subscription,
      assignor,
      told: undefined,
      owned: new Set(),
      followed: 0,
      hasNews: false,
      sayAll: true,
      saidOwned: '',
      saidSubscription: '',
      gone: false,
    };
    this.clients.push(client);
    return client;
  }

  /** What the client would send now. */
  compose(client: ModelClient): HeartbeatRequest {
    const all = client.sayAll || client.epoch === 0;
    // The protocol has no word for partitions that a member is about to take: after a lost answer it says what it has, and
    // what it does not name counts as given up. Kafka lives with that window, so the model's clients do not open it.
    if (all) this.settle(client);
    const owned = `${client.followed}: ${[...client.owned].sort().join()}`;
    const subscription = JSON.stringify(client.subscription);
    const saysOwned = all || owned !== client.saidOwned;
    const saysSubscription = all || subscription !== client.saidSubscription;
    client.saidOwned = owned;
    client.saidSubscription = subscription;
    return {
      memberId: client.memberId,
      memberEpoch: client.epoch,
      instanceId: client.instanceId,
      rackId: null,
      rebalanceTimeoutMs: all ? 60_000 : -1,
      subscribedTopicNames: saysSubscription ? client.subscription.names : null,
      subscribedTopicRegex: saysSubscription ? client.subscription.pattern : null,
      serverAssignor: all ? client.assignor : null,
      topicPartitions: saysOwned ? partitionsOfKeys(client.owned) : null,
      clientId: 'client',
      clientHost: '/127.0.0.1',
    };
  }

  #matches(source: string, name: string): boolean {
    let compiled = this.#patterns.get(source);
    if (compiled === undefined) {
      compiled = compilePattern(source);
      this.#patterns.set(source, compiled);
    }
    return compiled.kind === 'valid' && compiled.pattern.matches(name);
  }

  /** The broker's side of one request. */
  deliver(request: HeartbeatRequest): HeartbeatReply {
    const { group: after, reply } = heartbeat(this.#stored(), request, {
      now: this.now,
      config: GROUP_CONFIG.consumer,
      classicConfig: GROUP_CONFIG.classic,
      look: {
        at: this.now,
        named: new Map([...(request.subscribedTopicNames ?? [])].map((name) => [name, this.topics.get(name)])),
        list: { at: this.now, topics: this.topics },
      },
      isTakenIn: false,
      matches: (pattern, name) => this.#matches(pattern, name),
      patternProblem: () => undefined,
      newMemberId: () => `given-${this.#ids++}`,
    });
    if (after !== undefined && after.type !== 'consumer') throw new Error('a group without classic members became one');
    this.group = after as ConsumerGroup | undefined;
    return reply;
  }

  /** The group as it comes back from its items. */
  #stored(): ConsumerGroup | undefined {
    if (this.group === undefined || !this.#throughItems) return this.group;
    const head = JSON.parse(JSON.stringify(encodeConsumerHead(this.group)));
    return decodeConsumerGroup(head, JSON.parse(JSON.stringify(encodeConsumerBody(this.group))));
  }

  /** The client's side of an answer; undefined for a lost one. */
  receive(client: ModelClient, reply: HeartbeatReply | undefined): void {
    if (reply === undefined) {
      client.sayAll = true;
      return;
    }
    if (reply.kind === 'refused') {
      if (reply.error === 'UNRELEASED_INSTANCE_ID' || reply.error === 'FENCED_INSTANCE_ID') client.gone = true;
      client.epoch = 0;
      client.told = undefined;
      client.owned = new Set();
      client.hasNews = false;
      client.sayAll = true;
      return;
    }
    client.epoch = reply.memberEpoch;
    client.sayAll = false;
    if (reply.assignment === null) return;
    client.told = keys(reply.assignment);
    client.hasNews = true;
  }

  /** Gives up what it is no longer told to have, then takes what it is. */
  settle(client: ModelClient): void {
    if (client.told === undefined || !client.hasNews) return;
    client.owned = new Set(client.told);
    client.followed++;
    client.hasNews = false;
  }

  heartbeat(client: ModelClient): HeartbeatReply {
    const reply = this.deliver(this.compose(client));
    this.receive(client, reply);
    return reply;
  }

  leave(client: ModelClient, memberEpoch: -1 | -2): void {
    this.deliver({ ...this.compose(client), memberEpoch, subscribedTopicNames: null, subscribedTopicRegex: null });
    client.gone = true;
  }

  /** Time passes, and the sessions of these clients are over. */
  advance(ms: number, expired: readonly ModelClient[]): void {
    this.now += ms;
    if (this.group === undefined) return;
    const context = { groupId: 'group', now: this.now, config: GROUP_CONFIG } as StepContext;
    const ids = new Set(expired.map(({ memberId }) => memberId));
    this.group = consumerProtocol.advance(this.#stored()!, ids, context) as ConsumerGroup;
  }

  /** Clients that the group takes for its members, and that take themselves for that. */
  members(): ModelClient[] {
    return this.clients.filter(
      (client) =>
        !client.gone &&
        client.epoch > 0 &&
        this.group?.body.members.some(({ memberId }) => memberId === client.memberId) === true,
    );
  }

  /** By 'topic id, partition', the members that have it or may take it at any moment. */
  owners(): Map<string, string[]> {
    const owners = new Map<string, string[]>();
    for (const client of this.members()) {
      for (const key of new Set([...client.owned, ...(client.told ?? [])])) {
        owners.set(key, [...(owners.get(key) ?? []), client.memberId]);
      }
    }
    return owners;
  }
}
