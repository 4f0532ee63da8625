import { ApiKey, type ResponseBody } from '../../lib/wire/apis.ts';
import type { KafkaClient } from './kafka-client.ts';

export type Joined = ResponseBody<typeof ApiKey.JoinGroup>;
export type Synced = ResponseBody<typeof ApiKey.SyncGroup>;

export interface MemberOptions {
  readonly instanceId?: string;
  readonly sessionTimeoutMs?: number;
  readonly rebalanceTimeoutMs?: number;
  readonly protocolType?: string;
  readonly protocols?: readonly { readonly name: string; readonly metadata: Buffer }[];
}

/** A protocol that one offers, by name; its metadata is whatever text. */
export function offer(name: string, metadata = `metadata of ${name}`) {
  return { name, metadata: Buffer.from(metadata) };
}

/**
 * A member of a classic group that does what it is told to, request by request, in the newest versions. It keeps its member
 * id and generation from the answers.
 */
export class GroupMember {
  readonly client: KafkaClient;
  readonly groupId: string;
  readonly options: MemberOptions;
  memberId = '';
  generation = -1;

  constructor(client: KafkaClient, groupId: string, options: MemberOptions = {}) {
    this.client = client;
    this.groupId = groupId;
    this.options = options;
  }

  get instanceId(): string | null {
    return this.options.instanceId ?? null;
  }

  /** One JoinGroup. */
  async joinOnce(): Promise<Joined> {
    const { sessionTimeoutMs = 10_000, rebalanceTimeoutMs = 30_000, protocolType = 'consumer' } = this.options;
    const answer = await this.client.ask(ApiKey.JoinGroup, 9, {
      groupId: this.groupId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      memberId: this.memberId,
      groupInstanceId: this.instanceId,
      protocolType,
      protocols: [...(this.options.protocols ?? [offer('range')])],
      reason: 'a test',
    });
    this.memberId = answer.memberId;
    if (answer.errorCode === 0) this.generation = answer.generationId;
    return answer;
  }

  /** JoinGroup, again with the id that a new member is given. */
  async join(): Promise<Joined> {
    const answer = await this.joinOnce();
    return answer.errorCode === MEMBER_ID_REQUIRED ? this.joinOnce() : answer;
  }

  /** SyncGroup; the leader brings what each member gets. */
  sync(assignments: Readonly<Record<string, string>> = {}, protocolName = 'range'): Promise<Synced> {
    const encoded = Object.entries(assignments).map(([id, text]) => [id, Buffer.from(text)] as const);
    return this.syncWith(new Map(encoded), protocolName);
  }

  /** The same with assignments in bytes. */
  syncWith(assignments: ReadonlyMap<string, Buffer>, protocolName = 'range'): Promise<Synced> {
    return this.client.ask(ApiKey.SyncGroup, 5, {
      groupId: this.groupId,
      generationId: this.generation,
      memberId: this.memberId,
      groupInstanceId: this.instanceId,
      protocolType: this.options.protocolType ?? 'consumer',
      protocolName,
      assignments: [...assignments].map(([memberId, assignment]) => ({ memberId, assignment })),
    });
  }

  /** Joins and syncs; as the leader it gives each member its own id as its assignment. */
  async enter(): Promise<{ readonly joined: Joined; readonly synced: Synced }> {
    const joined = await this.join();
    const given = Object.fromEntries(joined.members.map(({ memberId }) => [memberId, memberId]));
    return { joined, synced: await this.sync(given, joined.protocolName ?? '') };
  }

  /** Heartbeat; its error code. */
  async heartbeat(): Promise<number> {
    const answer = await this.client.ask(ApiKey.Heartbeat, 4, {
      groupId: this.groupId,
      generationId: this.generation,
      memberId: this.memberId,
      groupInstanceId: this.instanceId,
    });
    return answer.errorCode;
  }

  /** LeaveGroup; the member's error code. */
  async leave(): Promise<number> {
    const answer = await this.client.ask(ApiKey.LeaveGroup, 5, {
      groupId: this.groupId,
      members: [{ memberId: this.memberId, groupInstanceId: this.instanceId, reason: 'a test' }],
    });
    return answer.errorCode === 0 ? answer.members[0]!.errorCode : answer.errorCode;
  }
}

const MEMBER_ID_REQUIRED = 79;

/** What DescribeGroups says of one group. */
export async function describeGroup(client: KafkaClient, groupId: string) {
  const { groups } = await client.ask(ApiKey.DescribeGroups, 6, {
    groups: [groupId],
    includeAuthorizedOperations: true,
  });
  return groups[0]!;
}
